// Certificates as mbedTLS holds them: read into lists, described in facts, and examined for the
// verdict.
#pragma once

#include <cstdint>
#include <vector>

#include <mbedtls/x509_crt.h>

#include "tls/mbedtls_library.h"
#include "tls/trust_store.h"
#include "tls/verdict.h"

namespace tls::mbed {

[[nodiscard]] CertificateFacts facts_of(const mbedtls_x509_crt& certificate);
// Of this certificate and those that follow it.
[[nodiscard]] std::vector<CertificateFacts> facts_of_all(const mbedtls_x509_crt* chain);

// Where in a verified chain a certificate stands. One that is judged outside is an issuer's whose
// purpose is not our affair (Anchor::judged_outside).
enum class Place { anchor, between, judged_outside, leaf };

// `flags`: the library's faults with it.
// `purpose`: what the leaf is shown for, kServerAuth or kClientAuth.
[[nodiscard]] Examined examine(const mbedtls_x509_crt& certificate, std::uint32_t flags,
                               Place place, std::string_view purpose);

// Whether the library could not make out a certificate that the peer sent.
[[nodiscard]] bool is_unreadable_certificate(int code);

// What is done about an extension that the library does not know, where certificates are read.
using OnExtension = mbedtls_x509_crt_ext_cb_t;
// Lets an authority have the critical extensions that mbedTLS does not know and we do.
int on_unknown_extension(void*, const mbedtls_x509_crt*, const mbedtls_x509_buf* oid, int,
                         const unsigned char* value, const unsigned char* end) noexcept;
// Certificates that others judge, or that are judged elsewhere.
int let_pass(void*, const mbedtls_x509_crt*, const mbedtls_x509_buf*, int, const unsigned char*,
             const unsigned char*) noexcept;

// Adds to `list`, which must outlive it.
[[nodiscard]] AddCertificate adder_to(mbedtls_x509_crt& list, OnExtension on_extension);

}  // namespace tls::mbed
