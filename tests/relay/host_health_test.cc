// relay/host_health: tables of (what failed, time) -> which host is next.
#include "relay/host_health.h"

#include <chrono>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relay {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr base::Instant kNow{24h};

Target host(const std::string& name, unsigned rank, unsigned weight = 0) {
  return {name, 25, rank, weight, name};
}

std::vector<std::string> names(const std::vector<Target>& targets) {
  std::vector<std::string> found;
  for (const Target& target : targets) found.push_back(target.host);
  return found;
}

// Numbers that differ, the same in every run.
Random numbers() {
  return [state = std::uint64_t{88172645463325252}]() mutable {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
  };
}

const std::vector<Target> kThree = {host("a", 0), host("b", 1), host("c", 2)};

class HostHealthTest : public testing::Test {
 protected:
  // In which order a connection goes through all of them now.
  [[nodiscard]] std::vector<std::string> order(std::vector<Target> left = kThree) const {
    std::vector<std::string> found;
    while (!left.empty()) {
      const std::size_t next = health_.first_of(left);
      found.push_back(left[next].host);
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(next));
    }
    return found;
  }

  [[nodiscard]] std::string due(base::Instant at) const {
    const std::optional<Target> found = health_.due_for_trial(kThree, at);
    return found ? found->host : "";
  }

  HostHealth health_;
};

TEST_F(HostHealthTest, TriesTheWellInTheirOrderAndThenTheSuspects) {
  EXPECT_THAT(order(), ElementsAre("a", "b", "c"));
  health_.on_failure(kThree[0], kNow, 0);
  EXPECT_THAT(order(), ElementsAre("b", "c", "a"));
  health_.on_failure(kThree[1], kNow, 0);
  EXPECT_THAT(order(), ElementsAre("c", "a", "b"));
  health_.on_failure(kThree[2], kNow, 0);
  EXPECT_THAT(order(), ElementsAre("a", "b", "c"));
}

TEST_F(HostHealthTest, TakesOneBackAsSoonAsItIsReady) {
  health_.on_failure(kThree[0], kNow, 0);
  health_.on_ready(kThree[0]);
  EXPECT_FALSE(health_.is_suspect(kThree[0]));
  EXPECT_THAT(order(), ElementsAre("a", "b", "c"));
}

TEST_F(HostHealthTest, GivesTrialsMoreAndMoreSeldomWhileTheyFail) {
  base::Instant now = kNow;
  base::Duration expected = HostHealth::kFirst;
  for (int i = 0; i < 20; ++i) {
    health_.on_failure(kThree[0], now, 0);
    EXPECT_EQ(due(now + expected - 1ms), "") << i;
    EXPECT_EQ(due(now + expected), "a") << i;
    now += expected;
    expected = std::min<base::Duration>(expected * 2, HostHealth::kMost);
  }
  EXPECT_EQ(expected, HostHealth::kMost);
}

TEST_F(HostHealthTest, ComesUpToAQuarterEarlier) {
  const auto quarter = static_cast<std::uint64_t>((HostHealth::kFirst / 4).count());
  health_.on_failure(kThree[0], kNow, quarter);
  EXPECT_EQ(due(kNow + HostHealth::kFirst * 3 / 4 - 1ns), "");
  EXPECT_EQ(due(kNow + HostHealth::kFirst * 3 / 4), "a");
}

TEST_F(HostHealthTest, TakesFailuresThatCameTogetherForOne) {
  for (int i = 0; i < 8; ++i) health_.on_failure(kThree[0], kNow + 1ms * i, 0);
  EXPECT_EQ(due(kNow + HostHealth::kFirst), "a");
}

TEST_F(HostHealthTest, GivesOneTrialAtATime) {
  health_.on_failure(kThree[0], kNow, 0);
  health_.on_trial(kThree[0]);
  EXPECT_EQ(due(kNow + 1h), "");
  health_.on_failure(kThree[0], kNow + 1h, 0);
  EXPECT_EQ(due(kNow + 1h), "");
  EXPECT_EQ(due(kNow + 1h + HostHealth::kFirst * 2), "a");
}

TEST_F(HostHealthTest, PutsATrialThatWasGivenUpOffAsFarAsAFailureWould) {
  health_.on_failure(kThree[0], kNow, 0);
  health_.on_trial(kThree[0]);
  health_.on_trial_ended(kThree[0], kNow + 1h);
  EXPECT_TRUE(health_.is_suspect(kThree[0]));
  EXPECT_EQ(due(kNow + 1h + HostHealth::kFirst - 1ms), "");
  EXPECT_EQ(due(kNow + 1h + HostHealth::kFirst), "a");
  health_.on_trial_ended(kThree[1], kNow);
  EXPECT_FALSE(health_.is_suspect(kThree[1]));
}

TEST_F(HostHealthTest, GivesNoTrialsToWhomNobodyWellIsOutdoneBy) {
  health_.on_failure(kThree[1], kNow, 0);
  EXPECT_EQ(due(kNow + 1h), "") << "a, before it, is well";
  health_.on_failure(kThree[0], kNow, 0);
  EXPECT_EQ(due(kNow + 1h), "a");
  health_.on_trial(kThree[0]);
  EXPECT_EQ(due(kNow + 1h), "b");
  health_.on_failure(kThree[2], kNow, 0);
  EXPECT_EQ(due(kNow + 1h), "") << "every connection tries all of them";
}

