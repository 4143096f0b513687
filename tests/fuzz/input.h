// The bytes that a fuzz target was given, taken from the front. What is not there is zero or empty,
// so that every input means something.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace fuzz {

class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool is_over() const { return rest_.empty(); }
  unsigned byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  // 0 to limit - 1; at most 256 of them.
  unsigned below(unsigned limit) { return byte() % limit; }
  bool flag() { return (byte() & 1U) != 0; }
  std::string_view take(std::size_t count) {
    const std::string_view taken = rest_.substr(0, std::min(count, rest_.size()));
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // Up to the next LF, which is taken and not given.
  std::string_view line() {
    const std::string_view taken = take(rest_.find('\n'));
    if (!rest_.empty()) rest_.remove_prefix(1);
    return taken;
  }
  std::string_view rest() { return take(rest_.size()); }

 private:
  std::string_view rest_;
};

}  // namespace fuzz
