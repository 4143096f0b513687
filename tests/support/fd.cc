// See fd.h.
#include "support/fd.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace support {

namespace {

[[noreturn]] void fail(const char* what) {
  throw Failure(std::string(what) + ": " + std::strerror(errno));
}

void close_on_exec(int fd) {
  if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

sockaddr_in loopback(std::uint16_t port, unsigned number = 1) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + number);
  address.sin_port = htons(port);
  return address;
}

Fd make_socket(int family = AF_INET) {
  Fd fd(socket(family, SOCK_STREAM, 0));
  if (!fd.is_open()) fail("socket");
  close_on_exec(fd.get());
#ifdef SO_NOSIGPIPE
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  return fd;
}

void no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

struct UnixAddress {
  explicit UnixAddress(const std::string& path) {
    if (path.size() >= sizeof un.sun_path) throw Failure("too long for a Unix socket: " + path);
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, path.data(), path.size());
    const bool has_file = path.front() != '@';
    if (!has_file) un.sun_path[0] = '\0';
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + has_file);
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&un); }

  sockaddr_un un{};
  socklen_t size = 0;
};

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::reset() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Pipe make_pipe() {
  int ends[2];
#ifdef __linux__
  if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
#else
  if (pipe(ends) != 0) fail("pipe");
  close_on_exec(ends[0]);
  close_on_exec(ends[1]);
#endif
  return {Fd(ends[0]), Fd(ends[1])};
}

Fd bind_loopback(bool is_listening, std::uint16_t port, unsigned number) {
  Fd fd = make_socket();
  const int on = 1;
  const auto allow_reuse = [&fd, &on] {
    if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) fail("SO_REUSEADDR");
  };
  if (port != 0) allow_reuse();
  const sockaddr_in address = loopback(port, number);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("bind");
  }
  // Not before a bind that chooses the port, lest it choose one that is only kept for somebody. Yet
  // a port can be taken again only if its first owner allowed it too.
  if (port == 0) allow_reuse();
  if (is_listening && listen(fd.get(), 128) != 0) fail("listen");
  return fd;
}

std::uint16_t port_of(const Fd& socket) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    fail("getsockname");
  }
  return ntohs(address.sin_port);
}

Fd accept_on(const Fd& listener) {
#ifdef __linux__
  Fd fd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
#else
  Fd fd(accept(listener.get(), nullptr, nullptr));
  close_on_exec(fd.get());
#endif
  if (fd.is_open()) no_delay(fd.get());
  return fd;
}

Fd connect_loopback(std::uint16_t port) {
  Fd fd = make_socket();
  const sockaddr_in address = loopback(port);
  while (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EINTR) fail("connect");
  }
  no_delay(fd.get());
  return fd;
}

Fd connect_unix(const std::string& path) {
  Fd fd = make_socket(AF_UNIX);
  const UnixAddress address(path);
  while (connect(fd.get(), address.get(), address.size) != 0) {
    if (errno != EINTR) fail("connect");
  }
  return fd;
}

Fd listen_unix(const std::string& path) {
  Fd fd = make_socket(AF_UNIX);
  const UnixAddress address(path);
  if (bind(fd.get(), address.get(), address.size) != 0) fail("bind");
  if (listen(fd.get(), 128) != 0) fail("listen");
  return fd;
}

Fd listen_everywhere() {
  Fd fd = make_socket();
  sockaddr_in address = loopback(0);
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("bind");
  }
  if (listen(fd.get(), 128) != 0) fail("listen");
  return fd;
}

void reset_connection(Fd& socket) {
  const linger hard = {1, 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  socket.reset();
}

Wakeup wait_for(int fd, short events, const Deadline& deadline, int stop_fd) {
  while (true) {
    std::array<pollfd, 2> fds = {{{fd, events, 0}, {stop_fd, POLLIN, 0}}};
    const int ready = poll(fds.data(), fds.size(), deadline.left());
    if (ready < 0 && errno != EINTR) fail("poll");
    if (ready > 0 && fds[1].revents != 0) return Wakeup::stopped;
    if (ready > 0) return Wakeup::ready;
    if (deadline.has_passed()) return Wakeup::timeout;
  }
}

}  // namespace support
