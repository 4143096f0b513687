// A file descriptor that closes itself, and the calls that make descriptors no child inherits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "support/patience.h"

namespace support {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  void reset();
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read_end;
  Fd write_end;
};
// All of these throw Failure with the system's reason.
[[nodiscard]] Pipe make_pipe();

// A socket on 127.0.0.1 (or 127.0.0.`number`) and a port of the system's choice (or `port`).
// Without `is_listening` a connection to it is refused, and the port is nobody else's as long as it
// lives.
[[nodiscard]] Fd bind_loopback(bool is_listening, std::uint16_t port = 0, unsigned number = 1);
[[nodiscard]] std::uint16_t port_of(const Fd& socket);
// An accepted connection; not open when there was none after all.
[[nodiscard]] Fd accept_on(const Fd& listener);
[[nodiscard]] Fd connect_loopback(std::uint16_t port);
// To a Unix socket: "/run/x"; "@name" has no file.
[[nodiscard]] Fd connect_unix(const std::string& path);
// A Unix socket that listens.
[[nodiscard]] Fd listen_unix(const std::string& path);
// A socket on 0.0.0.0 that listens, at a port of the system's choice.
[[nodiscard]] Fd listen_everywhere();
// Closes with RST instead of FIN.
void reset_connection(Fd& socket);

enum class Wakeup { ready, timeout, stopped };
// Waits until `fd` has one of poll's `events`; `stop_fd` (may be -1) readable or closed ends the
// wait.
[[nodiscard]] Wakeup wait_for(int fd, short events, const Deadline& deadline, int stop_fd = -1);

}  // namespace support
