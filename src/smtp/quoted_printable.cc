#include "smtp/quoted_printable.h"

namespace smtp {

namespace {

constexpr std::size_t kMaxEncodedLine = 76;
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

}  // namespace

void append_quoted_printable(std::string& out, std::string_view text) {
  std::size_t length = 0;  // of the line so far
  while (!text.empty()) {
    if (text.starts_with("\r\n")) {
      out.append("\r\n");
      length = 0;
      text.remove_prefix(2);
      continue;
    }
    const auto octet = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    const bool is_space = octet == ' ' || octet == '\t';
    // White space at the end of a line is anybody's to remove.
    const bool is_last = text.empty() || text.starts_with("\r\n");
    const bool is_kept = is_space ? !is_last : octet > ' ' && octet <= '~' && octet != '=';
    const std::size_t size = is_kept ? 1 : 3;
    if (length + size >= kMaxEncodedLine) {  // one is left for the "=" of a soft line end
      out.append("=\r\n");
      length = 0;
    }
    if (is_kept) {
      out.push_back(static_cast<char>(octet));
    } else {
      out.push_back('=');
      out.push_back(kHexDigits[octet >> 4U]);
      out.push_back(kHexDigits[octet & 0xfU]);
    }
    length += size;
  }
  if (length > 0 || out.empty()) out.append("\r\n");
}

}  // namespace smtp
