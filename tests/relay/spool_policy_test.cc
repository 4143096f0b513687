// relay/spool_policy: what happened to whom and when -> what is tried next.
#include "relay/spool_policy.h"

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

namespace relay {
namespace {

using namespace std::chrono_literals;
using Ending = SpoolSchedule::Ending;
using Id = SpoolSchedule::Id;

constexpr base::Instant kNow{24h};
constexpr base::Duration kDay = 24h;
// A random number that means no jitter, as it is and in its upper half.
constexpr std::uint64_t kSteps = 2 * kRetryJitterPercent + 1;
constexpr std::uint64_t kUpper = std::uint64_t{kRetryJitterPercent} << 32;
constexpr std::uint64_t kMiddle =
    kUpper + (kRetryJitterPercent + kSteps - kUpper % kSteps) % kSteps;
const std::string kMain = "main";

class Schedule : public ::testing::Test {
 protected:
  Schedule() : schedule_(5 * kDay) { schedule_.set_sections(names_); }

  void add(Id id, base::Duration age = 0s) { schedule_.add(id, kMain, age, now_); }
  // All that may begin now, in this order.
  std::vector<Id> begin_all() {
    std::vector<Id> begun;
    while (const auto id = schedule_.begin_attempt(kMain, now_)) begun.push_back(*id);
    return begun;
  }
  Id begin_one() {
    const auto id = schedule_.begin_attempt(kMain, now_);
    EXPECT_TRUE(id.has_value());
    return id.value_or(0);
  }
  void end(Id id, Ending ending) { schedule_.end_attempt(id, ending, now_, kMiddle); }
  void deliver(Id id) {
    schedule_.on_answered(kMain);
    schedule_.remove(id);
  }

