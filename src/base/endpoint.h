// Where a listener listens, as the configuration has it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/address.h"
#include "base/result.h"

namespace base {

// An address to bind, or the name of sockets that the service manager has bound.
struct Endpoint {
  Endpoint() = default;
  Endpoint(SocketAddress bound) : address(std::move(bound)) {}  // NOLINT: an address is one

  SocketAddress address;  // when there is no name
  std::string inherited;  // systemd:NAME

  [[nodiscard]] bool is_inherited() const { return !inherited.empty(); }
  [[nodiscard]] bool is_unix() const { return address.is_unix(); }
  // Of an address with a port: the others are no place for one.
  [[nodiscard]] bool is_ip() const { return !is_inherited() && !is_unix(); }
  // Whether it is known that other machines can reach it; of inherited sockets this is only known
  // once they are there.
  [[nodiscard]] bool is_reachable() const { return is_ip() && !address.is_loopback(); }
  // "127.0.0.1:25", "unix:/run/smtpseal/smtp", "systemd:smtp"
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// "ADDRESS:PORT", "unix:PATH" or "systemd:NAME"; the last two only where there are Unix sockets.
// Fault::config, saying what to write instead.
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text,
                                              bool has_unix_sockets = kHasUnixSockets);

}  // namespace base
