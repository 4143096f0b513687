// libuv's error codes in our words; net's own.
#pragma once

#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"

struct sockaddr;
struct sockaddr_storage;

namespace net {

// "address already in use": libuv's text of `status`.
[[nodiscard]] std::string uv_words(int status);
// "<what>: <libuv's words>"
[[nodiscard]] base::Error uv_error(base::Fault fault, std::string_view what, int status);

[[nodiscard]] base::SocketAddress to_address(const sockaddr* raw);
[[nodiscard]] sockaddr_storage to_sockaddr(const base::SocketAddress& address);

}  // namespace net
