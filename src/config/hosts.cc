// See hosts.h.
#include "config/hosts.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "config/draft.h"
#include "config/values.h"

namespace config {

namespace {

constexpr std::string_view kSrv = "srv:";
constexpr std::string_view kMx = "mx:";

}  // namespace

HostItem host_item(std::string_view checked) {
  if (base::istarts_with(checked, kSrv)) {
    return {HostKind::srv, std::string(checked.substr(kSrv.size()))};
  }
  if (base::istarts_with(checked, kMx)) {
    return {HostKind::mx, std::string(checked.substr(kMx.size()))};
  }
  return {HostKind::host, std::string(checked)};
}

base::Result<HostItem> parse_host_item(std::string_view text) {
  HostItem item = host_item(text);
  const auto host = parse_host(item.name);
  if (!host) return host.error();
  if (item.kind != HostKind::host && base::parse_ip(item.name, 0)) {
    return base::Error{base::Fault::config, "expected a domain, not an address"};
  }
  return item;
}

base::Result<HostPort> parse_target(std::string_view text) {
  if (host_item(text).kind == HostKind::host) return parse_host_port(text);
  const auto item = parse_host_item(text);
  if (!item) return item.error();
  return HostPort{std::string(text), std::nullopt};
}

std::string certificate_name(const Smarthost& smarthost, std::string_view item) {
  if (!smarthost.tls.verify_name.empty()) return smarthost.tls.verify_name;
  std::string name = host_item(item).name;
  // The dot that makes a name absolute for the resolver stands in no certificate.
  if (name.size() > 1 && name.ends_with('.')) name.pop_back();
  return name;
}

std::string describe_hosts(const Smarthost& smarthost) {
  std::string text;
  for (const std::string& host : smarthost.hosts) {
    if (!text.empty()) text.append(",");
    text.append(host);
    if (host_item(host).kind != HostKind::srv) text.append(":" + std::to_string(smarthost.port));
  }
  return text;
}

void check_hosts(const Draft& smarthost, ProblemList& problems, ProblemList& warnings) {
  const std::vector<std::string>& hosts = smarthost.smarthost().hosts;
  for (auto host = hosts.begin(); host != hosts.end(); ++host) {
    const bool is_again = std::any_of(
        hosts.begin(), host, [&](const std::string& other) { return base::iequals(*host, other); });
    if (!is_again) continue;
    problems.add(smarthost.place_of("host"), "host = " + *host + ": the same host twice");
  }
  const bool has_only_srv =
      !hosts.empty() && std::all_of(hosts.begin(), hosts.end(), [](const std::string& host) {
        return host_item(host).kind == HostKind::srv;
      });
  if (!has_only_srv || smarthost.find("port") == nullptr) return;
  warnings.add(smarthost.place_of("port"),
               "port has no effect with srv:, whose records name ports");
}

void check_sender_matches(const std::vector<Draft*>& smarthosts, ProblemList& problems,
                          ProblemList& warnings) {
  std::map<std::string, const Draft*> takers;
  for (const Draft* draft : smarthosts) {
    const Place& place = draft->place_of("sender_match");
    for (const std::string& sender : draft->smarthost().sender_match) {
      const auto [taker, is_first] = takers.emplace(base::lowered(sender), draft);
      if (is_first) continue;
      problems.add(place, "sender_match = " + sender + ": [" + taker->second->label() +
                              "] takes the mail of this sender already");
    }
    if (smarthosts.size() > 1 || draft->find("sender_match") == nullptr) continue;
    warnings.add(place, "sender_match has no effect with a single [smarthost]: it takes all mail");
  }
}

}  // namespace config
