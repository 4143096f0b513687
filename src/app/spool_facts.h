// What every thread may know of the spool at any time, as it was last: whether there is room.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

#include "base/result.h"

namespace app {

// What a disk must have free beside twice the mail: for envelopes, and for everybody else who
// writes there (the log, say).
inline constexpr std::uint64_t kFreeReserve = std::uint64_t{64} << 20;

struct SpoolFacts {
  std::atomic<std::uint64_t> max_size{0};
  std::atomic<std::uint64_t> used{0};
  std::atomic<std::uint64_t> free{UINT64_MAX};  // of the disk; not known: everything
  std::atomic<std::uint64_t> incoming{0};       // octets of mails that are being received

  // Why `size` octets more (beside those incoming) cannot be taken now: Fault::busy.
  [[nodiscard]] std::optional<base::Error> why_full(std::uint64_t size) const {
    const std::uint64_t taken = used + incoming;
    if (taken > max_size || size > max_size - taken) {
      return base::Error{base::Fault::busy, "the spool is full (spool_max_size)"};
    }
    if (size > free / 2 || free < kFreeReserve) {
      return base::Error{base::Fault::busy, "the spool's disk is nearly full"};
    }
    return std::nullopt;
  }
};

}  // namespace app
