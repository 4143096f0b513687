// Windows: the configuration refuses Unix sockets before anyone gets here. See unix_socket.h.
#include <uv.h>

#include "net/unix_socket.h"
#include "net/uv_error.h"

namespace net {

namespace {

base::Error unsupported(const SocketAddress& address) {
  return uv_error(base::Fault::local, address.to_string(), UV_ENOTSUP);
}

}  // namespace

Descriptor::~Descriptor() = default;

int system_status() { return UV_ENOTSUP; }

base::Result<Descriptor> listen_unix(const SocketAddress& address, unsigned) {
  return unsupported(address);
}

base::Result<Descriptor> connect_to_unix(const SocketAddress& address) {
  return unsupported(address);
}

base::Result<void> set_mode(const SocketAddress& address, unsigned) { return unsupported(address); }

std::optional<SocketFile> socket_file_at(const SocketAddress&) { return std::nullopt; }

void remove_socket_file(const SocketAddress&) {}

base::Result<Descriptor> duplicate(int) {
  return uv_error(base::Fault::local, "cannot share a socket", UV_ENOTSUP);
}

base::Result<SocketAddress> address_of_listening(int) {
  return uv_error(base::Fault::local, "an inherited socket", UV_ENOTSUP);
}

std::optional<PeerProcess> peer_process_of(int) { return std::nullopt; }

}  // namespace net
