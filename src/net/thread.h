// A thread for a loop of its own.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"

namespace net {

class Thread {
 public:
  struct Handle;

  // Runs `body` once. No signal is delivered to it.
  [[nodiscard]] static base::Result<std::unique_ptr<Thread>> start(std::function<void()> body);
  ~Thread();  // waits until `body` has returned
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

 private:
  Thread() = default;
  std::unique_ptr<Handle> handle_;
};

}  // namespace net
