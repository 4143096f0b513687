#include "smtp/mailbox_list.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/text.h"
#include "smtp/mailbox_lexer.h"
#include "smtp/sender.h"

namespace smtp {

namespace {

using Token = MailboxToken;
using Kind = MailboxToken::Kind;

bool is_phrase_word(const Token& token) {
  return token.kind == Kind::word || token.kind == Kind::quoted;
}

// Words as they are written, with one space between them.
std::string phrase_of(const std::vector<Token>& tokens) {
  std::string phrase;
  for (const Token& token : tokens) {
    if (!phrase.empty()) phrase.push_back(' ');
    phrase += token.kind == Kind::quoted ? quote(token.text) : token.text;
  }
  return phrase;
}

// What was to be a name and is none by the rules, as a quoted string: nothing in it has a meaning.
std::string quoted_text_of(const std::vector<Token>& tokens) {
  std::string text;
  const char* end = tokens.front().raw.data();
  for (const Token& token : tokens) {
    if (token.raw.data() != end) text.push_back(' ');
    text += is_phrase_word(token) ? std::string_view(token.text) : token.raw;
    end = token.raw.data() + token.raw.size();
  }
  return quote(text);
}

std::string name_of(const std::vector<Token>& tokens) {
  if (tokens.empty()) return {};
  return std::all_of(tokens.begin(), tokens.end(), is_phrase_word) ? phrase_of(tokens)
                                                                   : quoted_text_of(tokens);
}

bool holds_at_sign(const std::vector<Token>& tokens) {
  return std::any_of(tokens.begin(), tokens.end(),
                     [](const Token& token) { return token.is_mark('@'); });
}

// A comment's text is anything; where it is words alone they stand as they are, encoded ones too.
std::string name_of_comment(const std::string& text) {
  const std::string_view words = base::trimmed(text);
  if (words.empty()) return {};
  const bool is_plain = std::all_of(
      words.begin(), words.end(), [](char c) { return c == ' ' || c == '.' || is_atom_octet(c); });
  return is_plain ? std::string(words) : quote(words);
}

class Parser {
 public:
  MailboxList parse(std::string_view value) {
    list_.is_well_formed = true;
    for (Token& token : split_into_tokens(value)) take(std::move(token));
    if (is_in_group_) list_.is_well_formed = false;
    end_mailbox();
    for (const Mailbox& mailbox : list_.mailboxes) {
      if (mailbox.address.empty()) list_.is_well_formed = false;
    }
    if (list_.mailboxes.empty()) list_.is_well_formed = false;
    return std::move(list_);
  }

 private:
  enum class Place { before, inside, after };  // of the angle brackets

  void take(Token token) {
    if (token.is_odd) list_.is_well_formed = false;
    if (token.kind == Kind::comment) {
      comment_ = std::move(token.text);
    } else if (place_ != Place::inside && (token.is_mark(',') || token.is_mark(';'))) {
      end_element(token);
    } else if (place_ == Place::before && token.is_mark(':')) {
      begin_group();
    } else if (place_ == Place::before && token.is_mark('<')) {
      place_ = Place::inside;
    } else if (place_ == Place::inside && token.is_mark('>')) {
      place_ = Place::after;
    } else if (place_ == Place::after) {
      list_.is_well_formed = false;  // nothing may follow the address
    } else {
      (place_ == Place::inside ? inside_ : before_).push_back(std::move(token));
    }
  }

  void end_element(const Token& token) {
    if (is_empty()) list_.is_well_formed = false;
    end_mailbox();
    if (token.is_mark(',')) {
      is_element_due_ = true;
      return;
    }
    if (!group_name_.empty()) list_.mailboxes.push_back({std::exchange(group_name_, {}), {}});
    list_.is_well_formed = false;
    is_in_group_ = false;
  }

  // The group's name is that of its first mailbox, where this has none of its own.
  void begin_group() {
    group_name_ = name_of(before_);
    before_.clear();
    is_in_group_ = true;
    list_.is_well_formed = false;
  }

  [[nodiscard]] bool is_empty() const {
    return before_.empty() && comment_.empty() && place_ == Place::before;
  }

  void end_mailbox() {
    if (is_empty()) {
      if (is_element_due_) list_.is_well_formed = false;
      return;
    }
    is_element_due_ = false;
    if (place_ == Place::inside) list_.is_well_formed = false;
    Mailbox mailbox;
    const bool has_brackets = place_ != Place::before;
    mailbox.address = address_of(has_brackets ? inside_ : before_);
    if (has_brackets) {
      mailbox.name = name_of(before_);
      if (!std::all_of(before_.begin(), before_.end(), is_phrase_word)) {
        list_.is_well_formed = false;
      }
    } else if (mailbox.address.empty() && !holds_at_sign(before_)) {
      mailbox.name = name_of(before_);  // "root", "Cron Daemon"
    }
    if (mailbox.name.empty()) mailbox.name = name_of_comment(comment_);
    if (mailbox.name.empty()) mailbox.name = std::exchange(group_name_, {});
    group_name_.clear();
    list_.mailboxes.push_back(std::move(mailbox));
    before_.clear();
    inside_.clear();
    comment_.clear();
    place_ = Place::before;
  }

  // RFC 5322 3.4.1; a route before it (4.4) is passed over.
  std::string address_of(std::span<const Token> tokens) {
    if (!tokens.empty() && tokens.front().is_mark('@')) {
      list_.is_well_formed = false;
      while (!tokens.empty() && !tokens.front().is_mark(':')) tokens = tokens.subspan(1);
      if (!tokens.empty()) tokens = tokens.subspan(1);
    }
    const bool is_spec = tokens.size() == 3 && is_phrase_word(tokens[0]) &&
                         tokens[1].is_mark('@') &&
                         (tokens[2].kind == Kind::word || tokens[2].kind == Kind::literal);
    if (!is_spec) return {};
    std::string address(tokens[0].raw);
    address.append("@").append(tokens[2].raw);
    const bool has_space = address.find_first_of(" \t\r\n") != std::string::npos;
    return !has_space && address.size() <= kMaxMailbox && split_address(address) ? address
                                                                                 : std::string();
  }

  MailboxList list_;
  Place place_ = Place::before;
  std::vector<Token> before_;  // or all, where there are no brackets
  std::vector<Token> inside_;
  std::string comment_;  // the last one
  std::string group_name_;
  bool is_in_group_ = false;
  bool is_element_due_ = false;  // behind a comma
};

}  // namespace

MailboxList parse_mailboxes(std::string_view value) { return Parser().parse(value); }

}  // namespace smtp
