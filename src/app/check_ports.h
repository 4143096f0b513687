// Other ways into the smarthost, tried where the configured one leads nowhere: its other ports, and
// the other mode at the same port.
//
// A way counts only when it meets the level of TLS that the configuration demands.
#pragma once

#include <cstdint>
#include <vector>

#include "app/check_caller.h"
#include "app/check_findings.h"

namespace app {

// The ports mail is taken at (RFC 5321 4.5.4.2, RFC 6409 3.1, RFC 8314 3.3).
struct CheckPorts {
  std::uint16_t relay = 25;
  std::uint16_t submission = 587;
  std::uint16_t submissions = 465;
};

// `smarthost` with TLS begun the other way.
[[nodiscard]] config::Smarthost in_other_mode(config::Smarthost smarthost);

// `smarthost` at each of the ports that is not its own, in the mode that is usual there.
[[nodiscard]] std::vector<config::Smarthost> at_other_ports(const config::Smarthost& smarthost,
                                                            const CheckPorts& ports);

// Connects to all of them at once, at the first few of `addresses`, and speaks with those that
// answer. One result a candidate, in the same order. Takes its time, but bounded.
[[nodiscard]] std::vector<CheckAlternative> try_ports(
    const CheckCaller& caller, const std::vector<base::SocketAddress>& addresses,
    std::vector<config::Smarthost> candidates);

}  // namespace app
