// See descriptor_guard.h.
#include "app/descriptor_guard.h"

#include <algorithm>
#include <utility>

namespace app {

std::uint64_t descriptors_for_clients(const config::Config& config) {
  std::uint64_t sum = 0;
  for (const config::Listener& listener : config.listeners) sum += listener.max_sessions;
  return sum;
}

std::uint64_t descriptors_beside_clients(const config::Config& config) {
  std::uint64_t sum = 0;
  for (const config::Smarthost& smarthost : config.smarthosts)
    sum += smarthost.pool.max_connections;
  return kOtherDescriptors + sum * std::max(config.general.workers, 1U);
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
