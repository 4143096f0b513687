// A listening socket that several loops accept clients from: a Unix socket, which one of them has
// bound for all, or one that was bound before this process began. (Of a TCP port of our own each
// has a socket of its own: see PortUse.)
#pragma once

#include <memory>
#include <optional>

#include "base/result.h"
#include "net/address.h"
#include "net/unix_socket.h"

namespace net {

// May be destroyed in any thread; the last one who does closes it and removes its file, unless the
// file is another's by then.
class SharedSocket {
 public:
  // `mode`: of the file, such as 0660; nothing for an abstract name.
  [[nodiscard]] static base::Result<std::shared_ptr<SharedSocket>> bind(
      const SocketAddress& address, unsigned mode);
  // A duplicate of a descriptor, which must be a stream socket that listens. Its file, where it has
  // one, is not ours to touch.
  [[nodiscard]] static base::Result<std::shared_ptr<SharedSocket>> inherit(int number);
  ~SharedSocket();
  SharedSocket(const SharedSocket&) = delete;
  SharedSocket& operator=(const SharedSocket&) = delete;

  // Of its file, where there is one that it made.
  [[nodiscard]] base::Result<void> set_mode(unsigned mode);

  // Whether the file that it made is gone, or another's stands there: no client comes any more.
  [[nodiscard]] bool has_lost_file() const { return file_ && !has_own_file(); }

  [[nodiscard]] const SocketAddress& address() const { return address_; }
  [[nodiscard]] int number() const { return socket_.number(); }

 private:
  SharedSocket() = default;
  [[nodiscard]] bool has_own_file() const { return file_ && file_ == socket_file_at(address_); }

  Descriptor socket_;
  SocketAddress address_;
  std::optional<SocketFile> file_;  // that was made for it
};

}  // namespace net
