// Certificate extensions (RFC 5280 4.2) that smtpseal reads or writes itself, in DER. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tls/identity.h"

namespace tls {

// Object identifiers, as they stand in DER.
inline constexpr std::string_view kSubjectAltName("\x55\x1d\x11", 3);       // 2.5.29.17
inline constexpr std::string_view kNameConstraints("\x55\x1d\x1e", 3);      // 2.5.29.30
inline constexpr std::string_view kExtendedKeyUsage("\x55\x1d\x25", 3);     // 2.5.29.37
inline constexpr std::string_view kCertificatePolicies("\x55\x1d\x20", 3);  // 2.5.29.32
inline constexpr std::string_view kInhibitAnyPolicy("\x55\x1d\x36", 3);     // 2.5.29.54
inline constexpr std::string_view kServerAuth("\x2b\x06\x01\x05\x05\x07\x03\x01", 8);
inline constexpr std::string_view kClientAuth("\x2b\x06\x01\x05\x05\x07\x03\x02", 8);

// GeneralName's tags (RFC 5280 4.2.1.6): context-specific, all but the directory name primitive.
inline constexpr unsigned char kMailAddressTag = 0x81;
inline constexpr unsigned char kDnsNameTag = 0x82;
inline constexpr unsigned char kDirectoryNameTag = 0xa4;
inline constexpr unsigned char kUriTag = 0x86;
inline constexpr unsigned char kIpAddressTag = 0x87;

struct Extension {
  std::string_view oid;
  bool is_critical = false;
  std::string_view value;
};

// An extension among `extensions` (the SEQUENCE of them, DER); the first, if several.
[[nodiscard]] std::optional<Extension> find_extension(std::string_view extensions,
                                                      std::string_view oid);

// Whether a critical extension may be taken for heeded: by mbedTLS, by us, or because it cannot
// change a verdict of ours.
[[nodiscard]] bool is_understood(std::string_view oid);

// Why nobody may rely on a certificate with these extensions (RFC 5280 4.2): one that is critical
// and not understood, one that is there twice, or octets that are no extensions. In words that
// follow "certificate"; empty when there is nothing to say.
[[nodiscard]] std::string extension_fault(std::string_view extensions);

// Values for subjectAltName and, with one purpose, extendedKeyUsage.
[[nodiscard]] std::string write_subject_alt_name(const PresentedNames& names);
[[nodiscard]] std::string write_extended_key_usage(std::string_view purpose);

}  // namespace tls
