// One timer a link, armed for its earliest deadline.
#pragma once

#include <memory>
#include <optional>

#include "base/instant.h"
#include "net/loop.h"

namespace net {

class TimerEvents {
 public:
  virtual void on_timer() = 0;

 protected:
  ~TimerEvents() = default;
};

class Timer {
 public:
  struct Handle;

  Timer(Loop& loop, TimerEvents& events);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Fires once at `deadline` (at once when that is past); nothing disarms. Cheap when unchanged;
  // moving a deadline later does not touch libuv until it would fire.
  void arm(std::optional<base::Instant> deadline);

 private:
  Handle* handle_ = nullptr;
};

}  // namespace net
