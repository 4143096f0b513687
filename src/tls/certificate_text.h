// Certificates in words and words for certificates: what people read of them, and the text forms
// that the making of one takes. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "tls/identity.h"

namespace tls {

// "TLS1-3-AES-128-GCM-SHA256" and "TLS-ECDHE-RSA-WITH-…" as the IANA registry spells them.
[[nodiscard]] std::string iana_cipher_name(std::string_view library_name);

// "X25519", "P-256", from a number of the IANA registry of TLS groups (RFC 8446 4.2.7); "group
// 4588" for one without a name here, nothing for 0.
[[nodiscard]] std::string group_name(unsigned number);

// "sha256//BASE64", as curl writes the digest of a SubjectPublicKeyInfo.
[[nodiscard]] std::string format_pin(const std::array<std::uint8_t, 32>& digest);

// "RSA 2048", "EC secp256r1", from a SubjectPublicKeyInfo in DER (RFC 5280 4.1.2.7).
[[nodiscard]] std::string describe_key(std::string_view public_key_info);

// A point in time as a certificate has it: a calendar date and a time of day, UTC. What lies
// beyond what WallTime can hold (years 1677 to 2262; RFC 5280 4.1.2.5 uses 9999 for "never")
// becomes the nearest that it can.
struct CertificateTime {
  int year = 1970;
  unsigned month = 1;
  unsigned day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
};
[[nodiscard]] base::WallTime to_wall_time(const CertificateTime& time);

// "2027-01-31", UTC.
[[nodiscard]] std::string day_of(base::WallTime time);
// "20270131235959", UTC.
[[nodiscard]] std::string compact_time(base::WallTime time);

// The names as text: dNSName as they stand, but '?' for what is not visible ASCII; addresses in
// text form.
[[nodiscard]] std::vector<std::string> describe_names(const PresentedNames& names);
// "a.example, b.example and 7 more", very long names cut; "no name" when there is none.
[[nodiscard]] std::string list_names(const PresentedNames& names);

// The kinds of names that `tags` (GeneralName's, RFC 5280 4.2.1.6) stand for, each once: "mail
// address, URI".
[[nodiscard]] std::string list_kinds(const std::vector<unsigned char>& tags);

// "CN=..." with the characters that RFC 4514 2.4 wants escaped.
[[nodiscard]] std::string common_name(std::string_view value);

}  // namespace tls
