// See mbedtls_certificates.h.
#include "tls/mbedtls_certificates.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "tls/certificate_text.h"
#include "tls/extensions.h"
#include "tls/identity.h"
#include "tls/name_constraints.h"

namespace tls::mbed {

namespace {

std::string distinguished_name(const mbedtls_x509_name& name) {
  std::array<char, 1024> text{};
  if (mbedtls_x509_dn_gets(text.data(), text.size(), &name) < 0) return "(unreadable name)";
  return base::printable(text.data());
}

base::WallTime wall_time(const mbedtls_x509_time& time) {
  return to_wall_time({time.year, static_cast<unsigned>(time.mon), static_cast<unsigned>(time.day),
                       time.hour, time.min, time.sec});
}

PresentedNames presented_names(const mbedtls_x509_crt& certificate) {
  PresentedNames names;
  const mbedtls_x509_sequence* entry = &certificate.subject_alt_names;
  for (; entry != nullptr && entry->buf.p != nullptr; entry = entry->next) {
    const std::string_view octets = view_of(entry->buf);
    if (entry->buf.tag == kDnsNameTag) {
      names.dns.emplace_back(octets);
    } else if (entry->buf.tag == kIpAddressTag) {
      names.ip.emplace_back(octets.begin(), octets.end());
    } else {
      names.others.push_back(static_cast<unsigned char>(entry->buf.tag));
    }
  }
  return names;
}

std::string pin_of(const mbedtls_x509_crt& certificate) {
  std::array<std::uint8_t, 32> digest{};
  std::size_t length = 0;
  const psa_status_t status =
      psa_hash_compute(PSA_ALG_SHA_256, certificate.pk_raw.p, certificate.pk_raw.len, digest.data(),
                       digest.size(), &length);
  return status == PSA_SUCCESS ? format_pin(digest) : std::string();
}

// mbedTLS does not know the extension.
NameConstraints constraints_of(const mbedtls_x509_crt& certificate) {
  const auto extension = find_extension(view_of(certificate.v3_ext), kNameConstraints);
  if (!extension) return {};
  return parse_name_constraints(extension->value, extension->is_critical);
}

// Whether its key usages, where it has any, let it stand there in the chain of a TLS server. The
// extended ones of an authority bind all that it issues; the anchor is trusted as it is. Whether an
// authority may sign certificates the library looks at itself.
bool serves(const mbedtls_x509_crt& certificate, Place place, std::string_view purpose) {
  if (place == Place::anchor || place == Place::judged_outside) return true;
  const bool may_sign =
      place != Place::leaf ||
      mbedtls_x509_crt_check_key_usage(&certificate, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0;
  return may_sign && mbedtls_x509_crt_check_extended_key_usage(&certificate, purpose.data(),
                                                               purpose.size()) == 0;
}

std::vector<Finding> findings_of(std::uint32_t flags) {
  struct Meaning {
    std::uint32_t flags;
    Finding finding;
  };
  constexpr std::array<Meaning, 7> kMeanings = {{
      {MBEDTLS_X509_BADCERT_NOT_TRUSTED, Finding::untrusted},
      {MBEDTLS_X509_BADCERT_EXPIRED, Finding::expired},
      {MBEDTLS_X509_BADCERT_FUTURE, Finding::not_yet_valid},
      {MBEDTLS_X509_BADCERT_BAD_MD, Finding::weak_hash},
      {MBEDTLS_X509_BADCERT_BAD_KEY, Finding::weak_key},
      {MBEDTLS_X509_BADCERT_BAD_PK, Finding::foreign_key},
      {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
           MBEDTLS_X509_BADCERT_NS_CERT_TYPE,
       Finding::other_purpose},
  }};
  std::vector<Finding> findings;
  for (const Meaning& meaning : kMeanings) {
    if ((flags & meaning.flags) != 0) findings.push_back(meaning.finding);
    flags &= ~meaning.flags;
  }
  if (flags != 0) findings.push_back(Finding::unknown);
  return findings;
}

}  // namespace

CertificateFacts facts_of(const mbedtls_x509_crt& certificate) {
  CertificateFacts facts;
  facts.subject = distinguished_name(certificate.subject);
  facts.issuer = distinguished_name(certificate.issuer);
  facts.not_before = wall_time(certificate.valid_from);
  facts.not_after = wall_time(certificate.valid_to);
  facts.key = describe_key(view_of(certificate.pk_raw));
  facts.pin = pin_of(certificate);
  facts.names = describe_names(presented_names(certificate));
  return facts;
}

std::vector<CertificateFacts> facts_of_all(const mbedtls_x509_crt* chain) {
  std::vector<CertificateFacts> facts;
  for (; chain != nullptr; chain = chain->next) facts.push_back(facts_of(*chain));
  return facts;
}

bool is_unreadable_certificate(int code) {
  const int kind = -(-code & 0xff80);  // without what the layer below adds
  return kind <= MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE && kind >= MBEDTLS_ERR_X509_SIG_MISMATCH;
}

Examined examine(const mbedtls_x509_crt& certificate, std::uint32_t flags, Place place,
                 std::string_view purpose) {
  Examined examined{facts_of(certificate),
                    presented_names(certificate),
                    constraints_of(certificate),
                    findings_of(flags),
                    {}};
  const bool is_told = (flags & MBEDTLS_X509_BADCERT_EXT_KEY_USAGE) != 0;
  if (!is_told && !serves(certificate, place, purpose)) {
    examined.findings.push_back(Finding::other_purpose);
  }
  // The handshake lets all extensions pass (smtpseal_peer_certificate.c); an anchor's were looked
  // at when it was loaded.
  if (place != Place::anchor) {
    examined.extension_fault = extension_fault(view_of(certificate.v3_ext));
  }
  return examined;
}

int on_unknown_extension(void*, const mbedtls_x509_crt*, const mbedtls_x509_buf* oid, int,
                         const unsigned char* value, const unsigned char* end) noexcept {
  const std::string_view der(reinterpret_cast<const char*>(value),
                             static_cast<std::size_t>(end - value));
  const std::string_view id = view_of(*oid);
  const bool is_heeded =
      is_understood(id) && (id != kNameConstraints || !parse_name_constraints(der).is_malformed);
  return is_heeded ? 0 : MBEDTLS_ERR_X509_INVALID_EXTENSIONS;
}

int let_pass(void*, const mbedtls_x509_crt*, const mbedtls_x509_buf*, int, const unsigned char*,
             const unsigned char*) noexcept {
  return 0;
}

AddCertificate adder_to(mbedtls_x509_crt& list, OnExtension on_extension) {
  return [&list, on_extension](std::string_view der) -> std::optional<std::string> {
    const int code = mbedtls_x509_crt_parse_der_with_ext_cb(&list, octets_of(der), der.size(), 1,
                                                            on_extension, nullptr);
    return code == 0 ? std::nullopt : std::optional<std::string>(words_of(code));
  };
}

}  // namespace tls::mbed
