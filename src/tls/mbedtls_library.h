// mbedTLS, as smtpseal uses it: the library's language in ours, what its versions differ in, and
// what is offered and accepted in every handshake. Only the files called mbedtls_* know the
// library; everything that can be said without it is said elsewhere: which chain is good and why
// not in verdict, names in identity, files in trust_store.
//
// Written against 3.6 LTS with what 4.x kept. The library never sees a socket: it reads from one
// queue and writes to another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>

#include "base/result.h"
#include "tls/tls_engine.h"

static_assert(MBEDTLS_VERSION_NUMBER >= 0x03060700 && MBEDTLS_VERSION_NUMBER != 0x04010000,
              "3.6.6 and 4.1.0 cannot talk to TLS 1.2 servers that sign with RSA-PSS");

namespace tls::mbed {

// --- the library's language and ours ---

[[nodiscard]] std::string words_of(int code);
[[nodiscard]] base::Error library_error(base::Fault fault, std::string_view what, int code);
[[nodiscard]] base::Error psa_error(std::string_view what, psa_status_t status);

[[nodiscard]] inline std::string_view view_of(const mbedtls_x509_buf& buffer) {
  if (buffer.p == nullptr) return {};
  return {reinterpret_cast<const char*>(buffer.p), buffer.len};
}

[[nodiscard]] inline const unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// One of the library's structures, freed in the end.
template <typename T, void (*init)(T*), void (*release)(T*)>
struct Owned {
  T raw{};

  Owned() { init(&raw); }
  ~Owned() { release(&raw); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
};
using SslConfig = Owned<mbedtls_ssl_config, mbedtls_ssl_config_init, mbedtls_ssl_config_free>;
using Certificates = Owned<mbedtls_x509_crt, mbedtls_x509_crt_init, mbedtls_x509_crt_free>;
using Key = Owned<mbedtls_pk_context, mbedtls_pk_init, mbedtls_pk_free>;
using TicketKeys =
    Owned<mbedtls_ssl_ticket_context, mbedtls_ssl_ticket_init, mbedtls_ssl_ticket_free>;
using Session = Owned<mbedtls_ssl_session, mbedtls_ssl_session_init, mbedtls_ssl_session_free>;

// --- what differs between 3.6 and 4.x ---

void use_random(mbedtls_ssl_config& config);
// A private key in PEM, or in DER; `passphrase` may be empty.
[[nodiscard]] int parse_key(mbedtls_pk_context& key, const std::string& text,
                            std::string_view passphrase = {}, bool is_pem = true);
// 0 when both are halves of one pair.
[[nodiscard]] int check_pair(const mbedtls_pk_context& with_public,
                             const mbedtls_pk_context& with_private);
// In DER at the end of the buffer; returns its size.
[[nodiscard]] int write_certificate(mbedtls_x509write_cert& certificate, unsigned char* buffer,
                                    std::size_t size);
[[nodiscard]] int set_up_tickets(mbedtls_ssl_ticket_context& tickets, std::uint32_t seconds);
// The fatal alert that was just received.
[[nodiscard]] int received_alert(const mbedtls_ssl_context& ssl);

// The alert that stands in the record which could not be decrypted: clients that do not like a
// server's certificate say so before they have keys of their own (OpenSSL's, and this library's).
[[nodiscard]] std::optional<int> plaintext_alert(const mbedtls_ssl_context& ssl);

// Whether the peer, which speaks TLS 1.2, was refused because it does not know RFC 5746.
[[nodiscard]] bool lacks_secure_renegotiation(const mbedtls_ssl_context& ssl);

// --- what everything begins with ---

// Once a process, before anything else of the library and for all threads: everything of TLS 1.3
// goes through PSA, whose keys and random numbers have locks of their own; what the library makes
// once without a lock is made here (seeding makes the tables of AES, and finds out about the CPU).
[[nodiscard]] base::Result<void> start_library();

[[nodiscard]] mbedtls_ssl_protocol_version version_number(Version version);

// RSA of 2048 bits and more, curves of 256 and more, SHA-256 and more.
[[nodiscard]] const mbedtls_x509_crt_profile& certificate_profile();

// Versions, cipher suites, groups, signatures and the least of keys, for either side.
[[nodiscard]] base::Result<void> configure(mbedtls_ssl_config& config, int endpoint, Version least);

}  // namespace tls::mbed
