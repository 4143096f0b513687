// Reports to make delivery status notifications of, kind and hostile.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "smtp/delivery_status.h"

namespace smtp {

inline RecipientReport refused_recipient() {
  RecipientReport recipient;
  recipient.command.forward_path = "<nobody@example.edu>";
  recipient.action = DeliveryAction::failed;
  recipient.reply = "550 5.1.1 no such user here";
  recipient.smarthost = "smtp.example.edu";
  return recipient;
}

inline RecipientReport delayed_recipient() {
  RecipientReport recipient;
  recipient.command.forward_path = "<operator@example.edu>";
  recipient.action = DeliveryAction::delayed;
  recipient.reply = "451 4.4.1 smtp.example.edu cannot be reached: connection refused";
  return recipient;
}

// `original` must outlive it.
inline DeliveryReport sample_report(std::string_view original) {
  DeliveryReport report;
  report.hostname = "relay.example.edu";
  report.id = "00000000000000b2";
  report.mail_id = "00000000000000a1";
  report.mail.reverse_path = "<ups@example.edu>";
  report.arrival = base::WallTime(std::chrono::seconds(1795529618));  // 2026-11-24 14:13:38 UTC
  report.now = report.arrival + std::chrono::hours(4);
  report.retry_until = report.arrival + std::chrono::hours(120);
  report.original = original;
  report.original_size = original.size();
  return report;
}

inline constexpr std::string_view kPlainMail =
    "Received: from ups by relay.example.edu; Tue, 24 Nov 2026 14:13:38 +0000\r\n"
    "Message-ID: <1@ups.example.edu>\r\n"
    "Subject: On battery\r\n"
    "\r\n"
    "Mains failed.\r\n";

// What a peer may say to be taken for more than it is.
inline constexpr std::array<std::string_view, 14> kHostileWords = {
    "550 5.1.1 a\r\nBcc: victim@example.org",
    "550 a\r\n\r\n--=_00000000000000b2_0\r\nContent-Type: text/html\r\n\r\n<b>",
    "a\nX-Injected: 1",
    "a\rX-Injected: 1",
    "a\r\n.\r\nMAIL FROM:<evil@example.org>\r\n",
    "\x1b[2J\x1b]0;owned\x07",
    "\xff\xfe\x80\xc3(",
    "\xc2\x85\xe2\x80\xa8X-Injected: 1",
    "gr\xc3\xbc\xc3\x9f",
    "=_00000000000000b2_0 =_00000000000000b2_1",
    "--=_00000000000000b2_0--",
    "=?utf-8?Q?=0D=0ABcc:_x?=",
    "\" ; boundary=x (comment) <a@b>, <c@d>",
    std::string_view("nul \0 and more", 14),
};

}  // namespace smtp
