// What is to be done once before the loop sleeps: connections to be handed out, output to be
// flushed. Callbacks only note that there is something to do, so replies and commands made in one
// turn leave in one write, and nobody is called back from inside a call of his own.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace app {

class TurnTask {
 public:
  virtual void on_turn_end() = 0;

 protected:
  ~TurnTask() = default;

 private:
  friend class Turn;
  bool is_queued_ = false;
};

class Turn {
 public:
  // Tasks may be queued again while they run. A task must not be destroyed while it is queued;
  // owners destroy finished links from `reap` only, which runs when the queue is empty.
  void want(TurnTask& task) {
    if (!std::exchange(task.is_queued_, true)) tasks_.push_back(&task);
  }

  void set_reap(std::function<void()> reap) { reap_ = std::move(reap); }

  void end() {
    while (!tasks_.empty()) {
      running_.swap(tasks_);
      for (TurnTask* task : running_) {
        task->is_queued_ = false;
        task->on_turn_end();
      }
      running_.clear();
    }
    if (reap_) reap_();
  }

 private:
  std::vector<TurnTask*> tasks_;
  std::vector<TurnTask*> running_;
  std::function<void()> reap_;
};

}  // namespace app
