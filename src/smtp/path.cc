#include "smtp/path.h"

#include <algorithm>
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

// 4.1.2: a Dot-string neither begins nor ends with a dot, nor has it two in a row.
bool has_stray_dot(std::string_view inside) {
  if (inside.starts_with('@')) inside.remove_prefix(std::min(inside.find(':'), inside.size()));
  if (inside.starts_with(':')) inside.remove_prefix(1);
  if (inside.starts_with('"')) return false;
  const std::string_view local_part = inside.substr(0, inside.rfind('@'));
  return local_part.starts_with('.') || local_part.ends_with('.') ||
         local_part.find("..") != std::string_view::npos;
}

// The path without its brackets, which may be missing, and what comes behind it.
std::variant<ParsedPath, Reply> take_brackets_off(std::string_view text, bool is_reverse,
                                                  Syntax syntax) {
  ParsedPath parsed;
  if (text.starts_with('<')) {
    const std::size_t end = end_of_path(text);
    if (end == std::string_view::npos) return bad_syntax(is_reverse, "the address has no end");
    parsed.path = text.substr(1, end - 1);
    parsed.rest = text.substr(end + 1);
    if (!parsed.rest.empty() && parsed.rest.front() != ' ') {
      return bad_syntax(is_reverse, "something sticks to the end of the address");
    }
    return parsed;
  }
  if (syntax == Syntax::strict || text.empty()) {
    return bad_syntax(is_reverse, "the address must stand between < and >");
  }
  const std::size_t end = std::min(text.find(' '), text.size());
  parsed.path = text.substr(0, end);
  parsed.rest = text.substr(end);
  if (parsed.path.find_first_of("<>\"") != std::string::npos) {
    return bad_syntax(is_reverse, "the address is malformed");
  }
  parsed.tolerated.add(Tolerance::no_angle_brackets);
  return parsed;
}

// What makes it unfit to be carried at all; empty when nothing does.
std::string_view fault_of(std::string_view inside) {
  if (inside.size() + 2 > kMaxPath) return "the address is too long";
  for (const char c : inside) {
    if (is_control(static_cast<unsigned char>(c))) return "the address holds a control character";
  }
  if (has_stray_octets(inside)) return "the address is malformed";
  if (!base::is_utf8(inside)) return "the address is not valid UTF-8";
  if (has_c1_control(inside)) return "the address holds a control character";
  return {};
}

}  // namespace

std::variant<ParsedPath, Reply> parse_path(std::string_view text, bool is_reverse, Syntax syntax) {
  const bool is_strict = syntax == Syntax::strict;
  const bool has_space_before = text.starts_with(' ') || text.starts_with('\t');
  if (has_space_before && is_strict) {
    return bad_syntax(is_reverse, "no space may stand before the address");
  }
  auto taken = take_brackets_off(base::trimmed(text), is_reverse, syntax);
  auto* const parsed = std::get_if<ParsedPath>(&taken);
  if (parsed == nullptr) return taken;
  if (has_space_before) parsed->tolerated.add(Tolerance::space_after_colon);

  std::string_view inside = parsed->path;
  if (!is_strict && inside != base::trimmed(inside)) {
    inside = base::trimmed(inside);
    parsed->tolerated.add(Tolerance::space_in_path);
  }
  if (inside.empty() && !is_reverse) return bad_syntax(is_reverse, "a recipient cannot be empty");
  if (const auto fault = fault_of(inside); !fault.empty()) return bad_syntax(is_reverse, fault);
  if (has_stray_dot(inside)) {
    if (is_strict) return bad_syntax(is_reverse, "the local part has a dot where none may stand");
    parsed->tolerated.add(Tolerance::stray_dot);
  }
  std::string path(1, '<');
  path.append(inside).push_back('>');
  parsed->path = std::move(path);
  parsed->rest = base::trimmed(parsed->rest);
  return taken;
}

}  // namespace smtp
