// Unix sockets as the system has them: what libuv does not do, or does not do to the letter (it
// cuts long paths, knows no abstract names, replaces no files). net's own.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "base/result.h"
#include "net/address.h"
#include "net/peer_process.h"

namespace net {

// A descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

// libuv's code for the latest failure of the system.
[[nodiscard]] int system_status();

// Bound and listening, with a file of this mode, which is in force before anyone can connect.
// Errors name the address. A file that nobody listens behind any more is replaced.
[[nodiscard]] base::Result<Descriptor> listen_unix(const SocketAddress& address, unsigned mode);
[[nodiscard]] base::Result<Descriptor> connect_to_unix(const SocketAddress& address);

[[nodiscard]] base::Result<void> set_mode(const SocketAddress& address, unsigned mode);

// Which file a socket has: another may take its path.
struct SocketFile {
  std::uint64_t device = 0;
  std::uint64_t number = 0;
  friend bool operator==(const SocketFile&, const SocketFile&) = default;
};
[[nodiscard]] std::optional<SocketFile> socket_file_at(const SocketAddress& address);
void remove_socket_file(const SocketAddress& address);

[[nodiscard]] base::Result<Descriptor> duplicate(int socket);

// Where a socket listens that was opened by others; an error when it is none that does.
[[nodiscard]] base::Result<SocketAddress> address_of_listening(int socket);

// Of the process that connected this socket, or listens behind it.
[[nodiscard]] std::optional<PeerProcess> peer_process_of(int socket);

}  // namespace net
