// The verdict on a chain of certificates: what the TLS library found about each, our own rules on
// names (identity.h) and name constraints, and words for both. Pure.
//
// The library's findings alone can fail a certificate, and so can our rules: neither overrules the
// other, but for the name, on which ours alone decide (the library takes common names, URIs and
// wildcards for addresses).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tls/identity.h"
#include "tls/name_constraints.h"
#include "tls/tls_engine.h"

namespace tls {

// What the library may find wrong with a certificate.
enum class Finding {
  untrusted,  // no authority that is trusted signed it, nor is it trusted itself
  expired,
  not_yet_valid,
  weak_hash,      // signed with SHA-1 or worse
  weak_key,       // its key, or that of its issuer, is too small
  foreign_key,    // of a kind that is not accepted
  other_purpose,  // its key usages exclude what it is shown for, or the issuing of such
  unknown,        // a finding without a word of its own
};

// One certificate of a chain, as the verdict needs it.
struct Examined {
  CertificateFacts facts;
  PresentedNames names;
  NameConstraints constraints;
  std::vector<Finding> findings;
  std::string extension_fault;  // what extension_fault() says of it (extensions.h)
};

class Verdict {
 public:
  // On a server. `trust_source`: where trust comes from; empty where nothing is trusted, and nobody
  // minds.
  Verdict(ReferenceName reference, std::string asked_name, std::string trust_source);
  // On a client, which may have any name.
  explicit Verdict(std::string trust_source);

  // Certificates of the verified chain, the one nearest to the root first, the leaf last.
  void take_issuer(const Examined& certificate);
  void take_leaf(const Examined& certificate);
  // A leaf whose key is pinned, and that needs nothing else: neither name nor dates nor issuers.
  void take_pinned_leaf(const Examined& certificate);
  // A leaf for which no pin fits.
  void take_unpinned_leaf(const CertificateFacts& certificate);
  // A chain that could not be looked at one by one.
  void take_failure(std::string detail);

  // Empty: nothing stands against it.
  [[nodiscard]] const std::vector<IdentityFault>& faults() const { return faults_; }
  // All faults in one line.
  [[nodiscard]] std::string summary() const;
  // Whether a fault of this rule was noted.
  [[nodiscard]] bool has(IdentityFault::Rule rule) const;

 private:
  void note_findings(const Examined& certificate, bool is_leaf);
  void note_untrusted(const Examined& certificate, bool is_leaf);

  std::optional<ReferenceName> reference_;  // nothing for a client
  std::string asked_name_;
  std::string trust_source_;
  NameConstraints constraints_;
  std::vector<IdentityFault> faults_;
};

// All of them in one line.
[[nodiscard]] std::string summary_of(const std::vector<IdentityFault>& faults);

}  // namespace tls
