// Cryptography for tests of folders that know no library: the true one, with random octets as the
// test wants them.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/crypto.h"

namespace support {

[[nodiscard]] const base::Crypto& true_crypto();

// What is random is always this.
class FixedNonce final : public base::Crypto {
 public:
  explicit FixedNonce(std::string octets) : octets_(std::move(octets)) {}

  base::Result<std::string> digest(base::Hash hash, std::string_view octets) const override {
    return true_crypto().digest(hash, octets);
  }
  base::Result<std::string> hmac(base::Hash hash, std::string_view key,
                                 std::string_view octets) const override {
    return true_crypto().hmac(hash, key, octets);
  }
  base::Result<std::string> pbkdf2(base::Hash hash, std::string_view password,
                                   std::string_view salt, unsigned iterations,
                                   std::size_t size) const override {
    return true_crypto().pbkdf2(hash, password, salt, iterations, size);
  }
  base::Result<std::string> random(std::size_t) const override { return octets_; }

 private:
  std::string octets_;
};

}  // namespace support
