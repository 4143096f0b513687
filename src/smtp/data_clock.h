// Whether mail data moves fast enough, in either direction.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/instant.h"
#include "smtp/limits.h"

namespace smtp {

// Every octet buys time, at kMinDataRate, but none beyond now: whoever moved much at first and then
// one octet a minute is as slow as one who never did else.
class DataClock {
 public:
  void begin(base::Instant now) { paid_until_ = now; }
  void on_moved(std::uint64_t octets, base::Instant now) {
    // More than that buys all there is to buy.
    const auto counted = static_cast<std::int64_t>(std::min(octets, kMost));
    const base::Duration bought = base::Duration(std::chrono::seconds(counted)) / kMinDataRate;
    paid_until_ = std::min(std::max(now, paid_until_), paid_until_ + bought);
  }
  // That time was nobody's.
  void grant(base::Duration time) { paid_until_ += time; }
  // When what moved so far would have moved at the least rate: somebody is too slow once this is
  // longer ago than a block may take.
  [[nodiscard]] base::Instant paid_until() const { return paid_until_; }

 private:
  static constexpr std::uint64_t kMost = std::uint64_t{1} << 32;

  base::Instant paid_until_;
};

}  // namespace smtp
