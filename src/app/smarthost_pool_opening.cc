// How the pool comes by connections: one host after another, and the preferred one again once it
// is well. See smarthost_pool.h.
#include <algorithm>
#include <atomic>
#include <utility>

#include "app/random_number.h"
#include "app/smarthost_pool.h"

namespace app {

namespace {

// Ids of connections are unique in the process, so that a log line names one connection only.
std::uint64_t next_link_id() {
  static std::atomic<std::uint64_t> last = 0xc00000;
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

void SmarthostPool::open_as_wanted(unsigned wanted) {
  const unsigned most = context_->smarthost.pool.max_connections;
  if (backoff_.is_failing()) wanted = std::min(wanted, 1U);
  if (context_->login) wanted = std::min(wanted, context_->login->most_openings());
  if (wanted == 0 || !hosts_.are_known()) return;
  while (opening_ < wanted) {
    const std::optional<base::Instant> next = backoff_.next_attempt();
    if (next && now() < *next) return;
    if (links_.size() >= most && !end_trial()) return;
    ++opening_;
    go_on(hosts_.begin(links_.size() + 1 >= most));
  }
}

// Clients that come while another host serves are no worse off for it.
void SmarthostPool::try_preferred_host() {
  if (!std::exchange(was_used_, false) || is_retired_) return;
  if (links_.size() >= context_->smarthost.pool.max_connections) return;
  if (std::optional<HostWalk> trial = hosts_.begin_trial()) {
    static_cast<void>(open_next(std::move(*trial)));
  }
}

// A trial takes up room only while no client wants it. Whether there was one.
bool SmarthostPool::end_trial() {
  const auto trial = std::find_if(walks_.begin(), walks_.end(),
                                  [](const auto& entry) { return entry.second.is_trial; });
  if (trial == walks_.end()) return false;
  SmarthostLink& link = *find(trial->first);
  walks_.erase(trial);
  hosts_.on_trial_ended(link.target());
  context_->log->debug(link.id_text(), "smarthost-close",
                       {{"reason", "a trial, in the room that a client wants"}});
  link.close();
  bury(link);
  return true;
}

// Whether there is another host to go to.
bool SmarthostPool::open_next(HostWalk walk) {
  std::optional<LinkTarget> target = hosts_.next(walk);
  if (!target) return false;
  const std::uint64_t id = next_link_id();
  SmarthostLinkOwner& self = *this;
  auto link = std::make_unique<SmarthostLink>(*context_, self, id, std::move(*target));
  SmarthostLink& opened = *link;
  links_.emplace(id, std::move(link));
  walks_.emplace(id, std::move(walk));
  opened.open();
  return true;
}

void SmarthostPool::on_link_ready(SmarthostLink& link) {
  if (greetings_.find(link.id()) != greetings_.end()) {
    on_greeted(link);
    return;
  }
  const auto walk = walks_.extract(link.id());
  if (!walk.mapped().is_trial) --opening_;
  hosts_.on_ready(link.target());
  backoff_.on_success();
  last_error_.reset();
  reached_ = now();
  if (live_links() == 1) serving_since_ = now();
  extensions_ = link.usable_extensions();
  link.idle_since = now();
  if (context_->on_reached) context_->on_reached();
  context_->turn->want(*this);
}

void SmarthostPool::on_link_dead(SmarthostLink& link, const base::Error& error) {
  const bool was_opening = !link.was_ready();
  const bool was_idle = !was_opening && !link.has_holder();
  bury(link);
  context_->turn->want(*this);
  if (was_opening) {
    HostWalk walk = std::move(walks_.extract(link.id()).mapped());
    hosts_.on_failure(walk, link.target(), error);
    go_on(std::move(walk));
  } else if (const auto greeting = greetings_.extract(link.id())) {
    on_greeting_failed(std::move(greeting.mapped()), error);
  } else if (was_idle) {
    context_->log->debug(link.id_text(), "smarthost-close", {{"reason", error.detail}});
  }
}

// To the next host, or to the end.
void SmarthostPool::go_on(HostWalk walk) {
  if (walk.is_trial) return;
  const std::vector<relay::HostFailure> failures = walk.failures;
  // Nobody who waits is told before all hosts were tried; for nobody, no further one is.
  if (has_waiters() && open_next(std::move(walk))) return;
  --opening_;
  backoff_.on_failure(now(), random_number());
  const base::Error error = relay::summary_of(failures);
  last_error_ = error;
  // A smarthost that serves other connections only has enough of them: those who wait go on.
  if (has_live_link()) return;
  reached_.reset();
  if (opening_ == 0) fail_all(error);
}

}  // namespace app
