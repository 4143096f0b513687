// What stands in `host`: names and addresses, and domains whose servers are looked up.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"
#include "config/values.h"

namespace config {

// Items of `host`: more are not tried in the time that clients wait.
inline constexpr std::size_t kMaxHosts = 8;

enum class HostKind {
  host,  // a name or an address
  srv,   // srv:DOMAIN, RFC 6186 and RFC 8314 5.1
  mx,    // mx:DOMAIN, RFC 5321 5.1
};

struct HostItem {
  HostKind kind = HostKind::host;
  std::string name;  // the host, or the domain
};

// One item of `host`, checked.
[[nodiscard]] base::Result<HostItem> parse_host_item(std::string_view text);
// The same of one that was checked already, as those in Smarthost::hosts are.
[[nodiscard]] HostItem host_item(std::string_view checked);
// What a command line names: HOST[:PORT], or a domain whose servers are looked up.
[[nodiscard]] base::Result<HostPort> parse_target(std::string_view text);

// The name that the certificate must carry of whom `item` leads to: `verify_name` where it is
// written, else the item's own. For a domain that is looked up it is the domain (RFC 6186 6): what
// the DNS makes of it anybody may have written.
[[nodiscard]] std::string certificate_name(const Smarthost& smarthost, std::string_view item);

// The hosts with the port they are reached at, where it is ours to say: "a.example:25,
// b.example:25", "srv:example.edu".
[[nodiscard]] std::string describe_hosts(const Smarthost& smarthost);

}  // namespace config
