// See loop.h.
#include "net/loop.h"

#include <csignal>
#include <optional>
#include <utility>

#include <uv.h>

#include "net/linger.h"
#include "net/uv_error.h"

namespace net {

// Runs the callback after every turn's callbacks: a check handle comes right after polling, a
// prepare handle right before it, which covers what timers did.
struct Loop::TurnEnd {
  uv_prepare_t prepare{};
  uv_check_t check{};
  std::function<void()> callback;

  std::optional<base::Instant> now;  // read in this turn

  void run() {
    if (callback) callback();
    now.reset();
  }
};

base::Result<std::unique_ptr<Loop>> Loop::make() {
#ifndef _WIN32
  // libuv leaves SIGPIPE alone; a peer that went away must not end the process.
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
    return base::Error{base::Fault::local, "cannot ignore SIGPIPE"};
  }
#endif
  std::unique_ptr<Loop> loop(new Loop());
  auto raw = std::make_unique<uv_loop_t>();
  int status = uv_loop_init(raw.get());
  if (status != 0) return uv_error(base::Fault::local, "cannot make an event loop", status);
  loop->loop_ = raw.release();
  loop->read_buffer_ = std::make_unique<char[]>(kReadBufferSize);
  loop->turn_end_ = std::make_unique<TurnEnd>();
  TurnEnd& turn_end = *loop->turn_end_;
  turn_end.prepare.data = &turn_end;
  turn_end.check.data = &turn_end;
  // These four cannot fail for a fresh loop and a callback that is not null.
  uv_prepare_init(loop->loop_, &turn_end.prepare);
  uv_check_init(loop->loop_, &turn_end.check);
  uv_prepare_start(&turn_end.prepare,
                   [](uv_prepare_t* handle) { static_cast<TurnEnd*>(handle->data)->run(); });
  uv_check_start(&turn_end.check,
                 [](uv_check_t* handle) { static_cast<TurnEnd*>(handle->data)->run(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&turn_end.prepare));
  uv_unref(reinterpret_cast<uv_handle_t*>(&turn_end.check));
  return loop;
}

Loop::~Loop() {
  if (loop_ == nullptr) return;
  turn_end_->callback = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&turn_end_->prepare), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&turn_end_->check), nullptr);
  end_lingering();  // everything else has been closed by its owner
  uv_run(loop_, UV_RUN_DEFAULT);
  const int status = uv_loop_close(loop_);
  SMTPSEAL_CHECK(status == 0);
  delete loop_;
}

void Loop::end_lingering() {
  uv_walk(
      loop_,
      [](uv_handle_t* handle, void*) {
        const uv_handle_type type = uv_handle_get_type(handle);
        const bool is_stream = type == UV_TCP || type == UV_NAMED_PIPE;
        auto* lingering = static_cast<Lingering*>(is_stream ? handle->data : nullptr);
        if (lingering != nullptr && !uv_is_closing(handle)) lingering->end_now();
      },
      nullptr);
}

void Loop::run() { uv_run(loop_, UV_RUN_DEFAULT); }

bool Loop::run_once() { return uv_run(loop_, UV_RUN_ONCE) != 0; }

void Loop::stop() { uv_stop(loop_); }

base::Instant Loop::now() const {
  std::optional<base::Instant>& now = turn_end_->now;
  if (!now) now = base::Clock::now();
  return *now;
}

base::WallTime Loop::wall_now() { return std::chrono::system_clock::now(); }

void Loop::on_turn_end(std::function<void()> callback) {
  turn_end_->callback = std::move(callback);
}

std::string Loop::library_version() { return std::string("libuv ") + uv_version_string(); }

}  // namespace net
