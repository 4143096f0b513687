// The envelope of a mail in the spool: who it is from and for, and what became of it so far.
//
// It is kept as text beside the mail, so that a person can read it, and repair it: `name: value`
// lines, the smtp commands as the client gave them, the end told by an `end` line whose value is
// the CRC-32C of everything above it. A person who edits the file deletes that value: an `end` line
// without one is believed; a file without an `end` line, or with a value that does not fit, is
// damaged. No value of a peer can begin a line: what is not printable is escaped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/result.h"
#include "smtp/command.h"

namespace spool {

// What became of one recipient.
enum class Outcome {
  pending,    // to be tried (again)
  delivered,  // the smarthost took it
  failed,     // refused for good, or expired; the sender was told, or could not be
};

struct Recipient {
  smtp::RcptCommand command;
  Outcome outcome = Outcome::pending;
  std::string reply;  // the last that was said about it, one line; ours or the smarthost's
};

struct Envelope {
  std::string id;         // 16 lower-case hexadecimal digits, in the order of acceptance
  base::WallTime since;   // when responsibility was accepted
  std::string smarthost;  // name of the section that is to take it, "" for [smarthost]
  std::string client;     // for people: address and session id of who brought it
  smtp::MailCommand mail;
  std::vector<Recipient> recipients;
  std::uint64_t size = 0;         // of the mail, octets
  std::uint32_t checksum = 0;     // CRC-32C of the mail
  unsigned attempts = 0;          // to deliver
  std::string last_error;         // of the last that failed; why it is in failed/
  bool is_held = false;           // by `queue hold`
  bool is_in_doubt = false;       // the smarthost may have taken it already
  bool is_sender_warned = false;  // of the delay
  bool is_notification = false;   // a delivery status notification of ours: never answered by one

  [[nodiscard]] std::size_t pending() const;  // recipients
};

[[nodiscard]] std::string format(const Envelope& envelope);
// Fault::storage: what is wrong, with its line.
[[nodiscard]] base::Result<Envelope> parse_envelope(std::string_view text);

[[nodiscard]] bool is_id(std::string_view text);

}  // namespace spool