TEST_F(HostHealthTest, GivesATrialToASuspectAmongEquals) {
  const std::vector<Target> equals = {host("a", 0), host("b", 0)};
  health_.on_failure(equals[1], kNow, 0);
  EXPECT_EQ(health_.due_for_trial(equals, kNow + 1h), equals[1]);
  EXPECT_FALSE(health_.is_outdone(equals[1], equals));
}

TEST_F(HostHealthTest, KnowsWhoIsOutdoneByAPreferredOneThatIsWell) {
  EXPECT_FALSE(health_.is_outdone(kThree[0], kThree));
  EXPECT_TRUE(health_.is_outdone(kThree[1], kThree));
  health_.on_failure(kThree[0], kNow, 0);
  EXPECT_FALSE(health_.is_outdone(kThree[1], kThree));
  EXPECT_TRUE(health_.is_outdone(kThree[2], kThree));
  EXPECT_FALSE(health_.is_outdone(host("gone", 9), kThree));
}

TEST_F(HostHealthTest, ForgetsHostsThatAreNoneAnyMore) {
  health_.on_failure(kThree[0], kNow, 0);
  health_.on_failure(kThree[1], kNow, 0);
  health_.keep_only(std::vector<Target>{kThree[0]});
  EXPECT_TRUE(health_.is_suspect(kThree[0]));
  EXPECT_FALSE(health_.is_suspect(kThree[1]));
}

TEST_F(HostHealthTest, TellsPortsOfOneHostApart) {
  Target other = kThree[0];
  other.port = 587;
  health_.on_failure(other, kNow, 0);
  EXPECT_FALSE(health_.is_suspect(kThree[0]));
}

TEST(Arranged, GoesByRank) {
  const auto drawn = arranged({host("c", 30), host("a", 5), host("b", 10)}, numbers());
  EXPECT_THAT(names(drawn), ElementsAre("a", "b", "c"));
}

// RFC 2782: a share of the first places that is proportional to the weight.
TEST(Arranged, DrawsAmongEqualsByWeight) {
  const Random random = numbers();
  const std::vector<Target> targets = {host("one", 1, 1), host("three", 1, 3), host("none", 1, 0),
                                       host("later", 2, 100)};
  std::map<std::string, int> first;
  constexpr int kDraws = 4000;
  for (int i = 0; i < kDraws; ++i) {
    const std::vector<std::string> drawn = names(arranged(targets, random));
    EXPECT_THAT(drawn, UnorderedElementsAre("one", "three", "none", "later"));
    EXPECT_EQ(drawn.back(), "later");
    ++first[drawn.front()];
  }
  // Of the numbers from 0 to 4, one is for the first, and three for the other.
  EXPECT_NEAR(first["none"], kDraws / 5, kDraws / 20);
  EXPECT_NEAR(first["one"], kDraws / 5, kDraws / 20);
  EXPECT_NEAR(first["three"], kDraws * 3 / 5, kDraws / 20);
}

// RFC 5321 5.1: the load is spread over those of one preference.
TEST(Arranged, ShufflesEqualsWithoutWeights) {
  const Random random = numbers();
  std::map<std::string, int> first;
  for (int i = 0; i < 3000; ++i) {
    ++first[arranged({host("a", 10), host("b", 10), host("c", 10)}, random).front().host];
  }
  for (const char* name : {"a", "b", "c"}) EXPECT_NEAR(first[name], 1000, 150) << name;
}

TEST(SummaryOfFailures, IsThatOfTheOnlyHost) {
  const base::Error error{base::Fault::tls, "certificate expired on 2026-01-31"};
  EXPECT_EQ(summary_of(std::vector<HostFailure>{{"a:25", error}}), error);
}

TEST(SummaryOfFailures, NamesEachHostOnceAndBlamesAsTheFirstDoes) {
  const base::Error all = summary_of(std::vector<HostFailure>{
      {"a:25", {base::Fault::tls, "certificate expired on 2026-01-31"}},
      {"b:25", {base::Fault::unreachable, "b:25: 192.0.2.1 connection refused"}}});
  EXPECT_EQ(all.fault, base::Fault::tls);
  EXPECT_EQ(all.detail,
            "a:25: certificate expired on 2026-01-31; b:25: 192.0.2.1 connection refused");
}

TEST(SummaryOfFailures, LeavesRoomForEveryHost) {
  std::vector<HostFailure> failures;
  for (const char* name : {"a:25", "b:25", "c:25"}) {
    failures.push_back({name, {base::Fault::tls, std::string(1000, 'x')}});
  }
  const base::Error all = summary_of(failures);
  EXPECT_LE(all.detail.size(), 480U);
  EXPECT_THAT(all.detail, AllOf(HasSubstr("a:25: x"), HasSubstr("b:25: x"), HasSubstr("c:25: x")));
}

}  // namespace
}  // namespace relay
