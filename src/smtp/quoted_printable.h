// Text of any kind as lines of at most 76 printable ASCII characters (RFC 2045 6.7).
#pragma once

#include <string>
#include <string_view>

namespace smtp {

// CRLF in `text` is a line end; a CR or LF alone, and every other octet that is not printable
// ASCII, is escaped. What is appended ends with CRLF.
void append_quoted_printable(std::string& out, std::string_view text);

}  // namespace smtp
