// The cryptography that there is, but what is random is as a test wants it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/crypto.h"
#include "support/crypto.h"

namespace support {

class FixedNonce final : public base::Crypto {
 public:
  explicit FixedNonce(std::string octets) : octets_(std::move(octets)) {}

  base::Result<std::string> digest(base::Hash hash, std::string_view octets) const override {
    return crypto().digest(hash, octets);
  }
  base::Result<std::string> hmac(base::Hash hash, std::string_view key,
                                 std::string_view octets) const override {
    return crypto().hmac(hash, key, octets);
  }
  base::Result<std::string> pbkdf2(base::Hash hash, std::string_view password,
                                   std::string_view salt, unsigned iterations,
                                   std::size_t size) const override {
    return crypto().pbkdf2(hash, password, salt, iterations, size);
  }
  base::Result<std::string> random(std::size_t) const override { return octets_; }

 private:
  std::string octets_;
};

}  // namespace support
