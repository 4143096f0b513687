// See timer.h.
#include "net/timer.h"

#include <algorithm>

#include <uv.h>

namespace net {

struct Timer::Handle {
  uv_timer_t timer{};
  Timer* owner = nullptr;  // nothing once the owner is gone
  TimerEvents* events = nullptr;
  Loop* loop = nullptr;
  std::optional<base::Instant> deadline;  // when the owner wants to be called
  std::optional<base::Instant> armed;     // when libuv will call, never later than deadline

  void start(base::Instant at) {
    // libuv counts from the time it read at the start of the turn, and so must we not, when the
    // turn has been a long one. A deadline that passed in this turn is for the next: called now,
    // its owner would find that it is not there yet.
    constexpr std::chrono::milliseconds kNextTurn{1};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at - base::Clock::now());
    const auto wait = at <= loop->now() ? std::chrono::milliseconds(0) : std::max(left, kNextTurn);
    uv_update_time(loop->raw());
    const int status =
        uv_timer_start(&timer, &Handle::on_fire, static_cast<std::uint64_t>(wait.count()), 0);
    SMTPSEAL_CHECK(status == 0);
    armed = at;
  }

  static void on_fire(uv_timer_t* raw) noexcept {
    auto* self = static_cast<Handle*>(raw->data);
    self->armed.reset();
    if (self->owner == nullptr || !self->deadline) return;
    if (self->loop->now() < *self->deadline) {
      self->start(*self->deadline);
      return;
    }
    self->deadline.reset();
    self->events->on_timer();
  }
};

Timer::Timer(Loop& loop, TimerEvents& events) : handle_(new Handle()) {
  handle_->owner = this;
  handle_->events = &events;
  handle_->loop = &loop;
  handle_->timer.data = handle_;
  const int status = uv_timer_init(loop.raw(), &handle_->timer);
  SMTPSEAL_CHECK(status == 0);
}

Timer::~Timer() {
  handle_->owner = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->timer),
           [](uv_handle_t* raw) { delete static_cast<Handle*>(raw->data); });
}

void Timer::arm(std::optional<base::Instant> deadline) {
  handle_->deadline = deadline;
  if (!deadline) {
    if (handle_->armed) {
      const int status = uv_timer_stop(&handle_->timer);
      SMTPSEAL_CHECK(status == 0);
      handle_->armed.reset();
    }
    return;
  }
  if (handle_->armed && *handle_->armed <= *deadline) return;
  handle_->start(*deadline);
}

}  // namespace net
