#include "relay/rate_policy.h"

#include <algorithm>

namespace relay {

bool RateWindow::take(base::Instant now) {
  if (turn_of(0, now) > now) return false;
  // Loops look at their clocks at moments of their own: the order is what matters here.
  if (!taken_.empty()) now = std::max(now, taken_.back());
  taken_.push_back(now);
  if (taken_.size() > rate_.count) taken_.pop_front();
  return true;
}

base::Instant RateWindow::turn_of(std::size_t ahead, base::Instant now) const {
  // Each place is free again one span after it was taken, those of who waits in front too.
  base::Instant turn = now;
  base::Duration later{};
  while (true) {
    const std::size_t free = rate_.count - taken_.size();
    if (ahead < free) return turn + later;
    ahead -= free;
    if (ahead < taken_.size()) return std::max(turn, taken_[ahead] + rate_.per) + later;
    ahead -= taken_.size();
    later += rate_.per;
  }
}

}  // namespace relay
