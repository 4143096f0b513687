// How many mails may go to a smarthost in a span of time: a pure decision over the times at which
// the last ones went.
//
// Providers count the mails of any minute, so a bucket that fills up again will not do: after a
// rest it would let twice as many pass within one. Here at most `count` go in any span of `per`.
#pragma once

#include <cstddef>
#include <deque>

#include "base/instant.h"

namespace relay {

struct Rate {
  unsigned count = 0;  // 0: no limit
  base::Duration per{};

  [[nodiscard]] bool is_limit() const { return count > 0; }
  bool operator==(const Rate&) const = default;
};

class RateWindow {
 public:
  // `rate` is a limit.
  explicit RateWindow(Rate rate) : rate_(rate) {}

  // Takes a place, if there is one now.
  [[nodiscard]] bool take(base::Instant now);
  // When there is a place for somebody with `ahead` others waiting before him; `now` or earlier
  // when there is one already.
  [[nodiscard]] base::Instant turn_of(std::size_t ahead, base::Instant now) const;

 private:
  Rate rate_;
  std::deque<base::Instant> taken_;  // oldest first, at most rate_.count
};

}  // namespace relay
