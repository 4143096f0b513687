// Small text functions over ASCII, independent of the locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace base {

[[nodiscard]] constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] constexpr char to_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
[[nodiscard]] std::string lowered(std::string_view text);
[[nodiscard]] std::string uppered(std::string_view text);

// ASCII comparison without regard to case.
[[nodiscard]] bool iequals(std::string_view a, std::string_view b);
[[nodiscard]] bool istarts_with(std::string_view text, std::string_view prefix);

// Without spaces and tabs at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

// The pieces between `separator`s, not trimmed; "a,,b" has three.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

// A decimal number of digits only: no sign, no space; nothing when it is not one or overflows.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view digits);

// Text of a peer made safe for a log, a reply or a terminal: control characters, DEL, and bytes
// that are not part of valid UTF-8 become '?'; longer than `limit` octets is cut with "...".
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 512);

// Whether `text` is valid UTF-8 (RFC 3629: no surrogates, no overlong forms).
[[nodiscard]] bool is_utf8(std::string_view text);
[[nodiscard]] bool is_ascii(std::string_view text);

// The candidate nearest to `word` (edit distance of at most a third of its length, at least 1), for
// "did you mean"; empty when none is near.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       const std::vector<std::string_view>& candidates);

}  // namespace base
