// Names and texts around certificates: what the verdict needs beside the TLS library. Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "tls/identity.h"

namespace tls {

// "TLS1-3-AES-128-GCM-SHA256" and "TLS-ECDHE-RSA-WITH-…" as the IANA registry spells them.
[[nodiscard]] std::string iana_cipher_name(std::string_view library_name);

// "sha256//BASE64", as curl writes the digest of a SubjectPublicKeyInfo.
[[nodiscard]] std::string format_pin(const std::array<unsigned char, 32>& digest);

// "2027-01-31", UTC.
[[nodiscard]] std::string day_of(base::WallTime time);

// The names as text: dNSName as they stand (printable), addresses in text form.
[[nodiscard]] std::vector<std::string> describe_names(const PresentedNames& names);
// "a.example, b.example and 7 more"; "no name" when there is none.
[[nodiscard]] std::string list_names(const PresentedNames& names);

// DNS name constraints of a chain (RFC 5280 4.2.1.10).
struct DnsConstraints {
  std::vector<std::vector<std::string>> permitted;  // of each list, one must fit
  std::vector<std::string> excluded;                // none may fit
};

// The value of a nameConstraints extension, in DER. Subtrees of other kinds are passed over. One
// that cannot be parsed permits nothing.
void parse_dns_constraints(std::string_view der, DnsConstraints& constraints);
// The DER of an extension that permits only these DNS subtrees.
[[nodiscard]] std::string write_dns_constraints(const std::vector<std::string>& permitted);
void merge_constraints(DnsConstraints& into, DnsConstraints from);
[[nodiscard]] bool is_permitted(const PresentedNames& names, const DnsConstraints& constraints);

}  // namespace tls
