// Writing header fields (RFC 5322 2.2): folded, so that no line gets too long.
#pragma once

#include <string>
#include <string_view>

namespace smtp {

// RFC 5322 2.1.1, without CRLF: what a line should, and what it must not pass.
inline constexpr std::size_t kGoodLine = 78;
inline constexpr std::size_t kMaxLine = 998;

// Appends "name: value" and CRLF. White space and line ends in `value` are where it may be folded,
// and come out as one space or fold each, so that nothing in it can begin another line. A word that
// is longer than a line is cut.
void append_field(std::string& out, std::string_view name, std::string_view value);

}  // namespace smtp
