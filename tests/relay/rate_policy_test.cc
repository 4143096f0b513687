// relay/rate_policy: times at which mails went -> when the next may.
#include "relay/rate_policy.h"

#include <chrono>
#include <deque>

#include <gtest/gtest.h>

namespace relay {
namespace {

using namespace std::chrono_literals;

constexpr base::Instant kNow{24h};
constexpr Rate kThirtyAMinute = {30, 1min};

TEST(RateWindow, LetsTheWholeNumberGoAtOnceAndNoneMore) {
  RateWindow window(kThirtyAMinute);
  for (unsigned i = 0; i < 30; ++i) EXPECT_TRUE(window.take(kNow)) << i;
  EXPECT_FALSE(window.take(kNow));
  EXPECT_FALSE(window.take(kNow + 1min - 1ns));
  EXPECT_TRUE(window.take(kNow + 1min));
}

TEST(RateWindow, FreesEachPlaceAfterASpanOfItsOwn) {
  RateWindow window({2, 10s});
  EXPECT_TRUE(window.take(kNow));
  EXPECT_TRUE(window.take(kNow + 4s));
  EXPECT_FALSE(window.take(kNow + 9s));
  EXPECT_TRUE(window.take(kNow + 10s));
  EXPECT_FALSE(window.take(kNow + 13s));
  EXPECT_TRUE(window.take(kNow + 14s));
}

// The point of it: no rest earns more than the number.
TEST(RateWindow, NeverLetsMoreThanTheNumberGoInAnySpan) {
  RateWindow window(kThirtyAMinute);
  std::deque<base::Instant> went;
  for (base::Duration at{}; at < 20min; at += 700ms) {
    // Bursts and rests.
    const bool is_rest = at % 3min > 2min;
    for (int i = 0; i < 3 && !is_rest; ++i) {
      if (!window.take(kNow + at)) continue;
      went.push_back(kNow + at);
      while (went.front() <= kNow + at - 1min) went.pop_front();
      ASSERT_LE(went.size(), 30U);
    }
  }
}

TEST(RateWindow, TellsEachOfAQueueWhenItsTurnIs) {
  RateWindow window({2, 10s});
  EXPECT_EQ(window.turn_of(0, kNow), kNow);
  EXPECT_EQ(window.turn_of(1, kNow), kNow);
  EXPECT_EQ(window.turn_of(2, kNow), kNow + 10s);
  ASSERT_TRUE(window.take(kNow));
  EXPECT_EQ(window.turn_of(0, kNow + 3s), kNow + 3s);
  EXPECT_EQ(window.turn_of(1, kNow + 3s), kNow + 10s);
  EXPECT_EQ(window.turn_of(2, kNow + 3s), kNow + 13s);
  ASSERT_TRUE(window.take(kNow + 3s));
  EXPECT_EQ(window.turn_of(0, kNow + 5s), kNow + 10s);
  EXPECT_EQ(window.turn_of(1, kNow + 5s), kNow + 13s);
  EXPECT_EQ(window.turn_of(2, kNow + 5s), kNow + 20s);
  EXPECT_EQ(window.turn_of(3, kNow + 5s), kNow + 23s);
  EXPECT_EQ(window.turn_of(0, kNow + 1h), kNow + 1h);
}

TEST(RateWindow, BearsAClockThatIsALittleBehind) {
  RateWindow window({2, 10s});
  EXPECT_TRUE(window.take(kNow));
  EXPECT_TRUE(window.take(kNow - 2ms));
  EXPECT_FALSE(window.take(kNow + 10s - 1ms));
  EXPECT_TRUE(window.take(kNow + 10s));
  EXPECT_TRUE(window.take(kNow + 10s));
}

}  // namespace
}  // namespace relay
