// Look-ups in the DNS beyond addresses: which servers a domain names for a service.
//
// What comes from there is not authenticated: anybody on the way may have written it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/result.h"
#include "net/address.h"

namespace net {

// RFC 1035 3.2.2, RFC 2782.
enum class DnsType : std::uint16_t { mx = 15, srv = 33 };

// Of more records than these the rest is left out.
inline constexpr std::size_t kMaxDnsRecords = 32;

struct DnsRecord {
  std::uint16_t priority = 0;  // of MX: the preference. The lower, the sooner
  std::uint16_t weight = 0;    // of SRV alone, as is the port
  std::uint16_t port = 0;
  std::string target;  // a host name without its last dot; empty for "." alone: no such service

  friend bool operator==(const DnsRecord&, const DnsRecord&) = default;
};

struct DnsAnswer {
  std::vector<DnsRecord> records;  // as they came; none: there is no such name, or none of the type
  std::chrono::seconds ttl{0};     // how long that holds; zero where nobody said
  bool has_unusable = false;       // some were left out: their targets are no names of hosts
};

// The answer in a message of the DNS (RFC 1035 4). Fault::unreachable when a server could not
// answer, Fault::peer_protocol for what is no message. Records whose target cannot be the name of a
// host are left out.
[[nodiscard]] base::Result<DnsAnswer> parse_dns_answer(std::string_view message, DnsType type);

// Asks the system's resolver for exactly this name, no search list added. Takes as long as the
// system's settings let it: never on a loop. `server`: to be asked instead (where the resolver can;
// IPv4), for tests.
[[nodiscard]] base::Result<DnsAnswer> look_up_dns(
    const std::string& name, DnsType type,
    const std::optional<SocketAddress>& server = std::nullopt);

}  // namespace net
