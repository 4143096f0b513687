// The event loop: one thread, one libuv loop. Everything in net belongs to one of these.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/instant.h"
#include "base/result.h"

struct uv_loop_s;

namespace net {

class Loop {
 public:
  // Also makes SIGPIPE harmless for the process.
  [[nodiscard]] static base::Result<std::unique_ptr<Loop>> make();
  ~Loop();  // runs until every handle's close callback came; handles still open are a bug and abort
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop() or until no handle is left.
  void run();
  // One turn, waiting at most for the next event; for tests. Returns false when nothing is left.
  bool run_once();
  void stop();
  // Closes connections that only wait for their last bytes to be read, as the destructor does. No
  // listener may be open any more.
  void end_lingering();

  // The loop's clock (monotonic), read once a turn: what happens in one turn happens at one time.
  [[nodiscard]] base::Instant now() const;
  // The wall clock, for trace lines and certificates.
  [[nodiscard]] static base::WallTime wall_now();

  // Called once after the callbacks of each turn, before the loop sleeps: the place where finished
  // owners are reaped. Replaces the previous one.
  void on_turn_end(std::function<void()> callback);

  // "libuv 1.44.2"
  [[nodiscard]] static std::string library_version();

  [[nodiscard]] uv_loop_s* raw() { return loop_; }
  // A buffer all streams of this loop read into; its content is only valid inside the read
  // callback, so that an idle connection holds no buffer.
  [[nodiscard]] char* read_buffer() { return read_buffer_.get(); }
  static constexpr std::size_t kReadBufferSize = 65536;

 private:
  Loop() = default;

  uv_loop_s* loop_ = nullptr;
  std::unique_ptr<char[]> read_buffer_;
  struct TurnEnd;
  std::unique_ptr<TurnEnd> turn_end_;
};

}  // namespace net
