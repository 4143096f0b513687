#include "smtp/header_field.h"

#include <algorithm>

namespace smtp {

namespace {

constexpr std::string_view kSpace = " \t\r\n";

// Not inside a character of UTF-8.
std::size_t cut_at(std::string_view word, std::size_t most) {
  if (word.size() <= most) return word.size();
  std::size_t end = most;
  while (end > most - 4 && (static_cast<unsigned char>(word[end]) & 0xc0) == 0x80) --end;
  return end;
}

}  // namespace

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).push_back(':');
  std::size_t length = name.size() + 1;
  bool is_first = true;
  for (std::size_t at = value.find_first_not_of(kSpace); at != std::string_view::npos;
       at = value.find_first_not_of(kSpace, at)) {
    const std::size_t end = std::min(value.find_first_of(kSpace, at), value.size());
    const std::string_view word =
        value.substr(at, cut_at(value.substr(at, end - at), kMaxLine - 1));
    // The first word stands beside the name where the rules let it.
    const std::size_t most = is_first ? kMaxLine : kGoodLine;
    if (length + 1 + word.size() > most) {
      out.append("\r\n");
      length = 0;
    }
    out.append(" ").append(word);
    length += 1 + word.size();
    at += word.size();
    is_first = false;
  }
  out.append("\r\n");
}

}  // namespace smtp
