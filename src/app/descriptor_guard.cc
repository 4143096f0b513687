// See descriptor_guard.h.
#include "app/descriptor_guard.h"

#include <algorithm>
#include <utility>

namespace app {

namespace {

bool may_spool(const config::Listener& listener) {
  return listener.delivery != config::Delivery::relay;
}

}  // namespace

std::uint64_t descriptors_for_clients(const config::Config& config) {
  std::uint64_t sum = 0;
  for (const config::Listener& listener : config.listeners) {
    // A big mail has a file of its own while it comes.
    sum += std::uint64_t{listener.max_sessions} * (may_spool(listener) ? 2 : 1);
  }
  return sum;
}

std::uint64_t descriptors_beside_clients(const config::Config& config) {
  const bool has_spool = std::any_of(config.listeners.begin(), config.listeners.end(), may_spool);
  std::uint64_t sum = 0;
  for (const config::Smarthost& smarthost : config.smarthosts) {
    // One of the connection, one of the mail that goes over it.
    sum += std::uint64_t{smarthost.pool.max_connections} * (has_spool ? 2 : 1);
  }
  return kOtherDescriptors + (has_spool ? kSpoolDescriptors : 0) +
         sum * std::max(config.general.workers, 1U);
}

void DescriptorGuard::set(std::optional<std::uint64_t> limit, std::uint64_t reserved) {
  limit_ = limit.value_or(0);
  first_refused_.reset();
  if (limit) first_refused_ = *limit - std::min(reserved, *limit / 2);
}

bool DescriptorGuard::may_serve(std::optional<unsigned> descriptor, base::LogSink& log) {
  if (!first_refused_ || !descriptor) return true;
  if (*descriptor >= *first_refused_) {
    if (refused_++ == 0) log.warn("-", "descriptors-low", {{"limit", limit_}});
    return false;
  }
  if (refused_ > 0) {
    log.info("-", "descriptors-back", {{"clients-refused", std::exchange(refused_, 0)}});
  }
  return true;
}

}  // namespace app
