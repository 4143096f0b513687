// The trace line we add to mail (RFC 5321 4.4): who gave it to us, who we are, when.
#pragma once

#include <string>
#include <string_view>

#include "base/instant.h"

namespace smtp {

struct TraceFacts {
  std::string client_name;     // from HELO or EHLO, already made fit (parse_hello); may be empty
  std::string client_address;  // "127.0.0.1", "::1"; empty for a Unix socket
  std::string client_note;     // "local socket, uid 1000": in place of an address
  std::string hostname;        // ours
  bool is_extended = false;    // EHLO, not HELO
  bool is_authenticated = false;
  std::string client_tls;      // "TLSv1.3 TLS_AES_128_GCM_SHA256" when the client used TLS
  std::string client_subject;  // of its certificate, where that was verified: "CN=printer"
  std::string id;              // of the transaction
};

// The text that stands in every Received line of the smtpseal called `hostname`.
[[nodiscard]] std::string own_mark(std::string_view hostname);

// "Received: from name ([127.0.0.1])\r\n\tby host (smtpseal) with ESMTP id x;\r\n\tdate\r\n",
// with what is known of the client's TLS in comments of lines of their own; the protocol is named
// as RFC 3848 has it; folded so that no line passes 998 octets (RFC 5322 2.1.1).
[[nodiscard]] std::string format_received(const TraceFacts& facts, base::WallTime now);

// "Tue, 24 Nov 2026 14:13:38 +0000" (RFC 5322 3.3), in UTC, whatever the locale.
[[nodiscard]] std::string format_date(base::WallTime now);

}  // namespace smtp
