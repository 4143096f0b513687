// See proxy_header.h. Section numbers are those of proxy-protocol.txt.
#include "base/proxy_header.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"

namespace base {
namespace {

using namespace std::string_view_literals;
using Parsed = std::variant<ProxyHeaderIncomplete, ProxyHeader, Error>;

constexpr std::string_view kLineStart = "PROXY ";
constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::string_view kLineEnd = "\r\n";

Error wrong(std::string why) { return {Fault::peer_protocol, "PROXY header: " + std::move(why)}; }

// --- version 1 (2.1)

// Digits without a sign, a space or a leading zero.
std::optional<std::uint16_t> port_in(std::string_view text) {
  if (text.size() > 5 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  const auto number = parse_number(text);
  if (!number || *number > 0xffff) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

std::optional<SocketAddress> address_in(std::string_view host, std::string_view port, bool is_v6) {
  const auto number = port_in(port);
  if (!number) return std::nullopt;
  auto address = parse_ip(host, *number);
  if (!address || address->is_v6() != is_v6 || address->scope != 0) return std::nullopt;
  return *address;
}

// `line`: without its end.
Parsed parse_line(std::string_view line) {
  const std::size_t size = line.size() + kLineEnd.size();
  const std::vector<std::string_view> words = split(line, ' ');
  const std::string_view protocol = words[1];
  // The rest of such a line is to be ignored.
  if (protocol == "UNKNOWN") return ProxyHeader{size, std::nullopt};
  const bool is_v6 = protocol == "TCP6";
  if (!is_v6 && protocol != "TCP4") return wrong("neither TCP4 nor TCP6 nor UNKNOWN");
  constexpr std::size_t kWords = 6;  // PROXY TCP4 SOURCE DESTINATION PORT PORT
  if (words.size() != kWords) return wrong("expected two addresses and two ports");
  auto source = address_in(words[2], words[4], is_v6);
  if (!source || !address_in(words[3], words[5], is_v6)) return wrong("expected addresses");
  return ProxyHeader{size, std::move(source)};
}

Parsed parse_version1(std::string_view octets) {
  const std::string_view most = octets.substr(0, kMaxProxyLine);
  const std::size_t end = most.find_first_of("\r\n");
  if (end == std::string_view::npos) {
    if (octets.size() >= kMaxProxyLine) return wrong("the line is longer than 107 octets");
    return ProxyHeaderIncomplete{};
  }
  const std::string_view closing = most.substr(end, kLineEnd.size());
  if (!kLineEnd.starts_with(closing)) return wrong("the line does not end in CRLF");
  if (closing.size() == kLineEnd.size()) return parse_line(octets.substr(0, end));
  if (octets.size() >= kMaxProxyLine) return wrong("the line is longer than 107 octets");
  return ProxyHeaderIncomplete{};
}

// --- version 2 (2.2)

constexpr std::size_t kFixedPart = 16;
constexpr unsigned kVersion2 = 0x20;
constexpr unsigned kLocal = 0;
constexpr unsigned kProxied = 1;

unsigned octet(std::string_view octets, std::size_t at) {
  return static_cast<unsigned char>(octets[at]);
}

std::size_t number16(std::string_view octets, std::size_t at) {
  return (octet(octets, at) << 8U) | octet(octets, at + 1);
}

// Type, length and value, one behind another, up to the last octet (2.2.7).
bool are_tlvs(std::string_view rest) {
  constexpr std::size_t kTypeAndLength = 3;
  while (!rest.empty()) {
    if (rest.size() < kTypeAndLength) return false;
    const std::size_t size = kTypeAndLength + number16(rest, 1);
    if (rest.size() < size) return false;
    rest.remove_prefix(size);
  }
  return true;
}

// Two addresses of `ip_size` octets each, then their ports.
SocketAddress source_in(std::string_view payload, std::size_t ip_size) {
  SocketAddress source;
  source.ip.assign(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(ip_size));
  source.port = static_cast<std::uint16_t>(number16(payload, 2 * ip_size));
  return source;
}

Parsed parse_payload(unsigned family, std::string_view payload) {
  ProxyHeader header{kFixedPart + payload.size(), std::nullopt};
  constexpr unsigned kUnspecified = 0x00, kTcp4 = 0x11, kTcp6 = 0x21, kUnixStream = 0x31;
  std::size_t size = 0;
  switch (family) {
    case kUnspecified: return header;  // whatever stands there is to be ignored
    case kTcp4: size = 2 * 4 + 2 * 2; break;
    case kTcp6: size = 2 * 16 + 2 * 2; break;
    case kUnixStream: size = 2 * 108; break;
    default: return wrong("a family or transport that is none of a stream");
  }
  if (payload.size() < size) return wrong("too short for its addresses");
  if (!are_tlvs(payload.substr(size))) return wrong("what follows the addresses has no order");
  if (family != kUnixStream) header.client = source_in(payload, family == kTcp6 ? 16 : 4);
  return header;
}

Parsed parse_version2(std::string_view octets) {
  if (octets.size() < kFixedPart) return ProxyHeaderIncomplete{};
  const unsigned command = octet(octets, 12) & 0x0fU;
  if ((octet(octets, 12) & 0xf0U) != kVersion2) return wrong("a version other than 1 and 2");
  if (command != kLocal && command != kProxied) return wrong("neither LOCAL nor PROXY");
  const std::size_t size = number16(octets, 14);
  if (size > kMaxProxyPayload) {
    return wrong("of " + std::to_string(size) + " octets, at most " +
                 std::to_string(kMaxProxyPayload) + " are taken");
  }
  if (octets.size() < kFixedPart + size) return ProxyHeaderIncomplete{};
  if (command == kLocal) return ProxyHeader{kFixedPart + size, std::nullopt};
  return parse_payload(octet(octets, 13), octets.substr(kFixedPart, size));
}

}  // namespace

Parsed parse_proxy_header(std::string_view octets) {
  for (const std::string_view start : {kLineStart, kSignature}) {
    const std::size_t common = std::min(octets.size(), start.size());
    if (octets.substr(0, common) != start.substr(0, common)) continue;
    if (common < start.size()) return ProxyHeaderIncomplete{};
    return start == kLineStart ? parse_version1(octets) : parse_version2(octets);
  }
  return wrong("what came begins with none");
}

}  // namespace base
