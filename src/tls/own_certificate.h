// A certificate of our own and its private key, looked at before anybody is shown them. Knows no
// files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tls/tls_engine.h"

namespace tls {

// What a certificate of ours is shown for: by a server to its clients, or by a client to a server.
enum class Purpose { server, client };

// A private key in PEM (PKCS #8, PKCS #1 or SEC 1, each perhaps encrypted) or DER as PEM that is
// not encrypted. Errors are Fault::config, in words that follow the name of a file: "is encrypted",
// "holds no private key".
[[nodiscard]] base::Result<std::string> decrypt_key(std::string_view key,
                                                    std::optional<std::string_view> passphrase);

struct OwnCertificate {
  CertificateFacts facts;
  bool may_sign = false;    // its key usage, where it has one, lets it sign a handshake
  bool is_for_it = false;   // its extended key usage, where it has one, has the purpose
  std::size_t matches = 0;  // which certificate has the key, counted from 1; 0: none
};

// The first certificate of a PEM text, and which one of all has `key` (as decrypt_key gives it).
// Errors begin with `where`, as those of add_certificates() do.
[[nodiscard]] base::Result<OwnCertificate> examine_own(std::string_view certificates,
                                                       const std::string& where,
                                                       const std::string& key, Purpose purpose);

}  // namespace tls
