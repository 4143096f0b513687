// net/background: work in another thread, and owners that do not wait for it.
#include "net/background.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "net/net_fixture.h"

namespace net {
namespace {

// Holds workers until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return is_open_; });
  }
  void await_waiting() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ > 0; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
  int waiting_ = 0;
};

class BackgroundTest : public NetTest, protected BackgroundEvents {
 protected:
  void on_background_done(base::Result<void> result) override {
    results_.push_back(result ? "" : result.error().detail);
    if (hook_) hook_();
  }

  std::vector<std::string> results_;
  std::function<void()> hook_;
};

TEST_F(BackgroundTest, WorksInAnotherThreadAndTellsInThisOne) {
  std::thread::id worker;
  const auto task = Background::begin(
      *loop_,
      [&worker] {
        worker = std::this_thread::get_id();
        return base::Result<void>();
      },
      *this);
  EXPECT_TRUE(results_.empty());
  run_until([&] { return !results_.empty(); });
  EXPECT_EQ(results_.front(), "");
  EXPECT_NE(worker, std::this_thread::get_id());
}

TEST_F(BackgroundTest, TellsWhatWentWrong) {
  const auto task = Background::begin(
      *loop_,
      [] {
        return base::Result<void>(base::Error{base::Fault::tls, "no"});
      },
      *this);
  run_until([&] { return !results_.empty(); });
  EXPECT_EQ(results_.front(), "no");
}

TEST_F(BackgroundTest, OwnerMayGoInTheCallback) {
  auto task = Background::begin(
      *loop_, [] { return base::Result<void>(); }, *this);
  hook_ = [&] { task.reset(); };
  run_until([&] { return task == nullptr; });
}

TEST_F(BackgroundTest, NobodyIsToldOnceTheOwnerIsGone) {
  Gate gate;
  std::atomic<bool> has_ended = false;
  auto task = Background::begin(
      *loop_,
      [&] {
        gate.pass();
        has_ended = true;
        return base::Result<void>();
      },
      *this);
  gate.await_waiting();
  task.reset();
  gate.open();
  loop_.reset();  // which waits for the thread
  EXPECT_TRUE(has_ended);
  EXPECT_TRUE(results_.empty());
}

TEST_F(BackgroundTest, WhatHasNotBegunNeverDoes) {
  // More than libuv has threads.
  constexpr int kTasks = 64;
  Gate gate;
  std::atomic<int> runs = 0;
  std::vector<std::unique_ptr<Background>> tasks;
  for (int i = 0; i < kTasks; ++i) {
    tasks.push_back(Background::begin(
        *loop_,
        [&] {
          ++runs;
          gate.pass();
          return base::Result<void>();
        },
        *this));
  }
  gate.await_waiting();
  tasks.clear();
  gate.open();
  loop_.reset();
  EXPECT_LT(runs, kTasks);
  EXPECT_TRUE(results_.empty());
}

}  // namespace
}  // namespace net
