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

  // Where pins are configured: whether the smarthost, or an authority above it, has one of them.
  void add_pin() {
    const std::vector<std::string>& pins = findings_.smarthost.tls.pins;
    if (pins.empty() || !is_demanding()) return;
    const tls::IdentityFault* fault = find_pin_fault();
    const bool is_match = fault == nullptr;
    CheckStep step = is_match ? make_step("pin", CheckStatus::pass, describe_match())
                              : make_failure("pin", base::Fault::tls, fault->detail,
                                             advise_on_pin(findings_.smarthost));
    step.facts = {{"pins", pins}, {"is_match", is_match}};
    report_.steps.push_back(std::move(step));
  }

  void add_trust() {
    std::string words;
    std::vector<std::string> rules;
    for (const tls::IdentityFault& fault : info_.faults) {
      rules.push_back(fault.detail);
      // The name, the pin and the leaf's dates have steps of their own.
      const bool is_elsewhere = fault.rule == Rule::name || fault.rule == Rule::pin ||
                                (fault.rule == Rule::validity && fault.is_leaf);
      if (!is_elsewhere) words.append(words.empty() ? "" : "; ").append(fault.detail);
    }
    CheckStep step;
    if (!is_demanding()) {
      step = make_step("trust", CheckStatus::skip,
                       "not verified with tls = " + std::string(tls::to_string(level())));
    } else if (!words.empty()) {
      step = make_failure("trust", base::Fault::tls, words, advise());
    } else if (is_key_decisive()) {
      step = make_step("trust", CheckStatus::skip, "not needed with tls = pin: the key decides");
    } else {
      step = make_step("trust", CheckStatus::pass, "chain verified by the " + verified_by());
    }
    step.facts = {{"rules", std::move(rules)}};
    report_.steps.push_back(std::move(step));
  }

  void add_name() {
    if (info_.chain.empty()) return;
    const tls::CertificateFacts& leaf = info_.chain.front();
    const tls::IdentityFault* fault = find(Rule::name, true);
    CheckStep step;
    if (is_key_decisive()) {
      step = make_step("name", CheckStatus::skip, "not needed with tls = pin: the key decides");
    } else if (fault == nullptr) {
      step = make_step("name", CheckStatus::pass, "certificate is for " + info_.server_name);
    } else if (is_demanding()) {
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

  // A refusal that no step above has told is still one.
  void add_refusal() {
    if (!is_refused_ || report_.path_failure() != nullptr) return;
    report_.steps.push_back(make_failure(
        "trust", base::Fault::tls, findings_.conversation.handshake->error->detail, advise()));
  }

 private:
  [[nodiscard]] tls::Level level() const { return findings_.smarthost.tls.level; }
  [[nodiscard]] bool is_demanding() const {
    return level() == tls::Level::verify || level() == tls::Level::pin;
  }
  [[nodiscard]] bool is_pinned(const tls::CertificateFacts& certificate) const {
    const auto& pins = findings_.smarthost.tls.pins;
    return std::find(pins.begin(), pins.end(), certificate.pin) != pins.end();
  }
  // With tls = pin a smarthost that proves to have the key needs nothing else, and one that has
  // none is asked nothing else.
  [[nodiscard]] bool is_key_decisive() const {
    if (level() != tls::Level::pin || info_.chain.empty()) return false;
    return is_pinned(info_.chain.front()) || find_pin_fault() != nullptr;
  }
  [[nodiscard]] const tls::IdentityFault* find_pin_fault() const {
    const auto found =
        std::find_if(info_.faults.begin(), info_.faults.end(),
                     [](const tls::IdentityFault& one) { return one.rule == Rule::pin; });
    return found == info_.faults.end() ? nullptr : &*found;
  }

  // What vouches for the chain, where it is in order.
  [[nodiscard]] std::string verified_by() const {
    return level() == tls::Level::pin ? "pinned key of an authority" : findings_.trust_source;
  }

  [[nodiscard]] std::string describe_match() const {
    for (std::size_t i = 0; i < info_.chain.size(); ++i) {
      if (!is_pinned(info_.chain[i])) continue;
      return i == 0 ? "the smarthost has the pinned key"
                    : "an authority above it has the pinned key: " + info_.chain[i].subject;
    }
    return "an authority above it has the pinned key";
  }

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
  steps.add_pin();
  steps.add_trust();
  steps.add_name();
  steps.add_refusal();
}

}  // namespace app