  const std::vector<std::string> names_ = {kMain, "other"};
  base::Instant now_ = kNow;
  SpoolSchedule schedule_;
};

TEST(RetryDelay, DoublesFromAMinuteToHalfAnHour) {
  const std::vector<base::Duration> expected = {1min, 2min, 4min, 8min, 16min, 30min, 30min};
  for (unsigned i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(retry_delay(i + 1, kRetryJitterPercent), expected[i]) << i;
  }
  EXPECT_EQ(retry_delay(1'000'000, kRetryJitterPercent), 30min);
}

TEST(RetryDelay, StraysAFifthAndNoMore) {
  base::Duration least = 1h, most = 0s;
  for (std::uint64_t random = 0; random < 1000; ++random) {
    least = std::min(least, retry_delay(1, random));
    most = std::max(most, retry_delay(1, random));
  }
  EXPECT_EQ(least, 48s);
  EXPECT_EQ(most, 72s);
  EXPECT_LE(retry_delay(9, UINT64_MAX), 36min);
}

TEST_F(Schedule, TriesEverythingInTheOrderOfItsComing) {
  for (Id id = 1; id <= 4; ++id) add(id);
  EXPECT_EQ(begin_all(), (std::vector<Id>{1, 2, 3, 4}));
  EXPECT_EQ(schedule_.begin_attempt("other", now_), std::nullopt);
  EXPECT_EQ(schedule_.begin_attempt("nowhere", now_), std::nullopt);
}

TEST_F(Schedule, LetsTheWholeSectionWaitWhenTheSmarthostCannotBeReached) {
  add(1);
  add(2);
  end(begin_one(), Ending::unreachable);
  EXPECT_EQ(begin_all(), std::vector<Id>{});
  add(3);
  EXPECT_FALSE(schedule_.begin_attempt_of(3, now_));
  EXPECT_EQ(schedule_.next_time(now_), kNow + 1min);
  now_ += 1min - 1ms;
  EXPECT_EQ(begin_all(), std::vector<Id>{});
}

TEST_F(Schedule, ProbesWithOneMailAndFloodsWhenItIsAnswered) {
  for (Id id = 1; id <= 5; ++id) add(id);
  end(begin_one(), Ending::unreachable);
  now_ += 1min;
  EXPECT_EQ(begin_all(), (std::vector<Id>{1}));
  EXPECT_EQ(schedule_.next_time(now_), std::nullopt);
  deliver(1);
  EXPECT_EQ(begin_all(), (std::vector<Id>{2, 3, 4, 5}));
}

TEST_F(Schedule, BacksOffFurtherWithEachProbeThatFails) {
  add(1);
  for (const base::Duration wait : {1min, 2min, 4min, 8min, 16min, 30min, 30min}) {
    end(begin_one(), Ending::unreachable);
    EXPECT_EQ(schedule_.next_time(now_), now_ + wait);
    now_ += wait;
  }
  deliver(begin_one());
  add(2);
  end(begin_one(), Ending::unreachable);
  EXPECT_EQ(schedule_.next_time(now_), now_ + 1min);
}

TEST_F(Schedule, CountsAFailureOfManyAtOnceOnce) {
  for (Id id = 1; id <= 8; ++id) add(id);
  for (const Id id : begin_all()) end(id, Ending::unreachable);
  EXPECT_EQ(schedule_.next_time(now_), now_ + 1min);
}

TEST_F(Schedule, EndsAWaitAtOnceWhenAnybodyReachesTheSmarthost) {
  for (Id id = 1; id <= 3; ++id) add(id);
  end(begin_one(), Ending::unreachable);
  now_ += 1s;
  schedule_.on_reached("other", now_);
  EXPECT_EQ(begin_all(), std::vector<Id>{});
  schedule_.on_reached(kMain, now_);
  // One of them first: to open a connection is not yet to take mail.
  EXPECT_EQ(begin_all(), (std::vector<Id>{1}));
  end(1, Ending::unreachable);
  EXPECT_EQ(schedule_.next_time(now_), now_ + 2min);
}

TEST_F(Schedule, LetsAMailThatIsPutOffStopNoOther) {
  add(1);
  add(2);
  EXPECT_EQ(begin_one(), 1u);
  schedule_.on_answered(kMain);
  end(1, Ending::put_off);
  EXPECT_EQ(begin_all(), (std::vector<Id>{2}));
  EXPECT_EQ(schedule_.next_time(now_), now_ + 1min);
  now_ += 1min;
  EXPECT_EQ(begin_one(), 1u);
  end(1, Ending::put_off);
  EXPECT_EQ(schedule_.due_at(1), now_ + 2min);
}

// The smarthost hangs up on one mail each time: it must not be the probe for ever.
TEST_F(Schedule, DoesNotLetAMailThatCutsConnectionsBeEveryProbe) {
  add(1);
  add(2);
  EXPECT_EQ(begin_one(), 1u);
  end(1, Ending::cut_short);
  EXPECT_EQ(begin_all(), std::vector<Id>{});
  now_ += 1min;
  EXPECT_EQ(begin_one(), 2u);
  deliver(2);
  EXPECT_EQ(begin_one(), 1u);
}

TEST_F(Schedule, TakesWantOfRoomForNobodysFailure) {
  add(1);
  end(begin_one(), Ending::no_room);
  EXPECT_FALSE(schedule_.is_failing(kMain));
  EXPECT_EQ(begin_all(), std::vector<Id>{});
  EXPECT_EQ(schedule_.next_time(now_), now_ + kBusyPause);
  now_ += kBusyPause;
  add(2);
  EXPECT_EQ(begin_all(), (std::vector<Id>{1, 2}));
  EXPECT_FALSE(schedule_.is_expired(1, now_ + 6 * kDay));
}

TEST_F(Schedule, TriesAgainAtOnceWhatWasNotTried) {
  add(1);
  end(begin_one(), Ending::not_tried);
  EXPECT_EQ(begin_all(), (std::vector<Id>{1}));
}

TEST_F(Schedule, BeginsAFreshMailByItselfOnlyWhileAllIsWell) {
  add(1);
  EXPECT_TRUE(schedule_.begin_attempt_of(1, now_));
  EXPECT_FALSE(schedule_.begin_attempt_of(1, now_));
  end(1, Ending::unreachable);
  now_ += 1min;
  add(2);
  EXPECT_FALSE(schedule_.begin_attempt_of(2, now_));
  EXPECT_EQ(begin_one(), 1u);
}

TEST_F(Schedule, LeavesWhatIsHeldAlone) {
  add(1, 6 * kDay);
  add(2);
  schedule_.set_held(1, true);
  EXPECT_EQ(begin_one(), 2u);
  end(2, Ending::unreachable);
  EXPECT_FALSE(schedule_.is_expired(1, now_));
  EXPECT_EQ(schedule_.expired(kMain, now_), std::vector<Id>{});
  schedule_.retry_all(now_);
  EXPECT_TRUE(schedule_.is_held(1));
  EXPECT_EQ(begin_one(), 2u);
  end(2, Ending::not_tried);
  schedule_.retry(1, now_);
  EXPECT_FALSE(schedule_.is_held(1));
  schedule_.on_answered(kMain);
  EXPECT_EQ(begin_all().size(), 2u);
}

TEST_F(Schedule, ForgetsEveryWaitWhenAPersonAsks) {
  add(1);
  add(2);
  EXPECT_EQ(begin_one(), 1u);
  end(1, Ending::cut_short);
  schedule_.retry(1, now_);
  EXPECT_EQ(begin_one(), 1u);
  end(1, Ending::put_off);
  schedule_.retry_all(now_);
  schedule_.on_answered(kMain);
  EXPECT_EQ(begin_all().size(), 2u);
}

TEST_F(Schedule, ExpiresWhatIsTooOldOnceAnAttemptHasFailed) {
  add(1, 6 * kDay);
  add(2, 5 * kDay - 1h);
  // The machine may have been off: what is old gets its attempt.
  EXPECT_FALSE(schedule_.is_expired(1, now_));
  EXPECT_EQ(schedule_.expired(kMain, now_), std::vector<Id>{});
  EXPECT_EQ(begin_one(), 1u);
  end(1, Ending::unreachable);
  EXPECT_TRUE(schedule_.is_expired(1, now_));
  EXPECT_FALSE(schedule_.is_expired(2, now_));
  EXPECT_EQ(schedule_.expired(kMain, now_), (std::vector<Id>{1}));
  now_ += 1h;
  EXPECT_EQ(schedule_.expired(kMain, now_), (std::vector<Id>{1, 2}));
}

TEST_F(Schedule, ExpiresAMailThatIsPutOffForItsOwnSake) {
  add(1, 5 * kDay);
  EXPECT_EQ(begin_one(), 1u);
  end(1, Ending::put_off);
  EXPECT_TRUE(schedule_.is_expired(1, now_));
  EXPECT_EQ(schedule_.expires_at(1), now_);
}

TEST_F(Schedule, TakesAMailOfTheFutureForANewOne) {
  add(1, -3 * kDay);
  EXPECT_EQ(schedule_.expires_at(1), now_ + 5 * kDay);
  EXPECT_FALSE(schedule_.is_warning_due(1, now_ + 4h - 1s));
  EXPECT_TRUE(schedule_.is_warning_due(1, now_ + 4h));
}

TEST_F(Schedule, KeepsTheMailOfASectionThatIsGoneUntilItComesBack) {
  add(1, 6 * kDay);
  const std::vector<std::string> others = {"other"};
  schedule_.set_sections(others);
  EXPECT_EQ(begin_all(), std::vector<Id>{});
  EXPECT_EQ(schedule_.next_time(now_), std::nullopt);
  EXPECT_EQ(schedule_.stranded(), (std::map<std::string, std::size_t>{{kMain, 1}}));
  schedule_.set_sections(names_);
  EXPECT_TRUE(schedule_.stranded().empty());
  EXPECT_EQ(begin_one(), 1u);
}

TEST_F(Schedule, KeepsSectionsApart) {
  add(1);
  schedule_.add(2, "other", 0s, now_);
  end(begin_one(), Ending::unreachable);
  EXPECT_EQ(schedule_.begin_attempt("other", now_), std::optional<Id>(2));
}

TEST_F(Schedule, ForgetsAProbeThatIsRemoved) {
  add(1);
  add(2);
  end(begin_one(), Ending::unreachable);
  now_ += 1min;
  EXPECT_EQ(begin_one(), 1u);
  schedule_.remove(1);
  EXPECT_EQ(begin_one(), 2u);
  EXPECT_EQ(schedule_.size_of(kMain), 1u);
}

TEST_F(Schedule, CarriesAHundredThousandMails) {
  constexpr Id kMany = 100'000;
  for (Id id = 1; id <= kMany; ++id) add(id);
  end(begin_one(), Ending::unreachable);
  now_ += 1min;
  deliver(begin_one());
  EXPECT_EQ(begin_all().size(), kMany - 1);
}

TEST(NotificationBudget, AllowsSoManyAMinute) {
  NotificationBudget budget;
  for (unsigned i = 0; i < kMaxNotificationsAMinute; ++i) EXPECT_TRUE(budget.take(kNow)) << i;
  EXPECT_FALSE(budget.take(kNow + 59s));
  EXPECT_TRUE(budget.take(kNow + 60s));
}

}  // namespace
}  // namespace relay
