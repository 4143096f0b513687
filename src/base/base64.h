// Base64 as RFC 4648 section 4 has it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace base {

// With padding and without line ends.
[[nodiscard]] std::string encode_base64(std::string_view octets);
// Nothing when a character is none of the alphabet, or the padding is wrong.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace base
