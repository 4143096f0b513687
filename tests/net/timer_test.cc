// net/timer and net/loop: deadlines, and the end of a turn.
#include "net/timer.h"

#include <gtest/gtest.h>
#include <uv.h>

#include "net/net_fixture.h"

namespace net {
namespace {

using std::chrono::milliseconds;

class TimerTest : public NetTest {
 protected:
  void SetUp() override {
    NetTest::SetUp();
    timer_.emplace(*loop_, counter_);
  }
  void TearDown() override { timer_.reset(); }

  struct Counter : TimerEvents {
    void on_timer() override {
      ++fired;
      if (hook) hook();
    }
    int fired = 0;
    std::function<void()> hook;
  };

  Counter counter_;
  std::optional<Timer> timer_;
};

TEST_F(TimerTest, FiresOnceAndNotEarly) {
  const base::Instant due = loop_->now() + milliseconds(15);
  timer_->arm(due);
  run_until([this] { return counter_.fired > 0; });
  EXPECT_GE(loop_->now(), due);
  loop_->run();
  EXPECT_EQ(counter_.fired, 1);
}

TEST_F(TimerTest, FiresAtOnceForThePast) {
  timer_->arm(loop_->now() - milliseconds(100));
  run_until([this] { return counter_.fired == 1; });
}

// The clock of a turn stands still, and a turn may be long.
TEST_F(TimerTest, CountsFromTheTimeItIsArmedAndNotFromThatOfTheTurn) {
  const base::Instant due = loop_->now() + milliseconds(100);
  while (base::Clock::now() <= due) {
  }
  Counter other;
  uv_timer_t by_libuv;
  by_libuv.data = &other;
  ASSERT_EQ(uv_timer_init(loop_->raw(), &by_libuv), 0);
  timer_->arm(due);
  // This far too late, it would be the second.
  const auto fire = [](uv_timer_t* raw) { static_cast<Counter*>(raw->data)->on_timer(); };
  ASSERT_EQ(uv_timer_start(&by_libuv, fire, 50, 0), 0);
  other.hook = [this] { EXPECT_EQ(counter_.fired, 1); };
  run_until([&] { return other.fired == 1; });
  uv_close(reinterpret_cast<uv_handle_t*>(&by_libuv), nullptr);
  loop_->run();
}

TEST_F(TimerTest, WaitsForADeadlineThatMovedLater) {
  const base::Instant later = loop_->now() + milliseconds(40);
  timer_->arm(loop_->now() + milliseconds(5));
  timer_->arm(later);
  run_until([this] { return counter_.fired == 1; });
  EXPECT_GE(loop_->now(), later);
}

TEST_F(TimerTest, FiresSoonerForADeadlineThatMovedEarlier) {
  const base::Instant far = loop_->now() + std::chrono::seconds(60);
  timer_->arm(far);
  timer_->arm(loop_->now() + milliseconds(5));
  run_until([this] { return counter_.fired == 1; });
  EXPECT_LT(loop_->now(), far);
}

TEST_F(TimerTest, DoesNotFireOnceDisarmed) {
  timer_->arm(loop_->now() + milliseconds(1));
  timer_->arm(std::nullopt);
  loop_->run();
  EXPECT_EQ(counter_.fired, 0);
}

TEST_F(TimerTest, MayBeArmedAgainFromItsCallback) {
  counter_.hook = [this] {
    if (counter_.fired < 3) timer_->arm(loop_->now() + milliseconds(1));
  };
  timer_->arm(loop_->now());
  run_until([this] { return counter_.fired == 3; });
}

TEST_F(TimerTest, MayBeDestroyedInItsCallback) {
  counter_.hook = [this] { timer_.reset(); };
  timer_->arm(loop_->now());
  run_until([this] { return !timer_; });
}

TEST_F(TimerTest, IsFollowedByTheEndOfTheTurnBeforeTheLoopSleeps) {
  int turns = 0;
  bool was_told = false;
  loop_->on_turn_end([&] {
    ++turns;
    if (counter_.fired == 1) was_told = true;
  });
  timer_->arm(loop_->now() + milliseconds(1));
  run_until([this] { return counter_.fired == 1; });
  timer_->arm(loop_->now() + std::chrono::seconds(30));
  // Nothing but the far timer is left: one more turn must not sleep before the end was told.
  run_until([&] {
    if (!was_told) timer_->arm(loop_->now() + milliseconds(1));
    return was_told;
  });
  EXPECT_GT(turns, 0);
  loop_->on_turn_end(nullptr);
}

TEST_F(TimerTest, LeavesAnIdleLoopWithNothingToDo) {
  loop_->run();
  SUCCEED();
}

}  // namespace
}  // namespace net
