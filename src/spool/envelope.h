// The envelope of a mail in the spool: who it is from and for, and what became of it so far.
//
// It is kept as text beside the mail, so that a person can read it, and repair it: `name: value`
// lines in a fixed order, the smtp commands as the client gave them, the end told by an `end` line
// whose value is the CRC-32C of everything above it. A person who edits the file deletes that
// value: an `end` line without one is believed; a file without an `end` line, with a value that
// does not fit, or with anything behind it, is damaged. No value of a peer can begin a line, or do
// anything to a terminal: an octet that is not printable ASCII is written as \x and two digits, and
// so is the backslash.
//
//   smtpseal-envelope: 1
//   id: 00065f2b9c1d4a00
//   since: 2026-11-26T23:20:00.123Z
//   smarthost:
//   client: 127.0.0.1 8f3a
//   size: 1204
//   checksum: 1c291ca3
//   attempts: 1
//   last-error: 451 4.4.1 smarthost not reachable
//   held: no
//   in-doubt: no
//   sender-warned: no
//   notification: no
//   mail: MAIL FROM:<ups@example.edu> SIZE=1204
//   rcpt: RCPT TO:<admin@example.edu>
//   outcome: pending
//   reply: 450 4.2.1 busy
//   end: 9b1f0c55
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

// Octets kept of a text for people: replies, errors, the client. The rest is cut off.
inline constexpr std::size_t kMaxEnvelopeText = 1024;
// Recipients of one envelope: no transaction has more (smtp::kMaxRecipients).
inline constexpr std::size_t kMaxEnvelopeRecipients = 1000;
// Octets of an envelope's file: every line of every recipient at its longest (a command of
// smtp::kMaxCommandLine and a reply of kMaxEnvelopeText octets, each of them escaped).
inline constexpr std::size_t kMaxEnvelopeFile = 16 * 1024 * 1024;

// What became of one recipient.
enum class Outcome {
  pending,    // to be tried (again)
  delivered,  // the smarthost took it
  failed,     // refused for good, or expired; the sender was told, or could not be
};
[[nodiscard]] std::string_view to_string(Outcome outcome);

struct Recipient {
  smtp::RcptCommand command;
  Outcome outcome = Outcome::pending;
  std::string reply;  // the last that was said about it, one line; ours or the smarthost's
};

struct Envelope {
  std::string id;         // 16 lower-case hexadecimal digits, in the order of acceptance
  base::WallTime since;   // when responsibility was accepted; kept in milliseconds
  std::string smarthost;  // name of the section that is to take it, "" for [smarthost]
  std::string client;     // for people: address and session id of who brought it
  smtp::MailCommand mail;
  std::vector<Recipient> recipients;  // at least one, at most kMaxEnvelopeRecipients
  std::uint64_t size = 0;             // of the mail, octets
  std::uint32_t checksum = 0;         // CRC-32C of the mail
  unsigned attempts = 0;              // to deliver
  std::string last_error;             // of the last that failed; why it is in failed/
  bool is_held = false;               // by `queue hold`
  bool is_in_doubt = false;           // the smarthost may have taken it already
  bool is_sender_warned = false;      // of the delay
  bool is_notification = false;  // a delivery status notification of ours: never answered by one

  [[nodiscard]] std::size_t pending() const;  // recipients
};

[[nodiscard]] std::string format(const Envelope& envelope);
// Fault::storage: what is wrong, with its line.
[[nodiscard]] base::Result<Envelope> parse_envelope(std::string_view text);

[[nodiscard]] bool is_id(std::string_view text);
// RFC 3339, UTC, milliseconds: as in envelopes.
[[nodiscard]] std::string format_time(base::WallTime time);

}  // namespace spool
