// What `syntax = tolerant` understands although RFC 5321 does not allow it, and `strict` refuses.
//
// Parsers report which of it a line needed; the session collects that, so that the log can say why
// a device works here and not elsewhere.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace smtp {

enum class Tolerance : std::uint8_t {
  early_talk,
  no_hello,
  no_hello_name,
  odd_hello_name,
  extension_after_helo,
  out_of_turn,
  bare_lf,
  space_before_colon,
  space_after_colon,
  space_in_path,
  no_angle_brackets,
  stray_dot,
  stray_argument,
  login_with_user,
  odd_login_prompt,
};

// For the log: `no angle brackets`.
[[nodiscard]] std::string_view to_string(Tolerance tolerance);

// A set of them.
class Tolerances {
 public:
  void add(Tolerance one) { bits_ |= bit(one); }
  void add(Tolerances others) { bits_ |= others.bits_; }
  void remove(Tolerances others) { bits_ &= ~others.bits_; }
  [[nodiscard]] bool has(Tolerance one) const { return (bits_ & bit(one)) != 0; }
  [[nodiscard]] bool is_empty() const { return bits_ == 0; }
  [[nodiscard]] std::vector<Tolerance> list() const;

  friend bool operator==(const Tolerances&, const Tolerances&) = default;

 private:
  static constexpr std::uint32_t bit(Tolerance one) {
    return std::uint32_t{1} << static_cast<unsigned>(one);
  }

  std::uint32_t bits_ = 0;
};

}  // namespace smtp
