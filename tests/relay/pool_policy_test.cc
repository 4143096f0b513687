// relay/pool_policy: tables of (connections, time) -> decision.
#include "relay/pool_policy.h"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relay {
namespace {

using namespace std::chrono_literals;

constexpr base::Instant kNow{24h};

IdleConnection warm(std::uint64_t id, base::Duration idle = 1s) {
  IdleConnection connection;
  connection.id = id;
  connection.opened = kNow - 1min;
  connection.idle_since = kNow - idle;
  connection.transactions = 1;
  connection.extensions.eight_bit_mime = true;
  return connection;
}

IdleConnection unused(std::uint64_t id) {
  IdleConnection connection = warm(id, 0s);
  connection.transactions = 0;
  connection.is_unused = true;
  return connection;
}

smtp::Extensions needs_eight_bit() {
  smtp::Extensions needs;
  needs.eight_bit_mime = true;
  return needs;
}

Decision choose_from(const std::vector<IdleConnection>& idle, unsigned existing,
                     const smtp::Extensions& needs = {}, bool must_be_fresh = false) {
  return choose(idle, existing, needs, must_be_fresh, PoolOptions{}, kNow);
}

TEST(PoolPolicy, RetiresForEachOfItsReasonsAtItsLimit) {
  const PoolOptions options;
  EXPECT_EQ(why_retire(warm(1), options, kNow), "");
  EXPECT_EQ(why_retire(warm(1, options.idle_timeout - 1ms), options, kNow), "");
  EXPECT_EQ(why_retire(warm(1, options.idle_timeout), options, kNow), "idle timeout");
  IdleConnection old = warm(1);
  old.opened = kNow - options.max_age + 1ms;
  EXPECT_EQ(why_retire(old, options, kNow), "");
  old.opened = kNow - options.max_age;
  EXPECT_EQ(why_retire(old, options, kNow), "maximum age");
  IdleConnection busy = warm(1);
  busy.transactions = options.max_transactions - 1;
  EXPECT_EQ(why_retire(busy, options, kNow), "");
  busy.transactions = options.max_transactions;
  EXPECT_EQ(why_retire(busy, options, kNow), "maximum transactions");
  IdleConnection fat = warm(1);
  fat.bytes = options.max_bytes - 1;
  EXPECT_EQ(why_retire(fat, options, kNow), "");
  fat.bytes = options.max_bytes;
  EXPECT_EQ(why_retire(fat, options, kNow), "maximum bytes");
}

TEST(PoolPolicy, LeasesWhatWasOpenedJustNowThoughNoneIsKept) {
  PoolOptions options;
  options.idle_timeout = 0s;
  EXPECT_EQ(why_retire(unused(1), options, kNow), "");
  EXPECT_EQ(choose(std::vector{unused(1)}, 1, {}, false, options, kNow).choice, Choice::lease);
  EXPECT_EQ(why_retire(unused(1), options, kNow + 1ms), "idle timeout");
  EXPECT_EQ(why_retire(warm(1, 0s), options, kNow), "idle timeout");
}

TEST(PoolPolicy, ObeysTheSmarthostsMailMax) {  // RFC 9422
  IdleConnection connection = warm(1);
  connection.extensions.mail_max = 2;
  EXPECT_EQ(why_retire(connection, {}, kNow), "");
  connection.transactions = 2;
  EXPECT_EQ(why_retire(connection, {}, kNow), "smarthost's MAILMAX");
}

TEST(PoolPolicy, SaysWhenAConnectionRetires) {
  const PoolOptions options;
  IdleConnection connection = warm(1);
  EXPECT_EQ(retire_at(connection, options), connection.idle_since + options.idle_timeout);
  connection.opened = kNow - options.max_age + 1s;
  EXPECT_EQ(retire_at(connection, options), kNow + 1s);
  EXPECT_EQ(why_retire(connection, options, retire_at(connection, options)), "maximum age");
}

TEST(PoolPolicy, LeasesWhatWasUsedLast) {
  const Decision decision = choose_from({warm(1, 5s), warm(2, 1s), warm(3, 9s)}, 3);
  EXPECT_EQ(decision.choice, Choice::lease);
  EXPECT_EQ(decision.id, 2U);
}

TEST(PoolPolicy, OpensWhereNoneIsIdle) {
  EXPECT_EQ(choose_from({}, 0).choice, Choice::open);
  EXPECT_EQ(choose_from({}, PoolOptions{}.max_connections - 1).choice, Choice::open);
  EXPECT_EQ(choose_from({}, 0).id, 0U);
}

TEST(PoolPolicy, WaitsWhereAllAreInUse) {
  EXPECT_EQ(choose_from({}, PoolOptions{}.max_connections).choice, Choice::wait);
}

TEST(PoolPolicy, LeasesNothingThatIsToRetire) {
  EXPECT_EQ(choose_from({warm(1, 31s)}, 1).choice, Choice::open);
}

TEST(PoolPolicy, LeasesOnlyWhatCoversTheNeeds) {
  IdleConnection poor = warm(1, 1s);
  poor.extensions.eight_bit_mime = false;
  const Decision decision = choose_from({poor, warm(2, 5s)}, 2, needs_eight_bit());
  EXPECT_EQ(decision.choice, Choice::lease);
  EXPECT_EQ(decision.id, 2U);
  EXPECT_EQ(choose_from({poor}, 1, needs_eight_bit()).choice, Choice::open);
}

TEST(PoolPolicy, FreshIsOnlyWhatNobodyUsed) {
  EXPECT_EQ(choose_from({warm(1)}, 1, {}, true).choice, Choice::open);
  const Decision decision = choose_from({warm(1), unused(2)}, 2, {}, true);
  EXPECT_EQ(decision.choice, Choice::lease);
  EXPECT_EQ(decision.id, 2U);
}

TEST(PoolPolicy, SearchForMoreThanIsOfferedEndsWithTheFirstNewConnection) {
  // A smarthost that offers less than it did: what was just opened for this request is as good as
  // the next would be.
  IdleConnection poor = unused(7);
  poor.extensions.eight_bit_mime = false;
  for (const bool must_be_fresh : {false, true}) {
    const Decision decision = choose_from({poor}, 1, needs_eight_bit(), must_be_fresh);
    EXPECT_EQ(decision.choice, Choice::lease);
    EXPECT_EQ(decision.id, 7U);
  }
  EXPECT_EQ(choose_from({poor, warm(2)}, 2, needs_eight_bit()).id, 2U);
}

TEST(PoolPolicy, IdleConnectionMakesRoomForOneThatIsNeeded) {
  const unsigned most = PoolOptions{}.max_connections;
  const Decision decision = choose_from({warm(1, 2s), warm(2, 8s)}, most, {}, true);
  EXPECT_EQ(decision.choice, Choice::open);
  EXPECT_EQ(decision.id, 2U);
}

// --- backoff ---

TEST(Backoff, AllowsAnAttemptAtOnceBeforeAnyFailure) {
  const Backoff backoff;
  EXPECT_FALSE(backoff.is_failing());
  EXPECT_EQ(backoff.next_attempt(), std::nullopt);
}

TEST(Backoff, GrowsToItsMostAndStaysThere) {
  Backoff backoff;
  base::Duration last{};
  for (int i = 0; i < 100; ++i) {
    backoff.on_failure(kNow, 0);
    EXPECT_TRUE(backoff.is_failing());
    const base::Duration spacing = *backoff.next_attempt() - kNow;
    EXPECT_GE(spacing, last);
    EXPECT_LE(spacing, Backoff::kMost);
    last = spacing;
  }
  EXPECT_EQ(last, Backoff::kMost);
}

TEST(Backoff, JitterShortensByAQuarterAtMost) {
  for (std::uint64_t random :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{12345678901}, UINT64_MAX}) {
    Backoff backoff;
    backoff.on_failure(kNow, random);
    const base::Duration spacing = *backoff.next_attempt() - kNow;
    EXPECT_LE(spacing, Backoff::kFirst);
    EXPECT_GE(spacing, Backoff::kFirst * 3 / 4);
  }
}

TEST(Backoff, SuccessForgetsTheFailures) {
  Backoff backoff;
  for (int i = 0; i < 5; ++i) backoff.on_failure(kNow, 0);
  backoff.on_success();
  EXPECT_FALSE(backoff.is_failing());
  EXPECT_EQ(backoff.next_attempt(), std::nullopt);
  backoff.on_failure(kNow, 0);
  EXPECT_EQ(*backoff.next_attempt() - kNow, Backoff::kFirst);
}

}  // namespace
}  // namespace relay
