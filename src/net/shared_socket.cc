// See shared_socket.h.
#include "net/shared_socket.h"

#include <utility>

namespace net {

base::Result<std::shared_ptr<SharedSocket>> SharedSocket::bind(const SocketAddress& address,
                                                               unsigned mode) {
  auto socket = listen_unix(address, mode);
  if (!socket) return socket.error();
  std::shared_ptr<SharedSocket> shared(new SharedSocket());
  shared->socket_ = std::move(socket).value();
  shared->address_ = address;
  shared->file_ = socket_file_at(address);
  return shared;
}

base::Result<std::shared_ptr<SharedSocket>> SharedSocket::inherit(int number) {
  auto address = address_of_listening(number);
  if (!address) return address.error();
  auto own = duplicate(number);
  if (!own) return own.error();
  std::shared_ptr<SharedSocket> shared(new SharedSocket());
  shared->socket_ = std::move(own).value();
  shared->address_ = std::move(address).value();
  return shared;
}

base::Result<void> SharedSocket::set_mode(unsigned mode) {
  return has_own_file() ? net::set_mode(address_, mode) : base::Result<void>();
}

SharedSocket::~SharedSocket() {
  if (has_own_file()) remove_socket_file(address_);
}

}  // namespace net
