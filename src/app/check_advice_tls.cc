// What to do about a certificate: the part of check_advice.h that is about trust, names and dates.
#include <algorithm>

#include "app/check_advice.h"
#include "app/check_clock.h"
#include "app/format.h"

namespace app {

namespace {

// Whether the certificate is valid at the time that the smarthost tells, or no certificate can be.
bool is_clock_to_blame(const ClockEvidence& evidence, const tls::CertificateFacts& certificate) {
  if (evidence.kind == ClockEvidence::Kind::too_early) return true;
  return evidence.kind == ClockEvidence::Kind::differs &&
         *evidence.theirs >= certificate.not_before && *evidence.theirs <= certificate.not_after;
}

std::string blame_clock(const CheckFindings& findings, const ClockEvidence& evidence) {
  const std::string own = "This machine's clock is wrong: it says " + format_day(findings.now);
  if (evidence.kind == ClockEvidence::Kind::too_early) {
    return own + ", when smtpseal was not made yet. " + advise_on_clock();
  }
  return own + ", the smarthost's greeting says " + format_day(*evidence.theirs) +
         ", and on that day the certificate is valid. " + advise_on_clock();
}

}  // namespace

std::string advise_on_own_certificate(const config::Smarthost& smarthost,
                                      const base::Error& error) {
  const auto has_alert = [&](std::string_view name) {
    return error.detail.find("alert " + std::string(name)) != std::string::npos;
  };
  const std::string& own = smarthost.client_identity.certificate;
  if (own.empty()) {
    // 116, and what servers of TLS 1.2 and before say in its place (41, 42).
    const bool is_wanted = has_alert("certificate_required") || has_alert("no_certificate") ||
                           has_alert("bad_certificate");
    if (!is_wanted) return {};
    return "The smarthost wants to see a certificate of this machine. Ask its administrator for "
           "one, and set " +
           advise_setting(smarthost, "client_certificate", "FILE") + ", and client_key likewise.";
  }
  for (const std::string_view name :
       {"bad_certificate", "unsupported_certificate", "certificate_revoked", "certificate_expired",
        "certificate_unknown", "unknown_ca", "access_denied", "certificate_required"}) {
    if (!has_alert(name)) continue;
    return "The smarthost does not accept our certificate, " + own +
           ". Its administrator can see in its log why; it must trust the authority that issued "
           "the certificate.";
  }
  return {};
}

std::string advise_on_wanted_certificate(const config::Smarthost& smarthost,
                                         const base::Error& error) {
  // TLS 1.2 has no alert of its own for that.
  const bool may_be_wanted = smarthost.client_identity.is_empty() &&
                             error.detail.find("alert handshake_failure") != std::string::npos;
  if (!may_be_wanted) return {};
  return " If it wants to see a certificate of this machine, set " +
         advise_setting(smarthost, "client_certificate", "FILE") + ", and client_key likewise.";
}

std::string advise_on_trust(const CheckFindings& findings) {
  const auto& info = findings.conversation.handshake->info;
  const tls::ClientOptions& options = findings.smarthost.tls;
  const std::string set_file = "set " + advise_setting(findings.smarthost, "ca_file", "FILE") + ".";
  const std::string own_file =
      "get the authority's certificate from the smarthost's administrator and " + set_file;
  const bool is_self_signed =
      !info.chain.empty() && info.chain.front().subject == info.chain.front().issuer;
  const bool has_own_trust = !options.ca_files.empty() || !options.ca_dirs.empty();
  if (has_own_trust) {
    const std::string own_trust =
        "ca_file and ca_dir stand in for the system's trust store. If the smarthost has a "
        "certificate of a public authority, leave them out; else put its authority's certificate "
        "there.";
    if (is_self_signed || info.chain.size() != 1) return own_trust;
    return own_trust +
           " Or the smarthost forgets those between its own and its authority's: its "
           "administrator must install the full chain.";
  }
  if (is_self_signed) {
    return "The certificate vouches for itself. If that is meant to be so, get it from the "
           "smarthost's administrator by a way you trust and " +
           set_file +
           " Or have the administrator confirm the pin printed above, and set tls = pin and that "
           "pin.";
  }
  if (info.chain.size() == 1) {
    return "The smarthost sent only its own certificate. Either it forgets those between it and "
           "its authority (its administrator must install the full chain), or the authority is a "
           "private one: " +
           own_file;
  }
  return "If the authority is a private one, " + own_file;
}

std::string advise_on_pin(const config::Smarthost& smarthost) {
  return "The smarthost's key was changed, or somebody else answers in its place: mail is held "
         "back "
         "until that is known. Ask its administrator by a way you trust; if the new key is right, "
         "add the pin printed above: " +
         advise_setting(smarthost, "pin", "OLD, NEW") + ".";
}

std::string advise_on_name(const config::Smarthost& smarthost, const tls::CertificateFacts& leaf) {
  if (leaf.names.empty()) {
    return "The certificate names no host in its subjectAltName, the only place where names count. "
           "Its administrator must renew it.";
  }
  const auto usable = std::find_if(leaf.names.begin(), leaf.names.end(), [](const auto& name) {
    return name.find('*') == std::string::npos;
  });
  const std::string& host = smarthost.hosts.front();
  if (usable == leaf.names.end()) {
    return "Use a host name that " + leaf.names.front() + " covers, if " + host +
           " has one; its administrator knows.";
  }
  return "If " + *usable + " is the same server, set host = " + *usable + " (or --smarthost " +
         *usable + "). To go on connecting to " + host + ", set " +
         advise_setting(smarthost, "verify_name", *usable) + ".";
}

std::string advise_on_expired(const CheckFindings& findings,
                              const tls::CertificateFacts& certificate) {
  const ClockEvidence evidence = judge_clock(findings);
  if (is_clock_to_blame(evidence, certificate)) return blame_clock(findings, evidence);
  if (evidence.kind == ClockEvidence::Kind::confirmed) {
    return "The smarthost's administrator must renew it. This machine's clock is right: the "
           "smarthost's greeting gives the same time.";
  }
  return "The smarthost's administrator must renew it, unless this machine's clock is wrong: it "
         "says " +
         format_day(findings.now) + ".";
}

std::string advise_on_not_yet_valid(const CheckFindings& findings,
                                    const tls::CertificateFacts& certificate) {
  const ClockEvidence evidence = judge_clock(findings);
  if (is_clock_to_blame(evidence, certificate)) return blame_clock(findings, evidence);
  if (evidence.kind == ClockEvidence::Kind::confirmed) {
    return "The smarthost's administrator put it in too early. This machine's clock is right: the "
           "smarthost's greeting gives the same time.";
  }
  return "This machine's clock says " + format_day(findings.now) +
         ": set it right. If it is, the smarthost's administrator put the certificate in too "
         "early.";
}

std::string advise_on_clock() {
  return "Set this machine's clock and have it kept right (NTP): certificates are judged by it.";
}

std::string advise_on_expiry(base::WallTime not_after) {
  return "After " + format_day(not_after) +
         " mail is put off until it is renewed. Remind the smarthost's administrator.";
}

}  // namespace app
