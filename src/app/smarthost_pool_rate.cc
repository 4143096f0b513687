// The pool and max_rate: who has to wait although there is a connection. See smarthost_pool.h.
#include <string>

#include "app/smarthost_pool.h"
#include "config/rate.h"

namespace app {

namespace {

base::Error over_rate(const relay::Rate& rate, base::Duration wait) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return {base::Fault::busy, "mail goes to the smarthost no faster than " +
                                 config::format_rate(rate) + " (max_rate), try again in " +
                                 std::to_string(seconds) + " seconds"};
}

}  // namespace

bool SmarthostPool::needs_turn(const Waiter& waiter) const {
  // One that is for AUTH carries no mail yet: take_turn_of_held() counts what comes over it. A mail
  // whose connection died before the smarthost had answered took its turn when it got that one.
  return context_->rate && !waiter.request.is_pinned && !waiter.request.must_be_fresh;
}

bool SmarthostPool::must_wait_for_turn(const Waiter& waiter) const {
  return needs_turn(waiter) && context_->rate->turn_of(0, now()) > now();
}

bool SmarthostPool::take_turn(const Waiter& waiter) {
  return !needs_turn(waiter) || context_->rate->take(now());
}

std::optional<base::Error> SmarthostPool::take_turn_of_held() {
  if (!context_->rate || context_->rate->take(now())) return std::nullopt;
  return over_rate(context_->rate->rate(), context_->rate->turn_of(0, now()) - now());
}

void SmarthostPool::refuse_too_many(base::Instant at) {
  if (!context_->rate) return;
  std::size_t ahead = 0;
  for (std::size_t i = 0; i < waiters_.size();) {
    const Waiter& waiter = waiters_[i];
    if (!needs_turn(waiter)) {
      ++i;
      continue;
    }
    const base::Instant turn = context_->rate->turn_of(ahead, at);
    if (turn <= at || turn <= patience_ends(waiter.since)) {
      ++ahead;
      ++i;
      continue;
    }
    // Told at once: waiting would not help. Being told may cancel others.
    PoolClient* client = waiter.client;
    waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(i));
    client->on_lease_failed(over_rate(context_->rate->rate(), turn - at));
  }
}

std::optional<base::Instant> SmarthostPool::next_turn() const {
  if (!context_->rate || waiters_.empty()) return std::nullopt;
  const base::Instant turn = context_->rate->turn_of(0, now());
  // With a turn now it is a connection that they wait for.
  return turn > now() ? std::optional(turn) : std::nullopt;
}

}  // namespace app
