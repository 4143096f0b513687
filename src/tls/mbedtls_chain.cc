// See mbedtls_chain.h.
#include "tls/mbedtls_chain.h"

#include <cstddef>
#include <utility>

namespace tls::mbed {

ChainJudge::ChainJudge(Verdict verdict, std::string_view purpose, Anchor anchor)
    : verdict_(std::move(verdict)), purpose_(purpose), anchor_(anchor) {}

int ChainJudge::on_certificate(void* self, mbedtls_x509_crt* certificate, int depth,
                               std::uint32_t* flags) noexcept {
  static_cast<ChainJudge*>(self)->look(*certificate, depth, *flags);
  return 0;
}

void ChainJudge::look(const mbedtls_x509_crt& certificate, int depth, std::uint32_t& flags) {
  // Ours alone decides on the name.
  flags &= ~static_cast<std::uint32_t>(MBEDTLS_X509_BADCERT_CN_MISMATCH);
  const std::size_t faults_before = verdict_.faults().size();
  if (depth > 0) {
    const bool is_anchor = anchor_ == Anchor::as_it_is && is_at_top_ &&
                           (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) == 0;
    const Place place = is_anchor ? Place::anchor : Place::between;
    const Examined examined = examine(certificate, flags, place, purpose_);
    issuers_.push_back(examined.facts);
    verdict_.take_issuer(examined);
  } else {
    chain_ = facts_of_all(&certificate);
    verdict_.take_leaf(examine(certificate, flags, Place::leaf, purpose_));
  }
  is_at_top_ = false;
  if (verdict_.faults().size() == faults_before || flags != 0) return;
  flags |= verdict_.has(IdentityFault::Rule::name) ? MBEDTLS_X509_BADCERT_CN_MISMATCH
                                                   : MBEDTLS_X509_BADCERT_OTHER;
}

}  // namespace tls::mbed
