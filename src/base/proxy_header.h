// What a proxy says of a connection that it hands on, before the first octet of it: the PROXY
// protocol of HAProxy, versions 1 and 2.
//
// Only headers to the letter are taken: whoever sends one names the address that a client is judged
// by. Knows octets alone, neither sockets nor time.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>

#include "base/address.h"
#include "base/result.h"

namespace base {

// proxy-protocol.txt 2.1: the longest line of version 1, with its CRLF.
inline constexpr std::size_t kMaxProxyLine = 107;
// What version 2 may say behind its first 16 octets. The protocol has room for 65535; addresses and
// what proxies add to them (TLS, a client's certificate) take less.
inline constexpr std::size_t kMaxProxyPayload = 4096;
// Nothing can be undecided that has as many octets.
inline constexpr std::size_t kMaxProxyHeader = 16 + kMaxProxyPayload;

struct ProxyHeader {
  std::size_t size = 0;  // octets; what follows is the client's
  // Nothing where the proxy speaks for itself (LOCAL, UNKNOWN) or names no network address (a Unix
  // socket of its own machine): then the connection's own address counts.
  std::optional<SocketAddress> client;
};
struct ProxyHeaderIncomplete {};

// The header that `octets` begin with: all that came so far. Fault::peer_protocol as soon as it can
// be none.
[[nodiscard]] std::variant<ProxyHeaderIncomplete, ProxyHeader, Error> parse_proxy_header(
    std::string_view octets);

}  // namespace base
