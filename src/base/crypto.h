// What authentication (smtp/sasl_client, passwords of clients) needs of cryptography, as an
// interface: the pure folders calculate with it and know no library. tls/crypto.h has the one that
// there is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

// MD5 and SHA-1 are here for CRAM-MD5 and SCRAM-SHA-1 (RFC 2195, RFC 5802), which use them in HMAC
// only. They sign nothing: certificates have a policy of their own.
enum class Hash { md5, sha1, sha256 };

[[nodiscard]] constexpr std::size_t digest_size(Hash hash) {
  switch (hash) {
    case Hash::md5: return 16;
    case Hash::sha1: return 20;
    case Hash::sha256: return 32;
  }
  return 0;
}

// Results are octets. May be used by several threads at once. Errors are Fault::local.
class Crypto {
 public:
  [[nodiscard]] virtual Result<std::string> digest(Hash hash, std::string_view octets) const = 0;
  // RFC 2104.
  [[nodiscard]] virtual Result<std::string> hmac(Hash hash, std::string_view key,
                                                 std::string_view octets) const = 0;
  // PBKDF2 with HMAC (RFC 8018 5.2), `size` octets of it; with the size of a digest it is the Hi()
  // of RFC 5802. Slow by intention: the caller bounds `iterations`.
  [[nodiscard]] virtual Result<std::string> pbkdf2(Hash hash, std::string_view password,
                                                   std::string_view salt, unsigned iterations,
                                                   std::size_t size) const = 0;
  // Octets that nobody can guess.
  [[nodiscard]] virtual Result<std::string> random(std::size_t size) const = 0;

 protected:
  ~Crypto() = default;
};

// In a time that tells nothing of where they differ; their sizes are no secret.
[[nodiscard]] bool equals_in_constant_time(std::string_view a, std::string_view b);

}  // namespace base
