#include "smtp/reply.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace smtp {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A reply line's text must not be able to end the line (RFC 5321 4.2: textstring).
void append_text(std::string& out, std::string_view text) {
  const bool is_clean = std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
  if (is_clean && (base::is_ascii(text) || base::is_utf8(text))) {
    out.append(text);
    return;
  }
  const bool is_text = base::is_utf8(text);
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    const bool is_kept = c == '\t' || (octet >= 0x20 && octet < 0x7f) || (octet >= 0x80 && is_text);
    out.push_back(is_kept ? c : '?');
  }
}

}  // namespace

Reply Reply::make(int code, std::string_view enhanced, std::string_view text) {
  std::string line(enhanced);
  if (!line.empty()) line.push_back(' ');
  line.append(text);
  Reply reply;
  reply.code = code;
  reply.lines.push_back(std::move(line));
  return reply;
}

std::optional<EnhancedStatusCode> Reply::enhanced() const {
  if (lines.empty()) return std::nullopt;
  const std::string_view word = std::string_view(lines.back()).substr(0, lines.back().find(' '));
  const std::vector<std::string_view> parts = base::split(word, '.');
  if (parts.size() != 3) return std::nullopt;
  unsigned numbers[3] = {};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto number = base::parse_number(parts[i]);
    if (!number || parts[i].size() > 3) return std::nullopt;
    numbers[i] = static_cast<unsigned>(*number);
  }
  if (numbers[0] != static_cast<unsigned>(code / 100)) return std::nullopt;
  return EnhancedStatusCode{numbers[0], numbers[1], numbers[2]};
}

std::string Reply::summary() const {
  std::string text = std::to_string(code);
  for (const std::string& line : lines) text.append(" ").append(line);
  return base::printable(text);
}

void append_reply(std::string& out, const Reply& reply) {
  const std::string code = std::to_string(reply.code);
  for (std::size_t i = 0; i < reply.lines.size(); ++i) {
    out.append(code);
    const bool is_last = i + 1 == reply.lines.size();
    if (!is_last) {
      out.push_back('-');
    } else if (!reply.lines[i].empty() || reply.code == 334) {
      // An empty challenge keeps its space (RFC 4954 4).
      out.push_back(' ');
    }
    append_text(out, reply.lines[i]);
    out.append("\r\n");
  }
}

std::string format(const Reply& reply) {
  std::string out;
  append_reply(out, reply);
  return out;
}

std::variant<NeedMore, Reply, MalformedReply> ReplyParser::next() {
  if (has_failed_) return NeedMore{};
  while (const std::optional<Line> line = lines_.next_line()) {
    bool is_last = false;
    if (auto fault = take(*line, is_last)) return *std::move(fault);
    if (!is_last) continue;
    partial_size_ = 0;
    return std::exchange(partial_, Reply{});
  }
  if (lines_.skipped() > 0) return fail("a reply line is too long");
  return NeedMore{};
}

std::optional<MalformedReply> ReplyParser::take(const Line& line, bool& is_last) {
  if (line.is_too_long) return fail("a reply line is too long");
  if (line.ends_in_bare_lf && !is_bare_lf_allowed_) return fail("a reply line ends in a bare LF");
  const std::string_view text = line.text;
  const bool has_code = text.size() >= 3 && text[0] >= '2' && text[0] <= '5' && text[1] >= '0' &&
                        text[1] <= '5' && is_digit(text[2]);
  const bool has_separator =
      text.size() == 3 || (text.size() > 3 && (text[3] == ' ' || text[3] == '-'));
  if (!has_code || !has_separator) return fail("a line is no reply");
  const int code = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  if (!partial_.lines.empty() && partial_.code != code) {
    return fail("the lines of one reply have different codes");
  }
  partial_size_ += text.size() + 2;
  if (partial_.lines.size() >= kMaxReplyLines || partial_size_ > kMaxReplySize) {
    return fail("a reply is too long");
  }
  partial_.code = code;
  std::string words(text.size() > 3 ? text.substr(4) : std::string_view());
  std::replace_if(
      words.begin(), words.end(), [](char c) { return c == '\r' || c == '\0'; }, '?');
  partial_.lines.push_back(std::move(words));
  is_last = text.size() == 3 || text[3] == ' ';
  return std::nullopt;
}

MalformedReply ReplyParser::fail(std::string why) {
  has_failed_ = true;
  return MalformedReply{std::move(why)};
}

void ReplyParser::clear() {
  lines_.clear();
  partial_ = Reply{};
  partial_size_ = 0;
  has_failed_ = false;
}

}  // namespace smtp
