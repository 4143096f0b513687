// Mailboxes as header fields name them (RFC 5322 3.4): From, Sender, Resent-From.
//
// Two questions are answered of one text, and they are not the same: whom it names without any
// doubt, and whom somebody may have meant. Only a field that is well formed is believed; of any
// other names and addresses are picked as they are found, for people to read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace smtp {

struct Mailbox {
  // Fit to stand before "<": atoms, encoded words (RFC 2047) as they came, quoted strings, with one
  // space between them; or, in the old form "a@b (Name)", made of the comment. Often empty.
  std::string name;
  std::string address;  // "a@b", as split_address() understands it; empty when there is none

  friend bool operator==(const Mailbox&, const Mailbox&) = default;
};

struct MailboxList {
  std::vector<Mailbox> mailboxes;
  // RFC 5322 3.4 to the letter, with an address in every mailbox; without groups, empty elements,
  // routes and comments that hold more than plain words.
  bool is_well_formed = false;
};

// `value` is what follows the colon, folded or not; octets above 127 are letters (RFC 6532). Takes
// time in proportion to the text's length.
[[nodiscard]] MailboxList parse_mailboxes(std::string_view value);

}  // namespace smtp
