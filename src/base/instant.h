// Points in time and spans of it.
//
// Protocol code takes the time as a parameter and never asks for it; only net::Loop and the app
// read a clock. Instant is monotonic (it does not jump when the wall clock is set).
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace base {

using Clock = std::chrono::steady_clock;
using Instant = Clock::time_point;
using Duration = Clock::duration;
using WallTime = std::chrono::system_clock::time_point;

// The earlier of two deadlines, either of which may be absent.
[[nodiscard]] inline std::optional<Instant> earlier(std::optional<Instant> a,
                                                    std::optional<Instant> b) {
  if (!a) return b;
  if (!b) return a;
  return std::min(*a, *b);
}

// Whole milliseconds from `from` to `to`, for logs.
[[nodiscard]] inline long long milliseconds_between(Instant from, Instant to) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
}

}  // namespace base
