// Addresses in text and in bytes: pure vocabulary, shared by the configuration and by net.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace base {

// Whether several listeners of one process may have one port and the system spreads connections
// over them. Others than Linux know the option, and give all to one of them.
#ifdef __linux__
inline constexpr bool kCanSharePorts = true;
#else
inline constexpr bool kCanSharePorts = false;
#endif

// Whether there are Unix sockets that others than smtpseal know how to use.
#ifdef _WIN32
inline constexpr bool kHasUnixSockets = false;
#else
inline constexpr bool kHasUnixSockets = true;
#endif

// Octets of a Unix socket's path, or of "@" and its name: those of sockaddr_un without the last,
// which ends it.
#ifdef __linux__
inline constexpr std::size_t kMaxUnixPath = 107;
#else
inline constexpr std::size_t kMaxUnixPath = 103;
#endif

// An IPv4 or IPv6 address with a port, or that of a Unix socket.
struct SocketAddress {
  std::vector<std::uint8_t> ip;  // 4 or 16 octets, network order; none for a Unix socket
  std::uint16_t port = 0;
  std::uint32_t scope = 0;  // IPv6 zone index
  std::string path;         // of a Unix socket; "@NAME" has no file (Linux: abstract)

  [[nodiscard]] bool is_unix() const { return !path.empty(); }
  [[nodiscard]] bool is_abstract() const { return path.starts_with('@'); }
  [[nodiscard]] bool is_v6() const { return ip.size() == 16; }
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_unspecified() const;  // 0.0.0.0 or ::
  // "127.0.0.1", "::1" (RFC 5952; an IPv4-mapped address in its IPv4 form), "fe80::1%2"; of a Unix
  // socket as to_string()
  [[nodiscard]] std::string host() const;
  // "127.0.0.1:25", "[::1]:25", "unix:/run/smtpseal/smtp"
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;
};

// "127.0.0.1:25", "[::1]:25"; "*:25" is refused (write 0.0.0.0). No names: only literals. Errors:
// Fault::config, saying what to write instead.
[[nodiscard]] Result<SocketAddress> parse_socket_address(std::string_view text);
// "127.0.0.1" or "::1" with a port given apart.
[[nodiscard]] Result<SocketAddress> parse_ip(std::string_view text, std::uint16_t port);
// "/run/smtpseal/smtp"; "@NAME" on Linux.
[[nodiscard]] Result<SocketAddress> parse_unix_path(std::string_view text);

// "127.0.0.0/8", "::1"; an IPv4-mapped IPv6 peer matches IPv4 networks.
class Network {
 public:
  // Bits set beyond the prefix are an error that names the network they would make.
  [[nodiscard]] static Result<Network> parse(std::string_view cidr);
  [[nodiscard]] bool contains(const SocketAddress& address) const;
  // Whether every address of its family is in it.
  [[nodiscard]] bool is_everyone() const { return prefix_ == 0; }
  // "127.0.0.0/8", "::1"
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Network&, const Network&) = default;

 private:
  std::vector<std::uint8_t> ip_;
  unsigned prefix_ = 0;
};

}  // namespace base
