// See sessions.h.
#include "app/sessions.h"

#include <random>

#include "base/result.h"

namespace app {

// Ids begin anywhere, so that two runs in one log do not share them.
Sessions::Sessions() : next_id_(0x10000 + (std::random_device{}() & 0xfffffU)) {}

Sessions::Counts Sessions::enter(Place place, const std::string& host) {
  const std::lock_guard lock(mutex_);
  Tally& tally = tallies_[place];
  return {++tally.sum, ++tally.by_host[host]};
}

unsigned Sessions::leave(Place place, const std::string& host) {
  const std::lock_guard lock(mutex_);
  const auto tally = tallies_.find(place);
  SMTPSEAL_CHECK(tally != tallies_.end());
  const auto from_host = tally->second.by_host.find(host);
  SMTPSEAL_CHECK(from_host != tally->second.by_host.end());
  if (--from_host->second == 0) tally->second.by_host.erase(from_host);
  const unsigned left = --tally->second.sum;
  if (left == 0) tallies_.erase(tally);
  return left;
}

}  // namespace app
