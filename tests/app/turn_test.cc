// app/turn: what is done once at the end of a turn.
#include "app/turn.h"

#include <string>

#include <gtest/gtest.h>

namespace app {
namespace {

class TurnTest : public testing::Test {
 protected:
  struct Task : TurnTask {
    void on_turn_end() override {
      ++runs;
      if (hook) hook();
    }
    int runs = 0;
    std::function<void()> hook;
  };

  Turn turn_;
  Task a_, b_;
};

TEST_F(TurnTest, RunsATaskOnceHoweverOftenItWasWanted) {
  turn_.want(a_);
  turn_.want(a_);
  turn_.end();
  EXPECT_EQ(a_.runs, 1);
  turn_.end();
  EXPECT_EQ(a_.runs, 1);
}

TEST_F(TurnTest, RunsWhatATaskWantsInTheSameTurn) {
  a_.hook = [this] { turn_.want(b_); };
  b_.hook = [this] {
    if (b_.runs == 1) turn_.want(a_);
  };
  turn_.want(a_);
  turn_.end();
  EXPECT_EQ(a_.runs, 2);
  EXPECT_EQ(b_.runs, 2);
}

TEST_F(TurnTest, ReapsAfterEverythingElse) {
  std::string order;
  a_.hook = [&] { order += "a"; };
  turn_.set_reap([&] { order += "r"; });
  turn_.want(a_);
  turn_.end();
  EXPECT_EQ(order, "ar");
}

}  // namespace
}  // namespace app
