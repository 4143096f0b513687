// See check_hosts.h.
#include "app/check_hosts.h"

#include <algorithm>
#include <utility>

namespace app {

namespace {

std::vector<HostToCheck> look_up(const config::Smarthost& smarthost, const std::string& item,
                                 const AskDns& ask) {
  HostToCheck one{smarthost, false, item, std::nullopt};
  one.smarthost.hosts = {item};
  const DnsQuestion question = question_of(smarthost, config::host_item(item));
  const auto answer = ask(question.name, question.type);
  auto targets = answer ? targets_of(smarthost, item, *answer) : answer.error();
  if (!targets) {
    one.lookup_error = targets.error();
    return {one};
  }
  // By weight, too: which of them is tried first is drawn, the likeliest tells most.
  std::stable_sort(targets->begin(), targets->end(), [](const auto& a, const auto& b) {
    return std::pair(a.rank, b.weight) < std::pair(b.rank, a.weight);
  });
  std::vector<HostToCheck> hosts;
  for (const relay::Target& target : *targets) {
    one.smarthost.hosts = {target.host};
    one.smarthost.port = target.port;
    one.smarthost.tls.verify_name = target.name;
    hosts.push_back(one);
  }
  return hosts;
}

}  // namespace

std::vector<HostToCheck> hosts_to_check(const config::Config& config, const AskDns& ask) {
  std::vector<HostToCheck> hosts;
  for (const config::Smarthost& smarthost : config.smarthosts) {
    const std::size_t first = hosts.size();
    for (const std::string& item : smarthost.hosts) {
      if (config::host_item(item).kind != config::HostKind::host) {
        for (HostToCheck& one : look_up(smarthost, item, ask)) hosts.push_back(std::move(one));
        continue;
      }
      HostToCheck one{smarthost, false, {}, std::nullopt};
      one.smarthost.hosts = {item};
      hosts.push_back(std::move(one));
    }
    hosts[first].is_first = true;
  }
  return hosts;
}

}  // namespace app
