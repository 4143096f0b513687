#include "smtp/path.h"

#include <utility>

#include "base/text.h"

namespace smtp {

namespace {

// RFC 5321 4.5.3.1.3 has 256; what is longer and fits a command line is the smarthost's to judge.
constexpr std::size_t kMaxPath = 1000;

bool is_control(unsigned char octet) { return octet < 0x20 || octet == 0x7f; }

// C1 controls, U+0080 to U+009F, in UTF-8.
bool has_c1_control(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '\xc2' && static_cast<unsigned char>(text[i + 1]) < 0xa0) return true;
  }
  return false;
}

Reply bad_syntax(bool is_reverse, std::string_view why) {
  return Reply::make(501, is_reverse ? "5.1.7" : "5.1.3", why);
}

// Where the path that begins at text[0] == '<' ends: the index of its '>', or npos. A '>' inside a
// quoted string does not end it (4.1.2: Quoted-string).
std::size_t end_of_path(std::string_view text) {
  bool is_quoted = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (is_quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      is_quoted = !is_quoted;
    } else if (c == '>' && !is_quoted) {
      return i;
    }
  }
  return std::string_view::npos;
}

// Spaces belong into quoted strings only; "<" nowhere else.
bool has_stray_octets(std::string_view inside) {
  bool is_quoted = false;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const char c = inside[i];
    if (is_quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      is_quoted = !is_quoted;
    } else if (!is_quoted && (c == ' ' || c == '<')) {
      return true;
    }
  }
  return is_quoted;
}

}  // namespace

std::variant<ParsedPath, Reply> parse_path(std::string_view text, bool is_reverse, Syntax syntax) {
  if (syntax == Syntax::tolerant) text = base::trimmed(text);
  std::string_view inside;
  std::string_view rest;
  if (text.starts_with('<')) {
    const std::size_t end = end_of_path(text);
    if (end == std::string_view::npos) return bad_syntax(is_reverse, "the address has no end");
    inside = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ' ') {
      return bad_syntax(is_reverse, "something sticks to the end of the address");
    }
    if (syntax == Syntax::tolerant) inside = base::trimmed(inside);
  } else if (syntax == Syntax::tolerant && !text.empty()) {
    const std::size_t end = text.find(' ');
    inside = text.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : text.substr(end);
    if (inside.find_first_of("<>\"") != std::string_view::npos) {
      return bad_syntax(is_reverse, "the address is malformed");
    }
  } else {
    return bad_syntax(is_reverse, "the address must stand between < and >");
  }
  if (inside.empty() && !is_reverse) return bad_syntax(is_reverse, "a recipient cannot be empty");
  if (inside.size() + 2 > kMaxPath) return bad_syntax(is_reverse, "the address is too long");
  for (const char c : inside) {
    if (is_control(static_cast<unsigned char>(c))) {
      return bad_syntax(is_reverse, "the address holds a control character");
    }
  }
  if (has_stray_octets(inside)) return bad_syntax(is_reverse, "the address is malformed");
  if (!base::is_utf8(inside)) return bad_syntax(is_reverse, "the address is not valid UTF-8");
  if (has_c1_control(inside)) {
    return bad_syntax(is_reverse, "the address holds a control character");
  }
  std::string path(1, '<');
  path.append(inside).push_back('>');
  return ParsedPath{std::move(path), base::trimmed(rest)};
}

}  // namespace smtp
