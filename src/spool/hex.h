// Numbers as lower-case hexadecimal digits of a fixed count: ids and checksums.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spool {

[[nodiscard]] std::string format_hex(std::uint64_t value, std::size_t digits);
// Nothing unless all of it is `digits` (at most 16) such digits.
[[nodiscard]] std::optional<std::uint64_t> parse_hex(std::string_view text, std::size_t digits);

inline constexpr std::size_t kIdDigits = 16;
inline constexpr std::size_t kChecksumDigits = 8;

}  // namespace spool
