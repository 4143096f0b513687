// The small languages in which values are written: durations, sizes, names, lists.
//
// Every reader gives the value or an Error (Fault::config) whose detail says what would be right
// ("expected a duration with a unit, such as 30s"); the caller puts the key and the text before it.
// Every writer gives a text that its reader reads back as the same value. Knows no keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/result.h"

namespace config {

// A name in the DNS: RFC 1035 2.3.4 has 255 octets on the wire, which are 253 characters.
inline constexpr std::size_t kMaxHostName = 253;
inline constexpr std::size_t kMaxHostLabel = 63;

// yes, no, true, false, on, off, 1, 0, in any case.
[[nodiscard]] base::Result<bool> parse_bool(std::string_view text);
[[nodiscard]] std::string format_bool(bool value);

// A decimal number from `least` to `most`.
[[nodiscard]] base::Result<std::uint64_t> parse_number_in(std::string_view text,
                                                          std::uint64_t least, std::uint64_t most);

// How many event loops; more than one only where they can share ports.
[[nodiscard]] base::Result<std::uint64_t> parse_workers(std::string_view text,
                                                        bool can_share_ports);

// A whole number and one of ms, s, m, h, d; "0" needs no unit.
[[nodiscard]] base::Result<base::Duration> parse_duration(std::string_view text);
// In the largest unit that leaves a whole number: "30s", "5m", "1500ms".
[[nodiscard]] std::string format_duration(base::Duration value);

// A whole number and one of K, M, G (powers of 1024, in any case); "0" needs no unit.
[[nodiscard]] base::Result<std::uint64_t> parse_size(std::string_view text);
[[nodiscard]] std::string format_size(std::uint64_t value);

// What the users of a machine may do with a file: octal, such as 0660. Only who may read and write,
// and the owner always may.
[[nodiscard]] base::Result<unsigned> parse_file_mode(std::string_view text);
// "0660"
[[nodiscard]] std::string format_file_mode(unsigned mode);

// The trimmed pieces between commas; an empty piece is an error.
[[nodiscard]] base::Result<std::vector<std::string>> parse_list(std::string_view text);
[[nodiscard]] std::string format_list(const std::vector<std::string>& items);

// What a TCP connection can be opened to: a DNS name (underscores and one trailing dot allowed, in
// ASCII: internationalised names in their xn-- form) or an IP address without brackets. Returned as
// it was written.
[[nodiscard]] base::Result<std::string> parse_host(std::string_view text);

// "smtp.example.edu:587", "192.0.2.1", "[2001:db8::1]:465", "2001:db8::1".
struct HostPort {
  std::string host;  // without brackets
  std::optional<std::uint16_t> port;
};
[[nodiscard]] base::Result<HostPort> parse_host_port(std::string_view text);

// The name we give in EHLO: a domain (RFC 5321 4.1.2, no underscores) or an address literal
// ("[192.0.2.1]", "[IPv6:2001:db8::1]"); not localhost. A trailing dot is taken off.
[[nodiscard]] base::Result<std::string> parse_own_name(std::string_view text);
// "localhost", "localhost.localdomain", "ip6-localhost": names every machine has.
[[nodiscard]] bool is_localhost_name(std::string_view name);

// The name a certificate must carry: a DNS name, the trailing dot taken off, or an IP address.
[[nodiscard]] base::Result<std::string> parse_certificate_name(std::string_view text);

// "sha256//" and the base64 of 32 octets.
[[nodiscard]] base::Result<std::string> parse_pin(std::string_view text);

}  // namespace config
