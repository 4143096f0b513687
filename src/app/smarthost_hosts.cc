// See smarthost_hosts.h.
#include "app/smarthost_hosts.h"

#include <algorithm>
#include <utility>

#include "app/random_number.h"
#include "config/hosts.h"
#include "smtp/limits.h"

namespace app {

SmarthostHosts::SmarthostHosts(SmarthostContext& context, SmarthostHostsEvents& events)
    : context_(context), events_(events), timer_(*context.loop, *this) {
  const config::Smarthost& smarthost = context.smarthost;
  HostLookupEvents& self = *this;
  for (const std::string& host : smarthost.hosts) {
    Item& item = items_.emplace_back();
    if (config::host_item(host).kind == config::HostKind::host) {
      item.target =
          relay::Target{host, smarthost.port, 0, 0, config::certificate_name(smarthost, host)};
    } else {
      item.lookup =
          std::make_unique<HostLookup>(*context.loop, context.ask_dns, smarthost, host, self);
    }
  }
  gather_targets();
}

bool SmarthostHosts::are_known() {
  base::Duration patience = kStalePatience;
  bool is_waiting = false;
  for (const Item& item : items_) {
    if (!item.lookup) continue;
    item.lookup->refresh();
    if (!item.lookup->is_running()) continue;
    is_waiting = true;
    if (!item.lookup->known().was_asked()) patience = context_.smarthost.connect_timeout;
  }
  if (!is_waiting) return true;
  if (!waiting_until_) {
    waiting_until_ = now() + std::min(patience, context_.smarthost.connect_timeout);
    timer_.arm(waiting_until_);
  }
  return now() >= *waiting_until_;
}

void SmarthostHosts::on_lookup_done() {
  gather_targets();
  const bool is_waiting = std::any_of(items_.begin(), items_.end(), [](const Item& item) {
    return item.lookup && item.lookup->is_running();
  });
  if (is_waiting) return;
  waiting_until_.reset();
  timer_.arm(std::nullopt);
  for (const Item& item : items_) {
    if (item.lookup) log_lookup(item.lookup->known());
  }
  events_.on_hosts_known();
}

void SmarthostHosts::log_lookup(const KnownHosts& known) {
  if (known.failure()) {
    context_.log->warn("-", "smarthost-fail",
                       {{"host", known.item()},
                        {"fault", base::to_string(known.failure()->fault)},
                        {"reason", known.failure()->detail},
                        {"in-force", known.targets().empty() ? "nothing" : "the old answer"}});
    return;
  }
  std::string found;
  for (const relay::Target& target : known.targets()) {
    found.append(found.empty() ? "" : ",").append(target.label());
  }
  context_.log->debug("-", "smarthost-hosts", {{"host", known.item()}, {"found", found}});
}

// The items one after another, each with its own ranks.
void SmarthostHosts::gather_targets() {
  constexpr unsigned kRanks = 0x10000;  // priorities have 16 bits
  targets_.clear();
  unsigned first_rank = 0;
  const auto add = [&](relay::Target target) {
    const bool is_known = std::any_of(targets_.begin(), targets_.end(), [&](const auto& one) {
      return one.label() == target.label();
    });
    target.rank += first_rank;
    if (!is_known) targets_.push_back(std::move(target));
  };
  for (const Item& item : items_) {
    if (item.target) add(*item.target);
    if (item.lookup)
      std::for_each(item.lookup->known().targets().begin(), item.lookup->known().targets().end(),
                    add);
    first_rank += kRanks;
  }
  health_.keep_only(targets_);
  std::erase_if(contexts_, [&](const auto& entry) {
    return std::none_of(targets_.begin(), targets_.end(),
                        [&](const relay::Target& one) { return one.label() == entry.first.first; });
  });
}

HostWalk SmarthostHosts::begin(bool is_alone) {
  HostWalk walk;
  walk.left = relay::arranged(targets_, random_number);
  for (const Item& item : items_) {
    if (!item.lookup || !item.lookup->known().targets().empty()) continue;
    const base::Error unknown{base::Fault::unreachable, "its look-up takes too long"};
    walk.failures.push_back(
        {item.lookup->known().item(), item.lookup->known().failure().value_or(unknown)});
  }
  const base::Duration one = context_.smarthost.connect_timeout + smtp::kOpenTimeout;
  walk.deadline = now() + std::max<base::Duration>(one, smtp::kWalkTimeout);
  const std::optional<relay::Target> due =
      is_alone ? health_.due_for_trial(targets_, now()) : std::nullopt;
  if (!due) return walk;
  const auto found = std::find(walk.left.begin(), walk.left.end(), *due);
  std::rotate(walk.left.begin(), found, found + 1);
  walk.is_first_chosen = true;
  health_.on_trial(*due);
  return walk;
}

std::optional<HostWalk> SmarthostHosts::begin_trial() {
  const std::optional<relay::Target> due = health_.due_for_trial(targets_, now());
  if (!due) return std::nullopt;
  health_.on_trial(*due);
  HostWalk walk;
  walk.left = {*due};
  walk.deadline = now() + context_.smarthost.connect_timeout + smtp::kOpenTimeout;
  walk.is_trial = true;
  return walk;
}

std::optional<LinkTarget> SmarthostHosts::next(HostWalk& walk) {
  const bool is_over = now() >= walk.deadline || walk.tried >= kMaxTried;
  if (walk.left.empty() || is_over) return std::nullopt;
  const std::size_t index =
      std::exchange(walk.is_first_chosen, false) ? 0 : health_.first_of(walk.left);
  ++walk.tried;
  relay::Target target = walk.left[index];
  walk.left.erase(walk.left.begin() + static_cast<std::ptrdiff_t>(index));
  // Where there is another one to try, nobody waits long for this one.
  base::Instant deadline = now() + context_.smarthost.connect_timeout;
  if (walk.left.empty()) deadline += smtp::kOpenTimeout;
  std::shared_ptr<tls::ClientContext> context = context_for(target);
  return LinkTarget{std::move(target), std::move(context), std::min(deadline, walk.deadline)};
}

void SmarthostHosts::on_failure(HostWalk& walk, const relay::Target& target,
                                const base::Error& error) {
  health_.on_failure(target, now(), random_number());
  walk.failures.push_back({target.label(), error});
}

std::shared_ptr<tls::ClientContext> SmarthostHosts::context_for(const relay::Target& target) {
  if (!context_.tls) return nullptr;
  std::shared_ptr<tls::ClientContext>& context = contexts_[{target.label(), target.name}];
  if (context) return context;
  auto made = context_.tls->for_peer(target.name);
  SMTPSEAL_CHECK(made.is_ok());  // make_smarthost_tls() tried them all
  context = std::move(made).value();
  return context;
}

}  // namespace app
