// The words that a list of mailboxes is made of (RFC 5322 3.2): see mailbox_list.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace smtp {

struct MailboxToken {
  enum class Kind {
    word,     // atoms and dots, or an encoded word
    quoted,   // a quoted string
    comment,  // with the comments inside it
    literal,  // [192.0.2.1]
    mark,     // one of < > @ , : ;
    junk,     // an octet that has no business here
  };
  Kind kind = Kind::junk;
  std::string_view raw;
  // word: what to write; quoted, comment: the content, without quoting; white space in it is one
  // space.
  std::string text;
  bool is_odd = false;  // not what RFC 5322 has, or nothing that everybody reads alike

  [[nodiscard]] bool is_mark(char mark) const { return kind == Kind::mark && raw[0] == mark; }
};

// White space is between the tokens and not among them. A quote, comment or literal without an end
// is junk, and what follows it is read as if it were not there.
[[nodiscard]] std::vector<MailboxToken> split_into_tokens(std::string_view value);

// RFC 5322 3.2.3 without the dot, and octets above 127 (RFC 6532 3.2).
[[nodiscard]] bool is_atom_octet(char c);
// As a quoted string (3.2.4), control characters left out.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace smtp
