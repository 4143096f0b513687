// Service extensions (RFC 5321 2.2, 4.1.1.1): what an EHLO reply offers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/reply.h"

namespace smtp {

struct Extensions {
  bool pipelining = false;             // RFC 2920
  bool eight_bit_mime = false;         // RFC 6152
  bool smtputf8 = false;               // RFC 6531
  bool dsn = false;                    // RFC 3461
  bool enhanced_status_codes = false;  // RFC 2034
  bool chunking = false;               // RFC 3030
  bool binarymime = false;             // RFC 3030; counts only beside chunking
  bool starttls = false;               // RFC 3207
  bool size = false;                   // RFC 1870
  std::uint64_t max_size = 0;          // with size: the declared limit; 0 = none declared
  // RFC 4954, upper-cased, in the order offered; at most kMaxAuthMechanisms.
  std::vector<std::string> auth_mechanisms;
  std::optional<unsigned> mail_max;  // LIMITS, RFC 9422: ours to obey, never shown to clients
  std::optional<unsigned> rcpt_max;

  friend bool operator==(const Extensions&, const Extensions&) = default;
};

// The extensions of a positive EHLO reply; its first line (the domain) is not a keyword. Keywords
// in any case; a line that does not parse is ignored; of doubled SIZE lines the first counts;
// "AUTH=LOGIN PLAIN" (an old form) is read like "AUTH LOGIN PLAIN".
[[nodiscard]] Extensions parse_extensions(const Reply& ehlo);

struct OfferPolicy {
  std::uint64_t max_message_size = 0;       // ours; 0 = only the smarthost's counts
  bool is_auth_offered = false;             // AUTH passed through to the smarthost
  std::vector<std::string> own_mechanisms;  // AUTH that ends here, in its stead
  bool is_starttls_offered = false;
  bool is_tls_missing = false;  // and nothing else is of use before it
};

// What a client is shown of the smarthost's extensions: the allow-list of what we carry. SIZE is
// the smaller of both limits; PIPELINING and ENHANCEDSTATUSCODES always; mechanisms ending in -PLUS
// never (channel binding cannot survive us); LIMITS never; STARTTLS is ours alone to offer.
[[nodiscard]] Extensions offer_to_client(const Extensions& smarthost, const OfferPolicy& policy);

// The EHLO reply of a server called `hostname`: `250-hostname`, then a line per extension.
[[nodiscard]] Reply format_ehlo(std::string_view hostname, const Extensions& offered);

// Whether `actual` has everything `promised` has that a mail could rely on (SIZE not smaller).
[[nodiscard]] bool covers(const Extensions& actual, const Extensions& promised);

}  // namespace smtp
