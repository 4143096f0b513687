// net/signals: what the service manager and the operator say.
#include "net/signals.h"

#include <csignal>

#include <gtest/gtest.h>

#include "net/net_fixture.h"

namespace net {
namespace {

class SignalsTest : public NetTest, protected SignalEvents {
 protected:
  void SetUp() override {
    NetTest::SetUp();
    auto watched = Signals::watch(*loop_, *this);
    ASSERT_TRUE(watched);
    signals_ = std::move(watched).value();
  }
  void TearDown() override { signals_.reset(); }
  void on_terminate() override { ++terminates_; }
  void on_reload() override { ++reloads_; }

  std::unique_ptr<Signals> signals_;
  int terminates_ = 0;
  int reloads_ = 0;
};

TEST_F(SignalsTest, TakesTermAndIntForTheEnd) {
  ASSERT_EQ(std::raise(SIGTERM), 0);
  run_until([this] { return terminates_ == 1; });
  ASSERT_EQ(std::raise(SIGINT), 0);
  run_until([this] { return terminates_ == 2; });
  EXPECT_EQ(reloads_, 0);
}

#ifndef _WIN32
TEST_F(SignalsTest, TakesHupForAReload) {
  ASSERT_EQ(std::raise(SIGHUP), 0);
  run_until([this] { return reloads_ == 1; });
  EXPECT_EQ(terminates_, 0);
}

TEST_F(SignalsTest, LeavesTheProcessAliveAfterPipe) {
  ASSERT_EQ(std::raise(SIGPIPE), 0);
  SUCCEED();
}
#endif

TEST_F(SignalsTest, DoesNotKeepTheLoopRunning) {
  loop_->run();
  SUCCEED();
}

}  // namespace
}  // namespace net
