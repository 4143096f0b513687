#include "smtp/mailbox_lexer.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace smtp {

namespace {

using Kind = MailboxToken::Kind;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_word_octet(char c) { return is_atom_octet(c) || c == '.'; }

void append_content(std::string& text, char c) {
  if (is_space(c)) {
    if (!text.empty() && text.back() != ' ') text.push_back(' ');
  } else {
    text.push_back(c);
  }
}

class Lexer {
 public:
  explicit Lexer(std::string_view value) : value_(value) {}

  std::vector<MailboxToken> run() {
    while (at_ < value_.size()) {
      if (is_space(value_[at_])) {
        ++at_;
      } else {
        MailboxToken token = next();
        at_ += token.raw.size();
        tokens_.push_back(std::move(token));
      }
    }
    return std::move(tokens_);
  }

 private:
  MailboxToken next() {
    const char c = value_[at_];
    if (c == '"' && has_quotes_) return quoted();
    if (c == '(' && has_comments_) return comment();
    if (c == '[' && has_literals_) return literal();
    if (rest().starts_with("=?")) {
      if (MailboxToken token = encoded_word(); token.kind == Kind::word) return token;
    }
    if (is_word_octet(c)) return word();
    constexpr std::string_view kMarks = "<>@,:;";
    return {kMarks.find(c) != std::string_view::npos ? Kind::mark : Kind::junk,
            rest().substr(0, 1),
            {},
            false};
  }

  [[nodiscard]] std::string_view rest() const { return value_.substr(at_); }

  MailboxToken word() const {
    const std::string_view text = rest();
    const auto end = std::find_if_not(text.begin(), text.end(), is_word_octet);
    const std::string_view raw = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    return {Kind::word, raw, std::string(raw), false};
  }

  // Up to the `end` that is not quoted by a backslash; junk when there is none, and none is looked
  // for any more, so that no text is read again and again.
  MailboxToken delimited(Kind kind, char begin, char end, bool& has_more) const {
    MailboxToken token{kind, {}, {}, false};
    std::size_t depth = 1;
    for (std::size_t i = at_ + 1; i < value_.size(); ++i) {
      char c = value_[i];
      if (c == '\\' && i + 1 < value_.size()) {
        c = value_[++i];
      } else if (c == end && --depth == 0) {
        token.raw = value_.substr(at_, i + 1 - at_);
        return token;
      } else if (c == begin) {
        ++depth;
      }
      token.is_odd |= is_control(c) && !is_space(c);
      append_content(token.text, c);
    }
    has_more = false;
    return {Kind::junk, rest().substr(0, 1), {}, true};
  }

  MailboxToken quoted() { return delimited(Kind::quoted, '\0', '"', has_quotes_); }

  // Text in it that looks like an address would be one to a reader who knows no comments.
  MailboxToken comment() {
    MailboxToken token = delimited(Kind::comment, '(', ')', has_comments_);
    token.is_odd |= token.text.find_first_of("<>@,:;\"\\") != std::string::npos;
    return token;
  }

  MailboxToken literal() {
    MailboxToken token = delimited(Kind::literal, '\0', ']', has_literals_);
    token.is_odd |= token.text.find_first_of("\\[") != std::string::npos;
    return token;
  }

  // "=?charset?Q?text?=". Some leave specials in the text, which make it no word: those are
  // encoded.
  MailboxToken encoded_word() const {
    const std::string_view text = rest().substr(0, kMaxEncodedWord);
    const std::size_t encoding = std::min(text.find('?', 2), text.size());
    const std::size_t content = encoding + 3;
    if (content >= text.size() || text[encoding + 2] != '?') return {};
    const bool is_q = base::to_lower(text[encoding + 1]) == 'q';
    const bool is_b = base::to_lower(text[encoding + 1]) == 'b';
    const std::size_t end = text.find('?', content);
    if ((!is_q && !is_b) || end == std::string_view::npos || text.substr(end, 2) != "?=" ||
        !std::all_of(text.data(), text.data() + encoding, is_word_octet)) {
      return {};
    }
    MailboxToken token{Kind::word, text.substr(0, end + 2), std::string(text.substr(0, content)),
                       false};
    for (const char c : text.substr(content, end - content)) {
      if (is_space(c) || is_control(c) || (is_b && !is_word_octet(c))) return {};
      if (is_word_octet(c)) {
        token.text.push_back(c);
      } else {
        token.is_odd = true;
        append_hex(token.text, c);
      }
    }
    token.text.append("?=");
    return token;
  }

  static constexpr std::size_t kMaxEncodedWord = 200;  // RFC 2047 2 has 75

  static void append_hex(std::string& text, char c) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto octet = static_cast<unsigned char>(c);
    text.push_back('=');
    text.push_back(kDigits[octet >> 4]);
    text.push_back(kDigits[octet & 15]);
  }

  std::string_view value_;
  std::size_t at_ = 0;
  std::vector<MailboxToken> tokens_;
  bool has_quotes_ = true;
  bool has_comments_ = true;
  bool has_literals_ = true;
};

}  // namespace

bool is_atom_octet(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-/=?^_`{|}~";
  return (c >= '0' && c <= '9') || (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z') ||
         static_cast<unsigned char>(c) >= 0x80 || kOthers.find(c) != std::string_view::npos;
}

std::string quote(std::string_view text) {
  std::string quoted(1, '"');
  for (const char c : text) {
    if (is_control(c)) continue;
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  quoted.push_back('"');
  return quoted;
}

std::vector<MailboxToken> split_into_tokens(std::string_view value) { return Lexer(value).run(); }

}  // namespace smtp
