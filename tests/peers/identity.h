// Who a peer is, and how it speaks TLS.
#pragma once

#include <string>

#include "support/temp_dir.h"
#include "tls/tls_engine.h"

namespace support {

enum class CertificateKind {
  rsa,
  ecdsa,
  chain,  // an RSA leaf under an ECDSA intermediate, both sent
};
[[nodiscard]] const char* to_string(CertificateKind kind);

struct PeerOptions {
  CertificateKind certificate = CertificateKind::ecdsa;
  tls::Version version = tls::Version::tls13;  // and no other
  bool is_implicit_tls = false;
};
[[nodiscard]] const char* to_string(tls::Version version);

// Paths of what a server with TLS needs.
struct Identity {
  std::string certificate;   // the leaf alone
  std::string intermediate;  // empty when there is none
  std::string chain;         // both in one file, leaf first
  std::string key;
  std::string ca;  // whom to trust
};
// Writes it into a folder: for kSmarthostName, from the authority that tests trust.
[[nodiscard]] Identity write_identity(const TempDir& directory, CertificateKind kind);

}  // namespace support
