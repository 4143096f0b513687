// Numbers that nobody needs to guess: for jitter, and for lots that are drawn.
#pragma once

#include <cstdint>
#include <random>

namespace app {

// Any number, anew with each call, in any thread.
[[nodiscard]] inline std::uint64_t random_number() {
  thread_local std::mt19937_64 generator(std::random_device{}());
  return generator();
}

}  // namespace app
