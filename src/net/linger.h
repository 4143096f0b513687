// A connection without an owner that only waits for its last bytes to be read; net's own.
#pragma once

namespace net {

// What `data` of every uv_tcp_t and uv_pipe_t of this program points to.
class Lingering {
 public:
  // Closes at once if the connection is lingering; anything else has an owner to do that.
  virtual void end_now() = 0;

 protected:
  ~Lingering() = default;
};

}  // namespace net
