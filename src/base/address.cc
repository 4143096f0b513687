// Addresses in text and in bytes.
//
// Own parsers and printers, so that a text means the same on every system: dotted quads are four
// decimal numbers without leading zeros (no octal, no "127.1"), IPv6 is read as RFC 4291 2.2 has it
// and written as RFC 5952 4 wants it. Nothing here asks the system: no names, no interfaces.
#include "base/address.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "base/text.h"

namespace base {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::size_t kV4Size = 4;
constexpr std::size_t kV6Size = 16;
constexpr std::size_t kV6Groups = 8;
// ::ffff:0:0/96 (RFC 4291 2.5.5.2)
constexpr std::array<std::uint8_t, 12> kV4MappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Error config_error(std::string detail) { return Error{Fault::config, std::move(detail)}; }

std::string quoted(std::string_view text) { return '"' + printable(text, 80) + '"'; }

// A number up to `most`, digits only, at most `digits` of them.
std::optional<std::uint32_t> number(std::string_view text, std::size_t digits, int number_base,
                                    std::uint32_t most) {
  if (text.empty() || text.size() > digits) return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), value, number_base);
  if (code != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

std::optional<Octets> parse_v4(std::string_view text) {
  Octets octets;
  while (octets.size() < kV4Size) {
    const bool is_last = octets.size() + 1 == kV4Size;
    const std::size_t dot = text.find('.');
    if (is_last != (dot == std::string_view::npos)) return std::nullopt;
    const std::string_view piece = text.substr(0, dot);
    // "010" is 8 to some and 10 to others.
    if (piece.size() > 1 && piece.front() == '0') return std::nullopt;
    const auto value = number(piece, 3, 10, 255);
    if (!value) return std::nullopt;
    octets.push_back(static_cast<std::uint8_t>(*value));
    if (!is_last) text.remove_prefix(dot + 1);
  }
  return octets;
}

// The 16-bit groups of one side of "::", as octets; the last may be a dotted quad.
std::optional<Octets> parse_v6_groups(std::string_view text) {
  Octets octets;
  if (text.empty()) return octets;
  for (;;) {
    const std::size_t colon = text.find(':');
    const std::string_view piece = text.substr(0, colon);
    const bool is_last = colon == std::string_view::npos;
    if (is_last && piece.find('.') != std::string_view::npos) {
      const auto quad = parse_v4(piece);
      if (!quad) return std::nullopt;
      octets.insert(octets.end(), quad->begin(), quad->end());
    } else {
      const auto group = number(piece, 4, 16, 0xffff);
      if (!group) return std::nullopt;
      octets.push_back(static_cast<std::uint8_t>(*group >> 8));
      octets.push_back(static_cast<std::uint8_t>(*group & 0xff));
    }
    if (is_last) return octets;
    if (octets.size() >= kV6Size) return std::nullopt;
    text.remove_prefix(colon + 1);
  }
}

std::optional<Octets> parse_v6(std::string_view text) {
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    auto octets = parse_v6_groups(text);
    if (!octets || octets->size() != kV6Size) return std::nullopt;
    return octets;
  }
  const std::string_view right_text = text.substr(gap + 2);
  // A second "::" (or ":::") leaves an empty group behind and is refused there.
  const std::string_view left_text = text.substr(0, gap);
  if (left_text.find('.') != std::string_view::npos) return std::nullopt;
  auto left = parse_v6_groups(left_text);
  const auto right = parse_v6_groups(right_text);
  // "::" stands for at least one group.
  if (!left || !right || left->size() + right->size() > kV6Size - 2) return std::nullopt;
  left->resize(kV6Size - right->size(), 0);
  left->insert(left->end(), right->begin(), right->end());
  return left;
}

bool is_v4_mapped(const Octets& ip) {
  return ip.size() == kV6Size &&
         std::equal(kV4MappedPrefix.begin(), kV4MappedPrefix.end(), ip.begin());
}

// The IPv4 address inside an IPv4-mapped one; anything else unchanged.
Octets unmapped(const Octets& ip) {
  if (!is_v4_mapped(ip)) return ip;
  return Octets(ip.begin() + kV4MappedPrefix.size(), ip.end());
}

