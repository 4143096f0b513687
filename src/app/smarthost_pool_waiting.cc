// Who waits for a connection, in which order, and for how long. See smarthost_pool.h.
#include <algorithm>
#include <iterator>
#include <utility>

#include "app/smarthost_pool.h"

namespace app {

// Fair shares: of each host one request is served a round, and a host's next one waits a round
// later. Who has one request only waits for one of each other host, whatever they have sent.
void SmarthostPool::line_up(Waiter waiter) {
  const auto last_of_host =
      std::find_if(waiters_.rbegin(), waiters_.rend(),
                   [&](const auto& other) { return other.request.host == waiter.request.host; });
  waiter.round = last_of_host == waiters_.rend() ? round_ : last_of_host->round + 1;
  const auto behind = std::upper_bound(
      waiters_.begin(), waiters_.end(), waiter.round,
      [](std::uint64_t round, const Waiter& other) { return round < other.round; });
  waiters_.insert(behind, std::move(waiter));
}

// Told one by one off the list: being told may cancel others.
void SmarthostPool::fail_all(const base::Error& error) {
  for (const auto& waiter : std::exchange(extension_waiters_, {})) {
    waiter.client->on_extensions_unknown(error);
  }
  while (!waiters_.empty()) {
    PoolClient* client = waiters_.front().client;
    waiters_.pop_front();
    client->on_lease_failed(error);
  }
}

void SmarthostPool::expire_waiters(base::Instant at) {
  refuse_too_many(at);
  if (is_reaching()) return;
  const base::Error error = last_error_.value_or(base::Error{
      base::Fault::local, "all connections to the smarthost are in use, try again later"});
  // Who came first need not stand first.
  const auto due =
      std::stable_partition(waiters_.begin(), waiters_.end(),
                            [&](const Waiter& waiter) { return at < patience_ends(waiter.since); });
  leaving_.assign(std::make_move_iterator(due), std::make_move_iterator(waiters_.end()));
  waiters_.erase(due, waiters_.end());
  while (!leaving_.empty()) {
    PoolClient* client = leaving_.front().client;
    leaving_.pop_front();
    client->on_lease_failed(error);
  }
  while (!extension_waiters_.empty() && at >= patience_ends(extension_waiters_.front().since)) {
    PoolClient* client = extension_waiters_.front().client;
    extension_waiters_.pop_front();
    client->on_extensions_unknown(error);
  }
}

// Who came before the smarthost was reached waits from then on: it may have been slow to open, and
// more connections are on their way.
base::Instant SmarthostPool::patience_ends(base::Instant since) const {
  return std::max(since, serving_since_) + context_->smarthost.pool.max_wait;
}

// Of whoever waits longest; nothing while how the first connection ends will answer everybody.
std::optional<base::Instant> SmarthostPool::next_end_of_patience() const {
  if (is_reaching() || !has_waiters()) return std::nullopt;
  const auto oldest = std::min_element(
      waiters_.begin(), waiters_.end(),
      [](const Waiter& one, const Waiter& other) { return one.since < other.since; });
  std::optional<base::Instant> next;
  if (oldest != waiters_.end()) next = patience_ends(oldest->since);
  if (!extension_waiters_.empty()) {
    next = base::earlier(next, patience_ends(extension_waiters_.front().since));
  }
  return next;
}

}  // namespace app
