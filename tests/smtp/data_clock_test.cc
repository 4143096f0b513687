// smtp/data_clock: how slow is too slow.
#include "smtp/data_clock.h"

#include <chrono>

#include <gtest/gtest.h>

namespace smtp {
namespace {

using namespace std::chrono_literals;

class DataClockTest : public testing::Test {
 protected:
  DataClockTest() { clock_.begin(now_); }

  base::Instant now_{1h};
  DataClock clock_;
};

TEST_F(DataClockTest, KeepsUpWithWhatMovesAtTheLeastRate) {
  for (int i = 0; i < 1000; ++i) {
    now_ += 1s;
    clock_.on_moved(kMinDataRate, now_);
    ASSERT_EQ(clock_.paid_until(), now_);
  }
}

TEST_F(DataClockTest, CountsEveryOctetHoweverFewComeAtATime) {
  for (int i = 0; i < 10000; ++i) {
    now_ += 2ms;
    clock_.on_moved(1, now_);
    ASSERT_EQ(clock_.paid_until(), now_);
  }
}

TEST_F(DataClockTest, FallsBehindWhatMovesMoreSlowly) {
  now_ += 100s;
  clock_.on_moved(kMinDataRate * 40, now_);
  EXPECT_EQ(clock_.paid_until(), now_ - 60s);
  now_ += 100s;
  EXPECT_EQ(clock_.paid_until(), now_ - 160s);
}

TEST_F(DataClockTest, IsNeverAheadHoweverMuchMoves) {
  clock_.on_moved(UINT64_MAX, now_);
  EXPECT_EQ(clock_.paid_until(), now_);
  now_ += 60s;
  clock_.on_moved(1, now_);
  EXPECT_EQ(clock_.paid_until(), now_ - 60s + 2ms);
}

TEST_F(DataClockTest, GivesBackTimeThatOthersHad) {
  now_ += 10s;
  clock_.grant(10s);
  EXPECT_EQ(clock_.paid_until(), now_);
  clock_.on_moved(1000000, now_ - 1s);  // a clock that goes back takes nothing away
  EXPECT_EQ(clock_.paid_until(), now_);
}

}  // namespace
}  // namespace smtp
