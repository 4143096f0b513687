// Pins: a peer known by the SHA-256 of a public key (SubjectPublicKeyInfo), its own or that of an
// authority above it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tls/identity.h"
#include "tls/mbedtls_certificates.h"

namespace tls::mbed {

[[nodiscard]] bool is_pinned(const CertificateFacts& certificate,
                             const std::vector<std::string>& pins);

struct PinVerdict {
  std::string source;  // which pin decided, in words, where there are no faults
  bool is_bound_by_dates = false;
  std::vector<IdentityFault> faults;
};

// Where the pins alone decide. The peer's own key pinned: whoever proves to have it, as the
// handshake makes it do, is the peer, whatever else its certificate says (as DANE-EE, RFC 7671 5.1:
// names and dates do not matter; for use by a TLS server it must be). The key of an authority
// pinned: its certificate must be among those that were sent, and the chain up to it good, with
// the name and all else that chains are verified by. `leaf` is followed by what else was sent.
[[nodiscard]] PinVerdict judge_by_pins(mbedtls_x509_crt& leaf, const ClientOptions& options,
                                       const ReferenceName& reference);

}  // namespace tls::mbed
