// See own_certificate.h.
#include <array>
#include <cstddef>

#include <mbedtls/pem.h>
#include <mbedtls/pkcs12.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/platform_util.h>

#include "tls/extensions.h"
#include "tls/mbedtls_certificates.h"
#include "tls/own_certificate.h"
#include "tls/pem.h"

namespace tls {

namespace {

using namespace mbed;  // this file is one of its family
using base::Error;
using base::Fault;

// Encrypted by a cipher or a key derivation that the library does not have.
bool is_foreign_encryption(int code) {
  switch (-(-code & 0xff80)) {                    // without what the layer below adds
    case MBEDTLS_ERR_PKCS5_FEATURE_UNAVAILABLE:   // 3DES and scrypt in PKCS #8
    case MBEDTLS_ERR_PKCS12_FEATURE_UNAVAILABLE:  // the old ways of PKCS #8
    case MBEDTLS_ERR_PEM_UNKNOWN_ENC_ALG:         // 3DES in PEM
    case MBEDTLS_ERR_PEM_FEATURE_UNAVAILABLE: return true;
    default: return false;
  }
}

std::string words_for_key(int code, bool has_passphrase) {
  if (is_foreign_encryption(code)) {
    return "is encrypted in a way that is not supported: `openssl pkcs8 -topk8 -v2 aes-256-cbc` "
           "writes it anew";
  }
  switch (code) {
    case MBEDTLS_ERR_PK_PASSWORD_REQUIRED: return "is encrypted, and there is no passphrase for it";
    case MBEDTLS_ERR_PK_PASSWORD_MISMATCH:
      return has_passphrase ? "does not open with its passphrase"
                            : "is encrypted, and there is no passphrase for it";
    case MBEDTLS_ERR_PK_KEY_INVALID_FORMAT:
      return "holds no private key in PEM (-----BEGIN PRIVATE KEY-----)";
    default: return "holds a private key that cannot be read: " + words_of(code);
  }
}

// A file may hold certificates before its key, which the library would stumble over.
std::string only_key(std::string_view text) {
  std::string keys;
  for (std::size_t at = text.find("-----BEGIN "); at != std::string_view::npos;) {
    const std::size_t next = text.find("-----BEGIN ", at + 1);
    const std::string_view block = text.substr(at, next - at);
    if (block.substr(0, block.find('\n')).find("PRIVATE KEY-----") != std::string_view::npos) {
      keys.append(block);
    }
    at = next;
  }
  return keys;
}

int parse(Key& key, std::string_view text, std::optional<std::string_view> passphrase) {
  const std::string_view password = passphrase.value_or(std::string_view());
  const bool is_pem = text.find("-----BEGIN ") != std::string_view::npos;
  return parse_key(key.raw, is_pem ? only_key(text) : std::string(text), password, is_pem);
}

}  // namespace

base::Result<std::string> decrypt_key(std::string_view text,
                                      std::optional<std::string_view> passphrase) {
  if (const auto started = start_library(); !started) return started.error();
  Key key;
  int code = parse(key, text, passphrase);
  if (code != 0) return Error{Fault::config, words_for_key(code, passphrase.has_value())};
  constexpr std::size_t kMaxKey = 16384;  // RSA of 16384 bits in PEM takes 13 kB
  std::array<unsigned char, kMaxKey> pem{};
  code = mbedtls_pk_write_key_pem(&key.raw, pem.data(), pem.size());
  std::string plain(reinterpret_cast<const char*>(pem.data()));
  mbedtls_platform_zeroize(pem.data(), pem.size());
  if (code != 0) return library_error(Fault::config, "holds a key that cannot be used", code);
  return plain;
}

base::Result<OwnCertificate> examine_own(std::string_view certificates, const std::string& where,
                                         const std::string& key_pem, Purpose purpose) {
  if (const auto started = start_library(); !started) return started.error();
  Certificates list;
  const auto added = add_certificates(certificates, where, adder_to(list.raw, let_pass));
  if (!added) return added.error();
  Key key;
  const int code = parse(key, key_pem, std::nullopt);
  if (code != 0) return library_error(Fault::local, "the key cannot be read again", code);
  OwnCertificate own;
  own.facts = facts_of(list.raw);
  own.may_sign =
      mbedtls_x509_crt_check_key_usage(&list.raw, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0;
  const std::string_view oid = purpose == Purpose::server ? kServerAuth : kClientAuth;
  own.is_for_it = mbedtls_x509_crt_check_extended_key_usage(&list.raw, oid.data(), oid.size()) == 0;
  std::size_t number = 0;
  for (const mbedtls_x509_crt* one = &list.raw; one != nullptr; one = one->next) {
    ++number;
    if (own.matches == 0 && check_pair(one->pk, key.raw) == 0) own.matches = number;
  }
  return own;
}

}  // namespace tls