std::string format_v4(const Octets& ip) {
  std::string text;
  for (const std::uint8_t octet : ip) {
    if (!text.empty()) text += '.';
    text += std::to_string(octet);
  }
  return text;
}

// RFC 5952 4: lower case, no leading zeros, the longest run of two or more zero groups (the first
// of equals) as "::".
std::string format_v6(const Octets& ip) {
  std::array<unsigned, kV6Groups> groups{};
  for (std::size_t i = 0; i < kV6Groups; ++i) groups[i] = (ip[2 * i] << 8u) | ip[2 * i + 1];

  std::size_t run_start = kV6Groups;
  std::size_t run_length = 1;
  for (std::size_t i = 0; i < kV6Groups;) {
    std::size_t end = i;
    while (end < kV6Groups && groups[end] == 0) ++end;
    if (end - i > run_length) {
      run_start = i;
      run_length = end - i;
    }
    i = end + 1;
  }

  std::string text;
  for (std::size_t i = 0; i < kV6Groups; ++i) {
    if (i == run_start) {
      text += "::";
      i += run_length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    std::array<char, 4> digits{};
    const auto [end, code] =
        std::to_chars(digits.data(), digits.data() + digits.size(), groups[i], 16);
    SMTPSEAL_CHECK(code == std::errc());
    text.append(digits.data(), end);
  }
  return text;
}

std::string format_ip(const Octets& ip) {
  if (ip.size() == kV4Size) return format_v4(ip);
  if (ip.size() != kV6Size) return "?";
  return is_v4_mapped(ip) ? format_v4(unmapped(ip)) : format_v6(ip);
}

// Why a text is no address, with what to write instead.
Error not_an_address(std::string_view text) {
  if (text == "*" || text.empty()) {
    return config_error("write 0.0.0.0 for every IPv4 address, [::] for every IPv6 address");
  }
  if (text == "localhost") {
    return config_error("\"localhost\" is a name: write the address, 127.0.0.1 or ::1");
  }
  return config_error(quoted(text) + " is not an IP address");
}

// Sets every bit of `ip` beyond the first `prefix` to zero.
Octets masked(Octets ip, unsigned prefix) {
  for (std::size_t i = 0; i < ip.size(); ++i) {
    const unsigned before = static_cast<unsigned>(i) * 8;
    const unsigned kept = prefix <= before ? 0 : std::min(8u, prefix - before);
    ip[i] = static_cast<std::uint8_t>(ip[i] & (0xff00u >> kept));
  }
  return ip;
}

}  // namespace

bool SocketAddress::is_loopback() const {
  const Octets plain = unmapped(ip);
  if (plain.size() == kV4Size) return plain[0] == 127;
  return plain.size() == kV6Size && plain.back() == 1 &&
         std::all_of(plain.begin(), plain.end() - 1, [](std::uint8_t octet) { return octet == 0; });
}

bool SocketAddress::is_unspecified() const {
  const Octets plain = unmapped(ip);
  return !plain.empty() &&
         std::all_of(plain.begin(), plain.end(), [](std::uint8_t octet) { return octet == 0; });
}

std::string SocketAddress::host() const {
  if (is_unix()) return to_string();
  std::string text = format_ip(ip);
  if (scope != 0 && ip.size() == kV6Size) text += '%' + std::to_string(scope);
  return text;
}

std::string SocketAddress::to_string() const {
  if (is_unix()) return std::string(kUnixPrefix) + path;
  const std::string text = host();
  const bool needs_brackets = text.find(':') != std::string::npos;
  return (needs_brackets ? '[' + text + ']' : text) + ':' + std::to_string(port);
}

Result<SocketAddress> parse_ip(std::string_view text, std::uint16_t port) {
  SocketAddress address;
  address.port = port;
  const std::size_t zone = text.find('%');
  const std::string_view literal = text.substr(0, zone);
  if (auto octets = parse_v4(literal); octets && zone == std::string_view::npos) {
    address.ip = std::move(*octets);
    return address;
  }
  auto octets = parse_v6(literal);
  if (!octets) return not_an_address(text);
  address.ip = std::move(*octets);
  if (zone != std::string_view::npos) {
    // Interface names mean nothing without the system: RFC 4007 11.2 lets zones be numbers.
    const auto scope = number(text.substr(zone + 1), 9, 10, 999'999'999);
    if (!scope || *scope == 0) {
      return config_error(quoted(text) + ": write the zone as the interface's number");
    }
    address.scope = *scope;
  }
  return address;
}

