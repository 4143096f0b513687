// The certificates of check_steps.h: the chain one by one, who verified it or by which rule it
// failed, and whether it is the smarthost's.
#include <algorithm>
#include <utility>

#include "app/check_advice.h"
#include "app/check_steps.h"
#include "app/format.h"

namespace app {

namespace {

using Rule = tls::IdentityFault::Rule;

// Names shown of a certificate that has many.
constexpr std::size_t kShownNames = 6;

std::string describe_names(const std::vector<std::string>& names) {
  if (names.empty()) return "no name";
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShownNames); ++i) {
    text.append(text.empty() ? "" : ", ").append(names[i]);
  }
  if (names.size() > kShownNames) {
    text += " and " + std::to_string(names.size() - kShownNames) + " more";
  }
  return text;
}

std::string describe_days(long days) {
  if (days < 0) return "expired";
  return std::to_string(days) + (days == 1 ? " day left" : " days left");
}

class CertificateSteps {
 public:
  CertificateSteps(CheckReport& report, const CheckFindings& findings)
      : report_(report),
        findings_(findings),
        info_(findings.conversation.handshake->info),
        is_refused_(findings.conversation.has_identity_failure()) {}

  void add_chain() {
    for (std::size_t i = 0; i < info_.chain.size(); ++i) add_certificate(i);
    report_.certificates = info_.chain;
  }

  void add_trust() {
    if (!is_verifying()) {
      report_.steps.push_back(
          make_step("trust", CheckStatus::skip,
                    "not verified with tls = " + std::string(tls::to_string(level()))));
      return;
    }
    std::string words;
    std::vector<std::string> rules;
    for (const tls::IdentityFault& fault : info_.faults) {
      rules.push_back(fault.detail);
      // The name and the leaf's dates have steps of their own.
      const bool is_elsewhere =
          fault.rule == Rule::name || (fault.rule == Rule::validity && fault.is_leaf);
      if (!is_elsewhere) words.append(words.empty() ? "" : "; ").append(fault.detail);
    }
    CheckStep step = words.empty() ? make_step("trust", CheckStatus::pass,
                                               "chain verified by the " + findings_.trust_source)
                                   : make_failure("trust", base::Fault::tls, words, advise());
    step.facts = {{"rules", std::move(rules)}};
    report_.steps.push_back(std::move(step));
  }

  void add_name() {
    if (info_.chain.empty()) return;
    const tls::CertificateFacts& leaf = info_.chain.front();
    const tls::IdentityFault* fault = find(Rule::name, true);
    CheckStep step;
    if (fault == nullptr) {
      step = make_step("name", CheckStatus::pass, "certificate is for " + info_.server_name);
    } else if (is_verifying()) {
      step = make_failure("name", base::Fault::tls, fault->detail,
                          advise_on_name(findings_.smarthost, leaf));
    } else {
      step = make_step("name", CheckStatus::skip,
                       fault->detail + ", which does not matter with tls = " +
                           std::string(tls::to_string(level())));
    }
    step.facts = {{"asked", info_.server_name}};
    report_.steps.push_back(std::move(step));
  }

 private:
  [[nodiscard]] tls::Level level() const { return findings_.smarthost.tls.level; }
  [[nodiscard]] bool is_verifying() const { return level() == tls::Level::verify; }

  [[nodiscard]] const tls::IdentityFault* find(Rule rule, bool is_leaf) const {
    const auto found = std::find_if(
        info_.faults.begin(), info_.faults.end(),
        [&](const auto& fault) { return fault.rule == rule && fault.is_leaf == is_leaf; });
    return found == info_.faults.end() ? nullptr : &*found;
  }

  // The certificate above the leaf that a fault of dates is about; the last one if none is wrong.
  [[nodiscard]] const tls::CertificateFacts* first_out_of_date() const {
    for (std::size_t i = 1; i < info_.chain.size(); ++i) {
      const tls::CertificateFacts& one = info_.chain[i];
      if (one.not_after < findings_.now || one.not_before > findings_.now) return &one;
    }
    return &info_.chain.back();
  }

  // What to do about a chain that is not trusted; dates above the leaf are the administrator's.
  [[nodiscard]] std::string advise() const {
    if (find(Rule::trust, true) != nullptr || find(Rule::trust, false) != nullptr) {
      return advise_on_trust(findings_);
    }
    if (find(Rule::validity, false) != nullptr) {
      const tls::CertificateFacts& one = *first_out_of_date();
      return one.not_before > findings_.now ? advise_on_not_yet_valid(findings_, one)
                                            : advise_on_expired(findings_, one);
    }
    return "Only the smarthost's administrator can change that: it needs another certificate.";
  }

  void add_certificate(std::size_t index) {
    const tls::CertificateFacts& one = info_.chain[index];
    CheckStep step = make_step("certificate", CheckStatus::pass, one.subject);
    if (info_.chain.size() > 1) step.detail = std::to_string(index + 1) + ": " + one.subject;
    const long days = days_until(one.not_after, findings_.now);
    step.more.push_back("issuer " + one.issuer);
    step.more.push_back("valid " + format_day(one.not_before) + " to " + format_day(one.not_after) +
                        ", " + describe_days(days) + "; key " + one.key);
    if (index == 0) step.more.push_back("for " + describe_names(one.names));
    step.more.push_back("pin = " + one.pin);
    judge_dates(step, one, index == 0);
    step.facts = {{"number", static_cast<long long>(index + 1)}};
    report_.steps.push_back(std::move(step));
  }

  // A date that nobody minded (not verified, or a certificate that was not needed) is a remark.
  void judge_dates(CheckStep& step, const tls::CertificateFacts& one, bool is_leaf) const {
    const bool is_expired = one.not_after < findings_.now;
    const bool is_early = one.not_before > findings_.now;
    const long days = days_until(one.not_after, findings_.now);
    if (is_expired || is_early) {
      const bool is_fatal = is_refused_ && find(Rule::validity, is_leaf) != nullptr;
      step.status = is_fatal ? CheckStatus::fail : CheckStatus::warn;
      if (is_fatal) step.fault = base::Fault::tls;
      step.detail += is_expired ? ": expired on " + format_day(one.not_after)
                                : ": not valid before " + format_day(one.not_before);
      step.advice =
          is_expired ? advise_on_expired(findings_, one) : advise_on_not_yet_valid(findings_, one);
    } else if (days < kExpiryWarningDays) {
      step.status = CheckStatus::warn;
      step.detail += ": expires in " + std::to_string(days) + (days == 1 ? " day" : " days");
      step.advice = advise_on_expiry(one.not_after);
    }
  }

  CheckReport& report_;
  const CheckFindings& findings_;
  const tls::SessionInfo& info_;
  bool is_refused_;
};

}  // namespace

void add_certificate_steps(CheckReport& report, const CheckFindings& findings) {
  const CheckHandshake& own = *findings.conversation.handshake;
  // A handshake that failed for another reason shows no certificate worth a word.
  if (own.error && !findings.conversation.has_identity_failure()) return;
  CertificateSteps steps(report, findings);
  steps.add_chain();
  steps.add_trust();
  steps.add_name();
}

}  // namespace app
