// Whose address mail may bear, and the one that it bears instead.
//
// Smarthosts that know who is speaking (Microsoft 365, Gmail) take mail only under that mailbox's
// own addresses, in the envelope and in the header. Devices send under any. Here is the rule that
// both kinds of rewriting go by; what is not certain to be an authorised address is none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/command.h"

namespace smtp {

enum class SenderMode {
  keep,             // what the client says stays
  force,            // nothing but the one address
  if_unauthorized,  // authorised addresses stay
};

struct SenderOptions {
  std::string address;  // "app@example.edu", as is_plain_address() has it; empty: all mail stays
  SenderMode envelope = SenderMode::force;
  SenderMode header_from = SenderMode::keep;
  // "boss@example.edu" or "@example.edu", beside `address` itself.
  std::vector<std::string> authorized;

  [[nodiscard]] bool changes_header() const {
    return !address.empty() && header_from != SenderMode::keep;
  }
  friend bool operator==(const SenderOptions&, const SenderOptions&) = default;
};

// RFC 5321 4.5.3.1.1 and 4.5.3.1.3.
inline constexpr std::size_t kMaxLocalPart = 64;
inline constexpr std::size_t kMaxMailbox = 254;

// local_part@domain, cut at the "@" between them.
struct AddressParts {
  std::string_view local_part;  // a quoted string with its quotes
  std::string_view domain;
};
// Nothing when the text could be read in two ways: anything but atoms and dots, or one quoted
// string, before the "@"; anything but a name or an address literal after it. Octets above 127
// (RFC 6531) are letters.
[[nodiscard]] std::optional<AddressParts> split_address(std::string_view address);

// Whether it can be written into an envelope and a header as it is: ASCII, a local part of atoms
// and dots, no longer than RFC 5321 4.5.3.1 has it. The domain is the caller's to check.
[[nodiscard]] bool is_plain_address(std::string_view address);

// Whether mail in this mode may bear `address`. Case does not matter: nobody tells two mailboxes
// apart by it, and smarthosts do not either.
[[nodiscard]] bool may_stay(const SenderOptions& options, SenderMode mode,
                            std::string_view address);

// Whether `address` is one of these, or of a domain of these ("@example.edu"). Case does not
// matter.
[[nodiscard]] bool is_among(const std::vector<std::string>& addresses, std::string_view address);

// Puts the address into MAIL where the rule wants it. The null reverse-path stays: what bears it
// must not be answered, nor bounced (RFC 5321 4.5.5). So do the parameters. Returns the path that
// was replaced; empty when none was.
[[nodiscard]] std::string rewrite_sender(const SenderOptions& options, MailCommand& mail);

}  // namespace smtp
