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

namespace {

// What the judge of the whole chain rules on, where there is one.
constexpr std::uint32_t kOfIssuers = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE |
                                     MBEDTLS_X509_BADCERT_BAD_MD |
                                     MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;

}  // namespace

Place ChainJudge::place_of_issuer(std::uint32_t flags) const {
  if (anchor_ == Anchor::judged_outside) return Place::judged_outside;
  const bool is_anchor =
      anchor_ == Anchor::as_it_is && is_at_top_ && (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) == 0;
  return is_anchor ? Place::anchor : Place::between;
}

void ChainJudge::look(const mbedtls_x509_crt& certificate, int depth, std::uint32_t& flags) {
  // Ours alone decides on the name.
  flags &= ~static_cast<std::uint32_t>(MBEDTLS_X509_BADCERT_CN_MISMATCH);
  if (anchor_ == Anchor::judged_outside) {
    // At the top alone: further down the same flag says that the issuer did not sign it.
    if (is_at_top_) flags &= ~std::uint32_t{MBEDTLS_X509_BADCERT_NOT_TRUSTED};
    if (depth > 0) flags &= ~kOfIssuers;
  }
  const std::size_t faults_before = verdict_.faults().size();
  if (depth > 0) {
    const Examined examined = examine(certificate, flags, place_of_issuer(flags), purpose_);
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
