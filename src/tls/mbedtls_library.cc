// See mbedtls_library.h.
#include "tls/mbedtls_library.h"

#include <array>

#include <mbedtls/error.h>
#include <mbedtls/psa_util.h>

#include "tls/cpu.h"

namespace tls::mbed {

using base::Error;
using base::Fault;

// --- what differs between 3.6 and 4.x ---

namespace {

// The library tells an empty passphrase from none.
const unsigned char* passphrase_of(std::string_view text) {
  return text.empty() ? nullptr : octets_of(text);
}

}  // namespace

#if MBEDTLS_VERSION_MAJOR < 4
void use_random(mbedtls_ssl_config& config) {
  mbedtls_ssl_conf_rng(&config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
}
int parse_key(mbedtls_pk_context& key, const std::string& text, std::string_view passphrase,
              bool is_pem) {
  return mbedtls_pk_parse_key(&key, reinterpret_cast<const unsigned char*>(text.c_str()),
                              text.size() + (is_pem ? 1 : 0), passphrase_of(passphrase),
                              passphrase.size(), mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
}
int check_pair(const mbedtls_pk_context& with_public, const mbedtls_pk_context& with_private) {
  return mbedtls_pk_check_pair(&with_public, &with_private, mbedtls_psa_get_random,
                               MBEDTLS_PSA_RANDOM_STATE);
}
int write_certificate(mbedtls_x509write_cert& certificate, unsigned char* buffer,
                      std::size_t size) {
  return mbedtls_x509write_crt_der(&certificate, buffer, size, mbedtls_psa_get_random,
                                   MBEDTLS_PSA_RANDOM_STATE);
}
int set_up_tickets(mbedtls_ssl_ticket_context& tickets, std::uint32_t seconds) {
  return mbedtls_ssl_ticket_setup(&tickets, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE,
                                  MBEDTLS_CIPHER_AES_256_GCM, seconds);
}
// 3.6 has no function for it.
int received_alert(const mbedtls_ssl_context& ssl) { return ssl.MBEDTLS_PRIVATE(in_msg)[1]; }
#else
void use_random(mbedtls_ssl_config&) {}
int parse_key(mbedtls_pk_context& key, const std::string& text, std::string_view passphrase,
              bool is_pem) {
  return mbedtls_pk_parse_key(&key, reinterpret_cast<const unsigned char*>(text.c_str()),
                              text.size() + (is_pem ? 1 : 0), passphrase_of(passphrase),
                              passphrase.size());
}
int check_pair(const mbedtls_pk_context& with_public, const mbedtls_pk_context& with_private) {
  return mbedtls_pk_check_pair(&with_public, &with_private);
}
int write_certificate(mbedtls_x509write_cert& certificate, unsigned char* buffer,
                      std::size_t size) {
  return mbedtls_x509write_crt_der(&certificate, buffer, size);
}
int set_up_tickets(mbedtls_ssl_ticket_context& tickets, std::uint32_t seconds) {
  constexpr psa_key_bits_t kKeyBits = 256;
  return mbedtls_ssl_ticket_setup(&tickets, PSA_ALG_GCM, PSA_KEY_TYPE_AES, kKeyBits, seconds);
}
int received_alert(const mbedtls_ssl_context& ssl) { return mbedtls_ssl_get_fatal_alert(&ssl); }
#endif

std::optional<int> plaintext_alert(const mbedtls_ssl_context& ssl) {
  // RFC 8446 5.1, 6: type alert, a version, two octets, level and description.
  const unsigned char* const record = ssl.MBEDTLS_PRIVATE(in_hdr);
  const bool is_it = record[0] == MBEDTLS_SSL_MSG_ALERT && record[3] == 0 && record[4] == 2;
  return is_it ? std::optional<int>(record[6]) : std::nullopt;
}

bool lacks_secure_renegotiation(const mbedtls_ssl_context& ssl) {
  return mbedtls_ssl_get_version_number(&ssl) == MBEDTLS_SSL_VERSION_TLS1_2 &&
         ssl.MBEDTLS_PRIVATE(secure_renegotiation) != MBEDTLS_SSL_SECURE_RENEGOTIATION;
}

// --- the library's language and ours ---

std::string words_of(int code) {
  std::array<char, 160> text{};
  mbedtls_strerror(code, text.data(), text.size());
  return text.data();
}

Error library_error(Fault fault, std::string_view what, int code) {
  return {fault, std::string(what) + ": " + words_of(code)};
}

Error psa_error(std::string_view what, psa_status_t status) {
  return {Fault::local, std::string(what) + ": PSA status " + std::to_string(status)};
}

namespace {

// Lists that are made when they are first asked for, without a lock.
void make_lists() {
  static_cast<void>(mbedtls_ssl_list_ciphersuites());
#if MBEDTLS_VERSION_MAJOR < 4
  static_cast<void>(mbedtls_ecp_grp_id_list());
#endif
}

}  // namespace

base::Result<void> start_library() {
  static const psa_status_t kStatus = [] {
    make_lists();
    return psa_crypto_init();
  }();
  if (kStatus == PSA_SUCCESS) return {};
  return psa_error("cannot start the TLS library", kStatus);
}

namespace {

// --- what is offered and accepted ---

// AEAD and forward secrecy only (RFC 9325 4.2), what the CPU does fastest first.
const int* cipher_suites() {
  using Suites = std::array<int, 10>;
  static constexpr Suites kAesFirst = {MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                                       MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                                       MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
                                       MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                       MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                       MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                       MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                                       MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                       MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                                       0};
  static constexpr Suites kChaChaFirst = {MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
                                          MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                                          MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                          MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                          MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                          MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                                          0};
  return has_aes_instructions() ? kAesFirst.data() : kChaChaFirst.data();
}

// X25519 costs a third of P-256 here. P-384 is for peers without either; P-521 for TLS 1.2 servers
// whose certificate has such a key: they are told so by this list, too (RFC 8422 5.1).
constexpr std::array<std::uint16_t, 5> kGroups = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE};

constexpr std::array<std::uint16_t, 10> kSignatures = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,       MBEDTLS_TLS1_3_SIG_NONE};

}  // namespace

mbedtls_ssl_protocol_version version_number(Version version) {
  return version == Version::tls13 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2;
}

const mbedtls_x509_crt_profile& certificate_profile() { return mbedtls_x509_crt_profile_next; }

base::Result<void> configure(mbedtls_ssl_config& config, int endpoint, Version least) {
  const int code = mbedtls_ssl_config_defaults(&config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                               MBEDTLS_SSL_PRESET_DEFAULT);
  if (code != 0) return library_error(Fault::local, "cannot configure TLS", code);
  use_random(config);
  mbedtls_ssl_conf_min_tls_version(&config, version_number(least));
  mbedtls_ssl_conf_ciphersuites(&config, cipher_suites());
  mbedtls_ssl_conf_groups(&config, kGroups.data());
  mbedtls_ssl_conf_sig_algs(&config, kSignatures.data());
  // A ticket is used with a fresh key exchange: without one, nothing that it protects stays secret
  // once its key is known (RFC 8446 2.2, psk_ke).
  mbedtls_ssl_conf_tls13_key_exchange_modes(&config,
                                            MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL |
                                                MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
  mbedtls_ssl_conf_cert_profile(&config, &certificate_profile());
  return {};
}

}  // namespace tls::mbed

namespace tls {

std::string library_version() {
  std::array<char, 18> text{};
  mbedtls_version_get_string_full(text.data());
  return text.data();
}

}  // namespace tls
