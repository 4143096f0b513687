// From what `smtpseal check` found to what it reports: which step passed, which failed and by whose
// fault, what to do about it. Pure.
#pragma once

#include "app/check_findings.h"
#include "app/check_report.h"
#include "app/check_walk.h"

namespace app {

// An empty report about the smarthost of `findings`.
[[nodiscard]] CheckReport begin_report(const CheckFindings& findings);

// Adds the steps of a stage that was gone through. Call once each, in order.
void add_steps(CheckReport& report, CheckStage stage, const CheckFindings& findings);

// Adds what was never reached, the summary and the configuration that works.
void conclude(CheckReport& report, const CheckFindings& findings);

// The lines that stand for `smarthost` in a configuration file, beginning with [smarthost].
[[nodiscard]] std::vector<std::string> format_smarthost_lines(const config::Smarthost& smarthost);

// A certificate that ends sooner than this is warned about.
inline constexpr long kExpiryWarningDays = 21;
// What takes longer than this is worth a remark.
inline constexpr long long kSlowLookup = 2000;    // milliseconds
inline constexpr long long kSlowGreeting = 5000;  // milliseconds

// Used between the files of this module: the conversation stage (check_conversation_steps.cc), the
// part of it that is about the chain, who verified it, and its name (check_certificates.cc), and
// the making of steps.
void add_conversation_steps(CheckReport& report, const CheckFindings& findings);
void add_certificate_steps(CheckReport& report, const CheckFindings& findings);
[[nodiscard]] CheckStep make_step(std::string name, CheckStatus status, std::string detail,
                                  std::string advice = {});
[[nodiscard]] CheckStep make_failure(std::string name, base::Fault fault, std::string detail,
                                     std::string advice);
// "in 12 ms"
[[nodiscard]] std::string in_ms(long long milliseconds);

}  // namespace app
