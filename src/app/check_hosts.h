// Which hosts `check` walks to: all of a smarthost, in the order in which they are tried, those
// that the DNS names among them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/host_lookup.h"
#include "base/result.h"
#include "config/config.h"

namespace app {

// One host of a smarthost, as if it were the only one.
struct HostToCheck {
  config::Smarthost smarthost;
  bool is_first = true;                     // of its section
  std::string found_by;                     // "srv:example.edu", where it was looked up
  std::optional<base::Error> lookup_error;  // why that led nowhere: there is no host then
};

// Waits for the DNS: there is nothing else to do.
[[nodiscard]] std::vector<HostToCheck> hosts_to_check(const config::Config& config,
                                                      const AskDns& ask);

}  // namespace app
