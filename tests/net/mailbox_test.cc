// net/mailbox and net/thread: what one thread asks of another's loop.
#include "net/mailbox.h"

#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "net/net_fixture.h"
#include "net/thread.h"

namespace net {
namespace {

class MailboxTest : public NetTest {
 protected:
  void SetUp() override {
    NetTest::SetUp();
    auto opened = Mailbox::open(*loop_);
    ASSERT_TRUE(opened);
    mailbox_ = std::move(opened).value();
  }
  void TearDown() override { mailbox_.reset(); }

  std::unique_ptr<Mailbox> mailbox_;
};

TEST_F(MailboxTest, RunsTasksOnTheLoopsThreadInTheirOrder) {
  std::vector<int> order;
  bool is_here = true;
  auto thread = Thread::start([&, here = std::this_thread::get_id()] {
    for (int i = 0; i < 1000; ++i) {
      mailbox_->post([&, here, i] {
        order.push_back(i);
        is_here = is_here && std::this_thread::get_id() == here;
      });
    }
  });
  ASSERT_TRUE(thread);
  run_until([&] { return order.size() == 1000; });
  EXPECT_TRUE(is_here);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST_F(MailboxTest, RunsWhatATaskPosts) {
  int runs = 0;
  mailbox_->post([&] { mailbox_->post([&] { ++runs; }); });
  run_until([&] { return runs == 1; });
}

TEST_F(MailboxTest, MayGoInATask) {
  int runs = 0;
  mailbox_->post([&] {
    ++runs;
    mailbox_.reset();
  });
  mailbox_->post([&] { ++runs; });
  run_until([&] { return mailbox_ == nullptr; });
  EXPECT_EQ(runs, 1) << "what was posted behind it is dropped";
}

TEST_F(MailboxTest, DropsWhatDidNotRun) {
  int runs = 0;
  mailbox_->post([&] { ++runs; });
  mailbox_.reset();
  loop_.reset();
  EXPECT_EQ(runs, 0);
}

TEST_F(MailboxTest, KeepsItsLoopRunning) {
  auto made = Loop::make();
  ASSERT_TRUE(made);
  const std::unique_ptr<Loop> other = std::move(made).value();
  auto opened = Mailbox::open(*other);
  ASSERT_TRUE(opened);
  const std::unique_ptr<Mailbox> theirs = std::move(opened).value();
  int there = 0;
  bool is_answered = false;
  auto thread = Thread::start([&] { other->run(); });
  ASSERT_TRUE(thread);
  theirs->post([&] {
    ++there;
    mailbox_->post([&] { is_answered = true; });
  });
  run_until([&] { return is_answered; });
  theirs->post([&] { other->stop(); });
  std::move(thread).value().reset();
  EXPECT_EQ(there, 1);
}

#ifndef _WIN32
TEST(ThreadTest, GetsNoSignals) {
  bool is_blocked = false;
  auto thread = Thread::start([&] {
    sigset_t mask;
    ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &mask), 0);
    is_blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGHUP) == 1;
  });
  ASSERT_TRUE(thread);
  std::move(thread).value().reset();
  EXPECT_TRUE(is_blocked);
  sigset_t mask;
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &mask), 0);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0) << "the creator's mask is as it was";
}
#endif

}  // namespace
}  // namespace net
