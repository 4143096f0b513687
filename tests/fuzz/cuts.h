// The same bytes, cut in several ways: what reads them must not care.
#pragma once

#include <cstddef>
#include <string_view>

namespace fuzz {

// Pieces of 0 (all at once), 1, 2, 3 and 7 octets.
inline constexpr std::size_t kSteps[] = {0, 1, 2, 3, 7};

// Calls `take` with one piece after another.
template <typename Take>
void cut(std::string_view bytes, std::size_t step, Take take) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, step == 0 ? bytes.size() : step);
    bytes.remove_prefix(piece.size());
    take(piece);
  }
}

}  // namespace fuzz
