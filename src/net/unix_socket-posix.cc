// See unix_socket.h.
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "net/unix_socket.h"
#include "net/uv_error.h"

namespace net {

namespace {

constexpr int kBacklog = 511;

struct RawAddress {
  sockaddr_un un{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&un); }
};

// The path fits: base::parse_unix_path saw to that.
RawAddress raw_address(const SocketAddress& address) {
  RawAddress raw;
  SMTPSEAL_CHECK(address.path.size() < sizeof raw.un.sun_path);
  raw.un.sun_family = AF_UNIX;
  std::memcpy(raw.un.sun_path, address.path.data(), address.path.size());
  // An abstract name begins with NUL and is as long as the address says; a path ends with one.
  if (address.is_abstract()) raw.un.sun_path[0] = '\0';
  const std::size_t end = address.path.size() + (address.is_abstract() ? 0 : 1);
  raw.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + end);
  return raw;
}

// As raw_address() takes it.
std::string path_in(const sockaddr_storage& raw, socklen_t size) {
  const auto& un = reinterpret_cast<const sockaddr_un&>(raw);
  constexpr std::size_t kBefore = offsetof(sockaddr_un, sun_path);
  if (size <= kBefore) return {};
  std::string path(un.sun_path, std::min<std::size_t>(size - kBefore, sizeof un.sun_path));
  if (path.front() == '\0') {
    path.front() = '@';
    return path;
  }
  return path.substr(0, path.find('\0'));
}

base::Result<Descriptor> make_socket(const std::string& what) {
#ifdef __linux__
  Descriptor made(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made.is_open()) return uv_error(base::Fault::local, what, system_status());
#else
  Descriptor made(socket(AF_UNIX, SOCK_STREAM, 0));
  if (!made.is_open() || fcntl(made.number(), F_SETFD, FD_CLOEXEC) != 0 ||
      fcntl(made.number(), F_SETFL, O_NONBLOCK) != 0) {
    return uv_error(base::Fault::local, what, system_status());
  }
#endif
  return made;
}

// Takes away what a process that is gone has left; anything else stays and is an error.
base::Result<void> clear_the_way(const SocketAddress& address, const std::string& what) {
  struct stat file {};
  if (lstat(address.path.c_str(), &file) != 0) {
    if (errno == ENOENT) return {};
    return uv_error(base::Fault::local, what, system_status());
  }
  if (!S_ISSOCK(file.st_mode)) {
    return base::Error{base::Fault::local,
                       what + ": a file stands there that is no socket, and is left alone"};
  }
  auto probe = make_socket(what);
  if (!probe) return probe.error();
  const RawAddress raw = raw_address(address);
  if (connect(probe->number(), raw.get(), raw.size) == 0 || errno != ECONNREFUSED) {
    if (errno == ENOENT) return {};
    return base::Error{base::Fault::local,
                       what + ": address already in use, a process listens there"};
  }
  if (unlink(address.path.c_str()) != 0 && errno != ENOENT) {
    return uv_error(base::Fault::local, what + ": cannot remove the socket of a process that ended",
                    system_status());
  }
  return {};
}

}  // namespace

Descriptor::~Descriptor() {
  if (is_open()) close(number_);
}

int system_status() { return uv_translate_sys_error(errno); }

base::Result<Descriptor> listen_unix(const SocketAddress& address, unsigned mode) {
  const std::string what = "cannot listen on " + address.to_string();
  auto made = make_socket(what);
  if (!made) return made;
  const RawAddress raw = raw_address(address);
  int status = bind(made->number(), raw.get(), raw.size);
  if (status != 0 && errno == EADDRINUSE && !address.is_abstract()) {
    if (const auto cleared = clear_the_way(address, what); !cleared) return cleared.error();
    status = bind(made->number(), raw.get(), raw.size);
  }
  if (status != 0) return uv_error(base::Fault::local, what, system_status());
  // Nobody can connect before it listens: until then the file's mode matters to nobody.
  base::Result<void> finished =
      address.is_abstract() ? base::Result<void>() : set_mode(address, mode);
  if (finished && listen(made->number(), kBacklog) != 0) {
    finished = uv_error(base::Fault::local, what, system_status());
  }
  if (finished) return made;
  if (!address.is_abstract()) remove_socket_file(address);
  return finished.error();
}

base::Result<Descriptor> connect_to_unix(const SocketAddress& address) {
  const std::string what = address.to_string();
  auto made = make_socket(what);
  if (!made) return made;
  const RawAddress raw = raw_address(address);
  // It never waits: the other side's queue takes the connection, or is full.
  if (connect(made->number(), raw.get(), raw.size) != 0) {
    return uv_error(base::Fault::unreachable, what, system_status());
  }
  return made;
}

base::Result<void> set_mode(const SocketAddress& address, unsigned mode) {
  if (chmod(address.path.c_str(), static_cast<mode_t>(mode)) == 0) return {};
  return uv_error(base::Fault::local, "cannot set socket_mode of " + address.to_string(),
                  system_status());
}

std::optional<SocketFile> socket_file_at(const SocketAddress& address) {
  struct stat file {};
  if (address.is_abstract() || lstat(address.path.c_str(), &file) != 0) return std::nullopt;
  return SocketFile{file.st_dev, file.st_ino};
}

void remove_socket_file(const SocketAddress& address) { unlink(address.path.c_str()); }

base::Result<Descriptor> duplicate(int socket) {
  Descriptor made(fcntl(socket, F_DUPFD_CLOEXEC, 0));
  if (made.is_open()) return made;
  return uv_error(base::Fault::local, "cannot share a socket", system_status());
}

base::Result<SocketAddress> address_of_listening(int socket) {
  const auto wrong = [](const std::string& what) { return base::Error{base::Fault::local, what}; };
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&raw), &size) != 0) {
    return wrong("it is no socket (" + uv_words(system_status()) + ")");
  }
  int type = 0;
  socklen_t type_size = sizeof type;
  if (getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 || type != SOCK_STREAM) {
    return wrong("it is no stream socket (ListenStream=)");
  }
  int is_listening = 0;
  socklen_t flag_size = sizeof is_listening;
  if (getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &flag_size) != 0 ||
      is_listening == 0) {
    return wrong("it is a connection and does not listen (Accept=yes)");
  }
  SocketAddress address = to_address(reinterpret_cast<const sockaddr*>(&raw));
  if (raw.ss_family == AF_UNIX) address.path = path_in(raw, size);
  if (address.ip.empty() && address.path.empty()) return wrong("it is of no family known here");
  return address;
}

std::optional<PeerProcess> peer_process_of(int socket) {
#ifdef __linux__
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return PeerProcess{credentials.uid, static_cast<std::uint32_t>(credentials.pid)};
#else
  uid_t uid = 0;
  gid_t gid = 0;
  if (getpeereid(socket, &uid, &gid) != 0) return std::nullopt;
  return PeerProcess{static_cast<std::uint32_t>(uid), 0};
#endif
}

}  // namespace net
