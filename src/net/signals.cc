// See signals.h.
#include "net/signals.h"

#include <array>
#include <csignal>

#include <uv.h>

#include "net/uv_error.h"

namespace net {

struct Signals::Handles {
  std::array<uv_signal_t, 3> watchers{};
  SignalEvents* events = nullptr;  // nothing once the owner is gone
  unsigned open_handles = 0;

  static void on_signal(uv_signal_t* raw, int number) noexcept {
    auto* self = static_cast<Handles*>(raw->data);
    if (self->events == nullptr) return;
#ifdef _WIN32
    // There SIGHUP means that the console closes.
    const bool is_reload = false;
#else
    const bool is_reload = number == SIGHUP;
#endif
    static_cast<void>(number);
    if (is_reload) {
      self->events->on_reload();
    } else {
      self->events->on_terminate();
    }
  }

  void close() {
    events = nullptr;
    const unsigned count = open_handles;
    if (count == 0) delete this;
    for (unsigned i = 0; i < count; ++i) {
      uv_close(reinterpret_cast<uv_handle_t*>(&watchers[i]), [](uv_handle_t* raw) {
        auto* self = static_cast<Handles*>(raw->data);
        if (--self->open_handles == 0) delete self;
      });
    }
  }
};

base::Result<std::unique_ptr<Signals>> Signals::watch(Loop& loop, SignalEvents& events) {
  std::unique_ptr<Signals> signals(new Signals());
  signals->handles_ = new Handles();
  Handles& handles = *signals->handles_;
  handles.events = &events;
  constexpr std::array<int, 3> kNumbers = {SIGTERM, SIGINT, SIGHUP};
  for (std::size_t i = 0; i < kNumbers.size(); ++i) {
    uv_signal_t& watcher = handles.watchers[i];
    watcher.data = &handles;
    int status = uv_signal_init(loop.raw(), &watcher);
    if (status != 0) return uv_error(base::Fault::local, "cannot watch signals", status);
    ++handles.open_handles;
    status = uv_signal_start(&watcher, Handles::on_signal, kNumbers[i]);
    if (status != 0) return uv_error(base::Fault::local, "cannot watch signals", status);
    uv_unref(reinterpret_cast<uv_handle_t*>(&watcher));
  }
  return signals;
}

Signals::~Signals() {
  if (handles_ != nullptr) handles_->close();
}

}  // namespace net
