// EHLO once more, by the name of the client that a connection is to serve (ehlo_name = client):
// before TLS, and before anybody has leased it, a connection has our own name. See
// smarthost_pool.h.
#include <utility>

#include "app/smarthost_pool.h"

namespace app {

// Whether the link has to say another name first. The client gets it in on_greeted().
bool SmarthostPool::greet_first(const Waiter& waiter, SmarthostLink& link) {
  const std::optional<std::string>& wanted = waiter.request.ehlo_name;
  if (!wanted) return false;
  const std::string& name = wanted->empty() ? link.own_name() : *wanted;
  if (link.session().ehlo_name() == name) return false;
  const bool sat_idle = now() - link.idle_since > relay::kProbeAfterIdle;
  greetings_.emplace(link.id(), Greeting{waiter, !link.is_unused || sat_idle});
  link.greet_as(name);
  return true;
}

// EHLO has reset what was there: nothing is owed.
void SmarthostPool::on_greeted(SmarthostLink& link) {
  const Greeting greeting = std::move(greetings_.extract(link.id()).mapped());
  context_->turn->want(*this);
  link.idle_since = now();
  if (greeting.waiter.client == nullptr) return;
  hand_over(greeting.waiter, link, greeting.was_reused, false);
}

// Nothing of the client's was said there. Another connection that was used before may have died the
// same way.
void SmarthostPool::on_greeting_failed(Greeting greeting, const base::Error& error) {
  Waiter& waiter = greeting.waiter;
  if (waiter.client == nullptr) return;
  if (!greeting.was_reused) {
    waiter.client->on_lease_failed(error);
    return;
  }
  waiter.request.must_be_fresh = true;
  if (!waiters_.empty()) waiter.round = std::min(waiter.round, waiters_.front().round);
  waiters_.push_front(std::move(waiter));
}

}  // namespace app
