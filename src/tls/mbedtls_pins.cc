// See mbedtls_pins.h.
#include "tls/mbedtls_pins.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "tls/extensions.h"
#include "tls/mbedtls_chain.h"

namespace tls::mbed {

namespace {

constexpr std::string_view kPinnedAuthorities = "list of pinned authorities";

// The library's faults with the peer's key as such: no chain of its own is looked at.
std::uint32_t flags_of_key(const mbedtls_x509_crt& certificate) {
  // As the profile of configure() has them for chains.
  constexpr std::size_t kLeastRsa = 2048;
  constexpr std::size_t kLeastCurve = 256;
  const std::size_t bits = mbedtls_pk_get_bitlen(&certificate.pk);
  if (mbedtls_pk_can_do(&certificate.pk, MBEDTLS_PK_RSA) != 0) {
    return bits < kLeastRsa ? MBEDTLS_X509_BADCERT_BAD_KEY : 0;
  }
  if (mbedtls_pk_can_do(&certificate.pk, MBEDTLS_PK_ECDSA) != 0) {
    return bits < kLeastCurve ? MBEDTLS_X509_BADCERT_BAD_KEY : 0;
  }
  return MBEDTLS_X509_BADCERT_BAD_PK;
}

// Copies the authorities whose keys are pinned out of what was sent. Being sent proves nothing:
// they are only what a chain may end in.
base::Result<std::string> gather_pinned(const mbedtls_x509_crt* sent, const ClientOptions& options,
                                        mbedtls_x509_crt& pinned) {
  std::string source;
  const AddCertificate add = adder_to(pinned, let_pass);
  for (; sent != nullptr; sent = sent->next) {
    const CertificateFacts facts = facts_of(*sent);
    // Old certificates say nothing, and the library would take one at the top for an authority.
    const bool is_authority = mbedtls_x509_crt_get_ca_istrue(sent) == 1;
    if (!is_authority || !is_pinned(facts, options.pins)) continue;
    if (const auto why = add(view_of(sent->raw))) {
      return base::Error{base::Fault::tls, "issuer's certificate cannot be read: " + *why};
    }
    source = "pin " + facts.pin + " of its issuer " + facts.subject;
  }
  return source;
}

PinVerdict judge_chain(mbedtls_x509_crt& leaf, mbedtls_x509_crt& pinned,
                       const ClientOptions& options, const ReferenceName& reference) {
  ChainJudge judge(Verdict(reference, options.verify_name, std::string(kPinnedAuthorities)),
                   kServerAuth, Anchor::like_others);
  std::uint32_t flags = 0;
  const int code =
      mbedtls_x509_crt_verify_with_profile(&leaf, &pinned, nullptr, &certificate_profile(), nullptr,
                                           &flags, ChainJudge::on_certificate, &judge);
  PinVerdict verdict{{}, true, judge.verdict().faults()};
  if (code != 0 && verdict.faults.empty()) {
    verdict.faults.push_back({IdentityFault::Rule::other, true,
                              "certificate chain cannot be verified: " + words_of(code)});
  }
  return verdict;
}

}  // namespace

bool is_pinned(const CertificateFacts& certificate, const std::vector<std::string>& pins) {
  // An empty one could not be made.
  return !certificate.pin.empty() &&
         std::find(pins.begin(), pins.end(), certificate.pin) != pins.end();
}

PinVerdict judge_by_pins(mbedtls_x509_crt& leaf, const ClientOptions& options,
                         const ReferenceName& reference) {
  const CertificateFacts own = facts_of(leaf);
  Verdict verdict(reference, options.verify_name, std::string(kPinnedAuthorities));
  if (is_pinned(own, options.pins)) {
    verdict.take_pinned_leaf(examine(leaf, flags_of_key(leaf), Place::leaf, kServerAuth));
    return {"pin " + own.pin, false, verdict.faults()};
  }
  Certificates pinned;
  const auto source = gather_pinned(leaf.next, options, pinned.raw);
  if (!source) {
    verdict.take_failure(source.error().detail);
    return {{}, false, verdict.faults()};
  }
  if (source->empty()) {
    verdict.take_unpinned_leaf(own);
    return {{}, false, verdict.faults()};
  }
  PinVerdict judged = judge_chain(leaf, pinned.raw, options, reference);
  judged.source = *source;
  return judged;
}

}  // namespace tls::mbed
