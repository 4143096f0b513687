// The peer's chain of certificates under the library's eyes: what it finds and what our own rules
// say, gathered into a verdict while it walks.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tls/mbedtls_certificates.h"
#include "tls/verdict.h"

namespace tls::mbed {

// The certificate that a chain ends in.
enum class Anchor {
  as_it_is,     // is trusted, having been looked at when it was loaded
  like_others,  // must bear what those below it must
  // Is the last one that the peer sent: where the chain goes from there, and whether it leads to
  // anybody who is trusted, somebody outside decides. He may know another way up from any issuer,
  // so that he alone rules on their dates, hashes and purposes.
  judged_outside,
};

class ChainJudge {
 public:
  // `purpose`: as in examine().
  ChainJudge(Verdict verdict, std::string_view purpose, Anchor anchor = Anchor::as_it_is);

  // The library's verification callback, with the judge itself as its context.
  static int on_certificate(void* self, mbedtls_x509_crt* certificate, int depth,
                            std::uint32_t* flags) noexcept;

  // From the top of the verified chain down to the leaf,
  // which is depth 0 and followed by what else the peer sent. `flags` are the library's faults with
  // it: ours are added.
  void look(const mbedtls_x509_crt& certificate, int depth, std::uint32_t& flags);

  // Once the leaf was looked at.
  [[nodiscard]] bool has_seen_leaf() const { return !chain_.empty(); }
  [[nodiscard]] const std::vector<CertificateFacts>& chain() const { return chain_; }
  // Those above the leaf in the chain that the library built, the one nearest to the root first.
  [[nodiscard]] const std::vector<CertificateFacts>& issuers() const { return issuers_; }
  [[nodiscard]] const Verdict& verdict() const { return verdict_; }
  [[nodiscard]] Verdict& verdict() { return verdict_; }

 private:
  [[nodiscard]] Place place_of_issuer(std::uint32_t flags) const;

  Verdict verdict_;
  std::string_view purpose_;
  Anchor anchor_;
  std::vector<CertificateFacts> issuers_;
  std::vector<CertificateFacts> chain_;  // as the peer sent it
  bool is_at_top_ = true;                // the next one to be looked at ends the chain
};

}  // namespace tls::mbed
