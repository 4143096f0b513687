// See host_lookup.h.
#include "app/host_lookup.h"

#include <algorithm>
#include <utility>

namespace app {

namespace {

base::Error no_service(std::string detail) { return {base::Fault::unreachable, std::move(detail)}; }

}  // namespace

DnsQuestion question_of(const config::Smarthost& smarthost, const config::HostItem& item) {
  if (item.kind == config::HostKind::mx) return {item.name, net::DnsType::mx};
  const bool is_implicit = smarthost.mode == config::Mode::implicit;
  return {(is_implicit ? "_submissions._tcp." : "_submission._tcp.") + item.name,
          net::DnsType::srv};
}

base::Result<std::vector<relay::Target>> targets_of(const config::Smarthost& smarthost,
                                                    const std::string& item,
                                                    const net::DnsAnswer& answer) {
  const config::HostItem domain = config::host_item(item);
  const bool is_srv = domain.kind == config::HostKind::srv;
  const std::string name = config::certificate_name(smarthost, item);
  if (answer.records.empty()) {
    // RFC 5321 5.1: records that are there but of no use are an error.
    if (answer.has_unusable) {
      return no_service("the records at " + question_of(smarthost, domain).name +
                        " name nothing that is a host");
    }
    if (!is_srv) return std::vector<relay::Target>{{domain.name, smarthost.port, 0, 0, name}};
    return no_service("no SRV record at " + question_of(smarthost, domain).name);
  }
  std::vector<relay::Target> targets;
  for (const net::DnsRecord& record : answer.records) {
    if (record.target.empty() || (is_srv && record.port == 0)) continue;
    targets.push_back({record.target, is_srv ? record.port : smarthost.port, record.priority,
                       record.weight, name});
  }
  if (!targets.empty()) return targets;
  return no_service(is_srv ? domain.name + " offers no such service (its SRV record says so)"
                           : domain.name + " takes no mail (its MX record says so)");
}

// What was found before holds on while nobody says otherwise.
void KnownHosts::take(const base::Result<net::DnsAnswer>& answer, base::Instant now) {
  failure_.reset();
  due_ = now + kLeastTtl;
  if (!answer) {
    failure_ = answer.error();
    return;
  }
  due_ = now + std::clamp<base::Duration>(answer->ttl, kLeastTtl, kMostTtl);
  auto targets = targets_of(smarthost_, item_, *answer);
  if (targets) {
    targets_ = std::move(targets).value();
  } else {
    failure_ = targets.error();
    targets_.clear();
  }
}

HostLookup::HostLookup(net::Loop& loop, AskDns ask, const config::Smarthost& smarthost,
                       std::string item, HostLookupEvents& events)
    : loop_(loop), ask_(std::move(ask)), known_(smarthost, std::move(item)), events_(events) {}

void HostLookup::refresh() {
  if (running_ || !known_.is_due(loop_.now())) return;
  const DnsQuestion question = question_of(known_.smarthost(), config::host_item(known_.item()));
  answer_ = std::make_shared<base::Result<net::DnsAnswer>>(
      base::Error{base::Fault::local, "look-up of " + question.name + " was cancelled"});
  running_ = net::Background::begin(
      loop_,
      [question, ask = ask_, answer = answer_]() -> base::Result<void> {
        *answer = ask(question.name, question.type);
        return {};
      },
      *this);
}

void HostLookup::on_background_done(base::Result<void>) {
  running_.reset();
  known_.take(*std::exchange(answer_, nullptr), loop_.now());
  events_.on_lookup_done();
}

}  // namespace app