Result<SocketAddress> parse_unix_path(std::string_view text) {
#ifdef __linux__
  constexpr bool kHasNames = true;
#else
  constexpr bool kHasNames = false;
#endif
  const bool is_name = text.starts_with('@');
  if (is_name && !kHasNames) {
    return config_error(quoted(text) + ": only Linux has Unix sockets without a file");
  }
  // The daemon's folder is not the one of whoever writes this.
  if (!is_name && (!text.starts_with('/') || text.ends_with('/'))) {
    return config_error("expected unix:PATH with the whole path, such as unix:/run/smtpseal/smtp");
  }
  if (is_name && text.size() == 1) return config_error("expected a name behind the @");
  if (text.size() > kMaxUnixPath) {
    return config_error("a Unix socket's path of " + std::to_string(text.size()) +
                        " octets: at most " + std::to_string(kMaxUnixPath) + " are possible");
  }
  if (text.find('\0') != std::string_view::npos) {
    return config_error("a Unix socket's path holds no NUL");
  }
  SocketAddress address;
  address.path = text;
  return address;
}

Result<SocketAddress> parse_socket_address(std::string_view text) {
  std::string_view host;
  std::string_view port_text;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || text.substr(close + 1, 1) != ":") {
      return config_error(quoted(text) + ": expected [IPV6-ADDRESS]:PORT");
    }
    host = text.substr(1, close - 1);
    port_text = text.substr(close + 2);
  } else {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
      return config_error(quoted(text) + ": expected ADDRESS:PORT, such as 127.0.0.1:25");
    }
    if (text.find(':', colon + 1) != std::string_view::npos) {
      return config_error(quoted(text) + ": an IPv6 address stands in brackets, such as [::1]:25");
    }
    host = text.substr(0, colon);
    port_text = text.substr(colon + 1);
  }
  const auto port = number(port_text, 5, 10, 65535);
  if (!port) {
    return config_error(quoted(text) + ": the port is a number from 0 to 65535");
  }
  auto address = parse_ip(host, static_cast<std::uint16_t>(*port));
  if (address && address->is_v6() != text.starts_with('[')) {
    return config_error(quoted(text) + ": brackets are for IPv6 addresses");
  }
  return address;
}

Result<Network> Network::parse(std::string_view cidr) {
  const std::size_t slash = cidr.find('/');
  const auto address = parse_ip(cidr.substr(0, slash), 0);
  if (!address) return address.error();
  if (address->scope != 0) {
    return config_error(quoted(cidr) + ": a network has no zone");
  }
  const auto bits = static_cast<unsigned>(address->ip.size()) * 8;
  unsigned prefix = bits;
  if (slash != std::string_view::npos) {
    const auto length = number(cidr.substr(slash + 1), 3, 10, bits);
    if (!length) {
      return config_error(quoted(cidr) + ": the prefix length is a number from 0 to " +
                          std::to_string(bits));
    }
    prefix = *length;
  }
  Network network;
  network.ip_ = address->ip;
  network.prefix_ = prefix;
  constexpr unsigned kMappedBits = kV4MappedPrefix.size() * 8;
  if (is_v4_mapped(network.ip_) && prefix >= kMappedBits) {
    network.ip_ = unmapped(network.ip_);
    network.prefix_ = prefix - kMappedBits;
  }
  const Octets start = masked(network.ip_, network.prefix_);
  if (start != network.ip_) {
    // Half of those who write 10.1.2.3/8 mean the host, half the network.
    return config_error(quoted(cidr) + ": the network is " + format_ip(start) + '/' +
                        std::to_string(network.prefix_) + ", the single address has no \"/\"");
  }
  return network;
}

bool Network::contains(const SocketAddress& address) const {
  const Octets plain = unmapped(address.ip);
  return !ip_.empty() && plain.size() == ip_.size() && masked(plain, prefix_) == ip_;
}

std::string Network::to_string() const {
  const std::string text = format_ip(ip_);
  return prefix_ == ip_.size() * 8 ? text : text + '/' + std::to_string(prefix_);
}

}  // namespace base
