#include "tls/verdict.h"

#include <algorithm>
#include <utility>

#include "tls/certificate_text.h"

namespace tls {

namespace {

using Rule = IdentityFault::Rule;

std::string who(bool is_leaf) { return is_leaf ? "certificate" : "issuer's certificate"; }

// Whom it is for, and not for `asked`.
std::string describe_mismatch(const Examined& leaf, const ReferenceName& reference,
                              const std::string& asked) {
  // It would read "is for 127.0.0.1, not for 127.0.0.1".
  if (is_misplaced_address(reference, leaf.names)) {
    return "certificate names " + asked +
           " as a DNS name, not as an IP address, so it is not for that address";
  }
  if (!leaf.names.dns.empty() || !leaf.names.ip.empty()) {
    return "certificate is for " + list_names(leaf.names) + ", not for " + asked;
  }
  const std::string what =
      leaf.names.others.empty()
          ? "it has no subjectAltName"
          : "its subjectAltName holds other kinds of names only: " + list_kinds(leaf.names.others);
  // RFC 9525 6.1: the common name identifies nobody.
  return "certificate names no host (" + what + "; its subject " + leaf.facts.subject +
         " does not count), so it is not for " + asked;
}

// What it is not meant for, with the name of an issuer: the person who asks for a better chain must
// know which of them is meant.
std::string describe_purpose(const Examined& certificate, bool is_leaf, bool is_for_client) {
  const std::string side = is_for_client ? "client" : "server";
  if (is_leaf) return " is not meant for a TLS " + side;
  return " is not meant for TLS " + side + "s (its extended key usage lacks " + side +
         "Auth): " + certificate.facts.subject;
}

}  // namespace

Verdict::Verdict(ReferenceName reference, std::string asked_name, std::string trust_source)
    : reference_(std::move(reference)),
      asked_name_(std::move(asked_name)),
      trust_source_(std::move(trust_source)) {}

Verdict::Verdict(std::string trust_source) : trust_source_(std::move(trust_source)) {}

void Verdict::take_issuer(const Examined& certificate) {
  constraints_.merge(certificate.constraints);
  note_findings(certificate, false);
}

void Verdict::take_leaf(const Examined& certificate) {
  note_findings(certificate, true);
  if (reference_ && !matches(*reference_, certificate.names)) {
    faults_.push_back({Rule::name, true, describe_mismatch(certificate, *reference_, asked_name_)});
  }
  // The name that was asked for as well: "*.example.com" may lie in no excluded subtree while the
  // name it stands for does.
  PresentedNames names = certificate.names;
  if (reference_ && reference_->is_ip()) {
    names.ip.push_back(reference_->ip);
  } else if (reference_) {
    names.dns.push_back(reference_->dns);
  }
  if (!constraints_.is_empty() && !constraints_.permit(names)) {
    faults_.push_back({Rule::other, true,
                       "certificate is for a name that its issuer may not certify (name "
                       "constraints)"});
  }
}

void Verdict::take_pinned_leaf(const Examined& certificate) {
  Examined relevant = certificate;
  relevant.extension_fault.clear();
  note_findings(relevant, true);
}

// The line to write down, for whoever knows that the peer is the right one with a new key.
void Verdict::take_unpinned_leaf(const CertificateFacts& certificate) {
  faults_.push_back(
      {Rule::pin, true,
       "certificate has another key than those that are pinned: its own is " + certificate.pin});
}

void Verdict::take_failure(std::string detail) {
  faults_.push_back({Rule::other, true, std::move(detail)});
}

std::string summary_of(const std::vector<IdentityFault>& faults) {
  std::string text;
  for (const IdentityFault& fault : faults) {
    text.append(text.empty() ? "" : "; ").append(fault.detail);
  }
  return text.empty() ? "certificate was not verified" : text;
}

std::string Verdict::summary() const { return summary_of(faults_); }

bool Verdict::has(IdentityFault::Rule rule) const {
  return std::any_of(faults_.begin(), faults_.end(),
                     [&](const IdentityFault& fault) { return fault.rule == rule; });
}

void Verdict::note_untrusted(const Examined& certificate, bool is_leaf) {
  if (trust_source_.empty()) return;
  const CertificateFacts& facts = certificate.facts;
  std::string detail = who(is_leaf);
  if (facts.subject == facts.issuer) {
    detail += " is self-signed and not in the " + trust_source_;
  } else {
    detail +=
        " is issued by an authority that is not in the " + trust_source_ + ": " + facts.issuer;
  }
  faults_.push_back({Rule::trust, is_leaf, std::move(detail)});
}

void Verdict::note_findings(const Examined& certificate, bool is_leaf) {
  const auto note = [&](Rule rule, const std::string& what) {
    faults_.push_back({rule, is_leaf, who(is_leaf) + what});
  };
  for (const Finding finding : certificate.findings) {
    switch (finding) {
      case Finding::untrusted: note_untrusted(certificate, is_leaf); break;
      case Finding::expired:
        note(Rule::validity, " expired on " + day_of(certificate.facts.not_after));
        break;
      case Finding::not_yet_valid:
        note(Rule::validity, " is not valid before " + day_of(certificate.facts.not_before));
        break;
      case Finding::weak_hash:
        note(Rule::other, " is signed with a hash that is no longer safe (SHA-1 or worse)");
        break;
      case Finding::weak_key:
        note(Rule::other,
             " or its issuer's has too small a key (its own: " + certificate.facts.key + ")");
        break;
      case Finding::foreign_key:
        note(Rule::other, " has a kind of key or signature that is not accepted (" +
                              certificate.facts.key + ")");
        break;
      case Finding::other_purpose:
        note(Rule::other, describe_purpose(certificate, is_leaf, !reference_));
        break;
      case Finding::unknown: note(Rule::other, " was not accepted by the TLS library"); break;
    }
  }
  if (!certificate.extension_fault.empty()) {
    note(Rule::other, " " + certificate.extension_fault +
                          (is_leaf ? "" : " (" + certificate.facts.subject + ")"));
  }
}

}  // namespace tls
