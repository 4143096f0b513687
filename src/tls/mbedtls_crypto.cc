#include <array>

#include <mbedtls/md.h>
#include <mbedtls/pkcs5.h>

#include "tls/crypto.h"
#include "tls/mbedtls_library.h"

namespace tls {

namespace {

using base::Hash;
using base::Result;
using mbed::octets_of;

mbedtls_md_type_t type_of(Hash hash) {
  switch (hash) {
    case Hash::md5: return MBEDTLS_MD_MD5;
    case Hash::sha1: return MBEDTLS_MD_SHA1;
    case Hash::sha256: return MBEDTLS_MD_SHA256;
  }
  return MBEDTLS_MD_NONE;
}

base::Error calculation_error(int code) {
  return mbed::library_error(base::Fault::local, "cannot calculate a digest", code);
}

// Room for `size` octets, which the library fills.
template <typename Fill>
Result<std::string> filled(std::size_t size, Fill fill) {
  std::string octets(size, '\0');
  const int code = fill(reinterpret_cast<unsigned char*>(octets.data()));
  if (code != 0) return calculation_error(code);
  return octets;
}

class LibraryCrypto final : public base::Crypto {
 public:
  Result<std::string> digest(Hash hash, std::string_view octets) const override {
    return filled(base::digest_size(hash), [&](unsigned char* out) {
      return mbedtls_md(mbedtls_md_info_from_type(type_of(hash)), octets_of(octets), octets.size(),
                        out);
    });
  }

  Result<std::string> hmac(Hash hash, std::string_view key,
                           std::string_view octets) const override {
    return filled(base::digest_size(hash), [&](unsigned char* out) {
      return mbedtls_md_hmac(mbedtls_md_info_from_type(type_of(hash)), octets_of(key), key.size(),
                             octets_of(octets), octets.size(), out);
    });
  }

  Result<std::string> pbkdf2(Hash hash, std::string_view password, std::string_view salt,
                             unsigned iterations, std::size_t size) const override {
    return filled(size, [&](unsigned char* out) {
      return mbedtls_pkcs5_pbkdf2_hmac_ext(type_of(hash), octets_of(password), password.size(),
                                           octets_of(salt), salt.size(), iterations,
                                           static_cast<std::uint32_t>(size), out);
    });
  }

  Result<std::string> random(std::size_t size) const override {
    if (const base::Result<void> started = mbed::start_library(); !started) return started.error();
    std::string octets(size, '\0');
    const psa_status_t status =
        psa_generate_random(reinterpret_cast<unsigned char*>(octets.data()), octets.size());
    if (status != PSA_SUCCESS) return mbed::psa_error("cannot make random octets", status);
    return octets;
  }
};

}  // namespace

const base::Crypto& crypto() {
  static const LibraryCrypto kCrypto;
  return kCrypto;
}

}  // namespace tls
