#include "net/uv_error.h"

#include <cstring>

#include <uv.h>

namespace net {

std::string uv_words(int status) { return uv_strerror(status); }

base::Error uv_error(base::Fault fault, std::string_view what, int status) {
  return {fault, std::string(what) + ": " + uv_words(status)};
}

base::SocketAddress to_address(const sockaddr* raw) {
  base::SocketAddress address;
  if (raw->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(raw);
    address.ip.resize(4);
    std::memcpy(address.ip.data(), &v4->sin_addr, 4);
    address.port = ntohs(v4->sin_port);
  } else if (raw->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(raw);
    address.ip.resize(16);
    std::memcpy(address.ip.data(), &v6->sin6_addr, 16);
    address.port = ntohs(v6->sin6_port);
    address.scope = v6->sin6_scope_id;
  }
  return address;
}

sockaddr_storage to_sockaddr(const base::SocketAddress& address) {
  sockaddr_storage storage{};
  if (address.is_v6()) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    v6->sin6_scope_id = address.scope;
    std::memcpy(&v6->sin6_addr, address.ip.data(), 16);
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    std::memcpy(&v4->sin_addr, address.ip.data(), 4);
  }
  return storage;
}

}  // namespace net
