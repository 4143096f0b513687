// Delivery status notifications (RFC 3464, 3461, 6522, 6533): what the sender of a mail that we
// took responsibility for is told when it cannot be delivered, or not yet.
//
// What stands in one was mostly said by others: addresses, the smarthost's replies, the mail's own
// header. None of it can begin a header field, a part, or a line of SMTP, and the text is ASCII but
// for the address of a sender that is not, so that it needs no extension that the mail did not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "smtp/command.h"

namespace smtp {

// A mail whose sender wants all of it back (RET=FULL) comes back whole when it is no bigger.
inline constexpr std::size_t kMaxReturnedMail = 65536;
// Else its header, and of that no more.
inline constexpr std::size_t kMaxReturnedHeader = 16384;
// Recipients that are listed in plain words; the part for machines has all of them.
inline constexpr std::size_t kMaxRecipientsInWords = 50;

// RFC 3464 2.3.3.
enum class DeliveryAction {
  failed,   // will not be tried again
  delayed,  // will be
  relayed,  // taken by a server that sends no notifications itself (RFC 3461 5.2.2)
};

// Whether the sender is to be told that about this recipient: NOTIFY (RFC 3461 4.1) says so, else
// failures and delays are told. Nobody is told of a mail whose sender is "<>" (RFC 5321 3.6.3).
[[nodiscard]] bool is_sender_told(const MailCommand& mail, const RcptCommand& rcpt,
                                  DeliveryAction action);

struct RecipientReport {
  RcptCommand command;  // as the client gave it
  DeliveryAction action = DeliveryAction::failed;
  // The last that was said about it, on one line: "550 5.1.1 no such user".
  std::string reply;
  std::string smarthost;     // the host that said it; empty: nobody but smtpseal did
  bool has_expired = false;  // failed since it was tried for too long (4.4.7)
};

struct DeliveryReport {
  std::string hostname;  // ours
  std::string id;        // of this notification, unique on this host: letters, digits
  std::string mail_id;   // of the mail, as the client was told
  MailCommand mail;      // as the client gave it
  base::WallTime arrival;
  base::WallTime now;
  std::optional<base::WallTime> retry_until;  // of those that are delayed
  std::vector<RecipientReport> recipients;    // those that this is about: at least one
  bool has_other_recipients = false;          // the mail had more, that this is not about
  std::string_view original;                  // the mail, or its first kMaxReturnedMail octets
  std::uint64_t original_size = 0;            // of all of it
};

// A mail to the sender.
struct DeliveryNotification {
  MailCommand mail;  // from "<>"; asks for SMTPUTF8 where the sender's address needs it
  RcptCommand rcpt;
  std::string text;  // header and body, lines ended by CRLF, not dot-stuffed
};
[[nodiscard]] DeliveryNotification make_delivery_notification(const DeliveryReport& report);

}  // namespace smtp
