// See smarthost_pool.h.
#include "app/smarthost_pool.h"

#include <algorithm>
#include <utility>

namespace app {

SmarthostPool::SmarthostPool(std::unique_ptr<SmarthostContext> context)
    : context_(std::move(context)), hosts_(*context_, *this), timer_(*context_->loop, *this) {}

SmarthostPool::~SmarthostPool() = default;

void SmarthostPool::lease(PoolClient& client, LeaseRequest request) {
  line_up({&client, std::move(request), now()});
  context_->turn->want(*this);
}

void SmarthostPool::want_extensions(PoolClient& client) {
  extension_waiters_.push_back({&client, now()});
  context_->turn->want(*this);
}

void SmarthostPool::cancel(PoolClient& client) {
  const auto is_its = [&](const Waiter& waiter) { return waiter.client == &client; };
  std::erase_if(waiters_, is_its);
  std::erase_if(leaving_, is_its);
  std::erase_if(extension_waiters_, [&](const auto& waiter) { return waiter.client == &client; });
  for (auto& [id, greeting] : greetings_) {
    if (greeting.waiter.client == &client) greeting.waiter.client = nullptr;
  }
}

void SmarthostPool::give_back(SmarthostLink& link, bool is_clean, const std::string& why) {
  link.set_holder(nullptr);
  ++link.transactions;
  link.idle_since = now();
  link.abandon_data();
  const smtp::Reuse reuse = link.session().reuse();
  std::string reason(is_clean ? reuse.why_not : std::string_view(why));
  if (is_clean && reuse.is_clean) {
    reached_ = now();
    const relay::IdleConnection facts{link.id(),
                                      link.opened(),
                                      link.idle_since,
                                      link.transactions,
                                      link.bytes(),
                                      false,
                                      link.session().extensions()};
    reason = why_close(link, facts);
  }
  if (!reason.empty()) {
    context_->log->debug(link.id_text(), "smarthost-close", {{"reason", reason}});
    link.close();
    bury(link);
  }
  context_->turn->want(*this);
}

const smtp::Extensions* SmarthostPool::fresh_extensions() const {
  if (!extensions_) return nullptr;
  // Connections that serve one client for hours are proof enough: nothing renews `reached_` then,
  // and there may be no room for another one that would.
  if (has_live_link()) return &*extensions_;
  const base::Duration most = context_->smarthost.pool.extensions_fresh;
  return reached_ && now() - *reached_ <= most ? &*extensions_ : nullptr;
}

const smtp::Extensions* SmarthostPool::known_extensions() const {
  return extensions_ ? &*extensions_ : nullptr;
}

bool SmarthostPool::is_idle(const SmarthostLink& link) const {
  return !link.is_dead() && !link.has_holder() && link.has_session() && link.session().is_ready();
}

std::vector<relay::IdleConnection> SmarthostPool::idle_connections() const {
  std::vector<relay::IdleConnection> idle;
  for (const auto& [id, link] : links_) {
    if (!is_idle(*link)) continue;
    idle.push_back({id, link->opened(), link->idle_since, link->transactions, link->bytes(),
                    link->is_unused, link->usable_extensions()});
  }
  return idle;
}

SmarthostLink* SmarthostPool::find(std::uint64_t id) {
  const auto found = links_.find(id);
  return found == links_.end() ? nullptr : found->second.get();
}

void SmarthostPool::on_turn_end() {
  // Whoever waits comes first: after a reload a connection serves once more before it is closed.
  serve();
  expire();
  try_preferred_host();
  arm_timer();
}

void SmarthostPool::on_timer() { context_->turn->want(*this); }

void SmarthostPool::serve() {
  if (fresh_extensions() != nullptr) {
    for (const auto& waiter : std::exchange(extension_waiters_, {})) {
      waiter.client->on_extensions_known();
    }
  }
  was_used_ = has_waiters();
  unsigned openings_wanted = extension_waiters_.empty() ? 0 : 1;
  // Clients may ask again while they are told; those wait for the next turn.
  std::deque<Waiter> waiting = std::exchange(waiters_, {});
  std::deque<Waiter> unserved;
  std::vector<relay::IdleConnection> idle = idle_connections();
  for (Waiter& waiter : waiting) {
    if (!serve_one(waiter, idle, openings_wanted)) unserved.push_back(std::move(waiter));
  }
  for (Waiter& waiter : std::exchange(waiters_, std::move(unserved))) line_up(std::move(waiter));
  open_as_wanted(openings_wanted);
}

// `idle` is kept as it is: a long queue does not ask for it again and again.
bool SmarthostPool::serve_one(const Waiter& waiter, std::vector<relay::IdleConnection>& idle,
                              unsigned& openings_wanted) {
  if (must_wait_for_turn(waiter)) return false;
  const relay::Decision decision =
      relay::choose(idle, static_cast<unsigned>(links_.size()), waiter.request.needs,
                    waiter.request.must_be_fresh, context_->smarthost.pool, now());
  switch (decision.choice) {
    case relay::Choice::lease:
      if (!take_turn(waiter)) return false;
      lease_link(waiter, *find(decision.id));
      idle = idle_connections();
      return true;
    case relay::Choice::open:
      if (decision.id != 0 && opening_ == 0) {
        SmarthostLink& victim = *find(decision.id);
        victim.close();
        bury(victim);
        idle = idle_connections();
      }
      ++openings_wanted;
      return false;
    case relay::Choice::wait:
      // Those on their way are for the ones that wait.
      ++openings_wanted;
      return false;
  }
  return false;
}

void SmarthostPool::lease_link(const Waiter& waiter, SmarthostLink& link) {
  if (greet_first(waiter, link)) return;
  // One that sat idle may be dead whether anybody used it or not.
  const bool sat_idle = now() - link.idle_since > relay::kProbeAfterIdle;
  const bool is_reused = !link.is_unused || sat_idle;
  const bool is_reset_owed = is_reused && (sat_idle || link.session().is_in_transaction());
  hand_over(waiter, link, is_reused, is_reset_owed);
}

void SmarthostPool::hand_over(const Waiter& waiter, SmarthostLink& link, bool is_reused,
                              bool is_reset_owed) {
  round_ = std::max(round_, waiter.round);
  link.is_unused = false;
  link.set_holder(waiter.client);
  if (is_reused) {
    context_->log->debug(link.id_text(), "smarthost-open",
                         {{"reused", true},
                          {"transactions", link.transactions},
                          {"pinned", waiter.request.is_pinned}});
  }
  waiter.client->on_leased(link, is_reused, is_reset_owed);
}

std::size_t SmarthostPool::live_links() const {
  return static_cast<std::size_t>(std::count_if(
      links_.begin(), links_.end(), [](const auto& entry) { return entry.second->was_ready(); }));
}

bool SmarthostPool::is_reaching() const {
  return (opening_ > 0 || hosts_.is_looking_up()) && !has_live_link();
}

void SmarthostPool::bury(SmarthostLink& link) {
  const auto found = links_.find(link.id());
  if (found == links_.end()) return;
  dead_.push_back(std::move(found->second));
  links_.erase(found);
}

std::string SmarthostPool::why_close(const SmarthostLink& link,
                                     const relay::IdleConnection& facts) const {
  if (is_retired_) return "configuration changed";
  if (hosts_.is_outdone(link.target())) return "a preferred host serves again";
  return std::string(relay::why_retire(facts, context_->smarthost.pool, now()));
}

void SmarthostPool::expire() {
  for (const relay::IdleConnection& idle : idle_connections()) {
    SmarthostLink& link = *find(idle.id);
    const std::string why = why_close(link, idle);
    if (why.empty()) continue;
    context_->log->debug(link.id_text(), "smarthost-close", {{"reason", why}});
    link.close();
    bury(link);
    if (!waiters_.empty()) context_->turn->want(*this);
  }
  expire_waiters(now());
}

void SmarthostPool::arm_timer() {
  std::optional<base::Instant> next;
  for (const relay::IdleConnection& idle : idle_connections()) {
    next = base::earlier(next, relay::retire_at(idle, context_->smarthost.pool));
  }
  next = base::earlier(next, next_end_of_patience());
  next = base::earlier(next, next_turn());
  if (has_waiters() && opening_ == 0 && backoff_.next_attempt() &&
      links_.size() < context_->smarthost.pool.max_connections) {
    next = base::earlier(next, backoff_.next_attempt());
  }
  timer_.arm(next);
}

void SmarthostPool::retire() {
  is_retired_ = true;
  context_->turn->want(*this);
}

}  // namespace app
