// From what `smtpseal check` found to what it reports: which step passed, which failed and by whose
// fault, what to do about it. Pure.
#pragma once

#include "app/check_findings.h"
#include "app/check_report.h"
#include "app/check_walk.h"
#include "app/expiry_watch.h"

namespace app {

// An empty report about the smarthost of `findings`.
[[nodiscard]] CheckReport begin_report(const CheckFindings& findings);

// Adds the steps of a stage that was gone through. Call once each, in order.
void add_steps(CheckReport& report, CheckStage stage, const CheckFindings& findings);

// Adds the steps on the way to the smarthost that a failure left out. Harmless when there are none.
void add_unreached(CheckReport& report);

// Adds what was never reached, the summary and the configuration that works.
void conclude(CheckReport& report, const CheckFindings& findings);

// The lines that stand for `smarthost` in a configuration file, beginning with [smarthost].
[[nodiscard]] std::vector<std::string> format_smarthost_lines(const config::Smarthost& smarthost);

// What takes longer than this is worth a remark.
inline constexpr long long kSlowLookup = 2000;    // milliseconds
inline constexpr long long kSlowGreeting = 5000;  // milliseconds

// Used between the files of this module: the conversation stage (check_conversation_steps.cc); of
// it what is about the chain, who verified it, and its name (check_certificates.cc), and what goes
// beyond one conversation (check_further_steps.cc); the listeners (check_listener_steps.cc); and
// the making of steps.
void add_conversation_steps(CheckReport& report, const CheckFindings& findings);
void add_certificate_steps(CheckReport& report, const CheckFindings& findings);
void add_clock_step(CheckReport& report, const CheckFindings& findings);
void add_probe_steps(CheckReport& report, const CheckFindings& findings);
void add_resumption_step(CheckReport& report, const CheckFindings& findings);
void add_alternative_steps(CheckReport& report, const CheckFindings& findings);
void add_listener_steps(CheckReport& report, const CheckFindings& findings);
[[nodiscard]] CheckStep make_step(std::string name, CheckStatus status, std::string detail,
                                  std::string advice = {});
[[nodiscard]] CheckStep make_failure(std::string name, base::Fault fault, std::string detail,
                                     std::string advice);
// "in 12 ms"
[[nodiscard]] std::string in_ms(long long milliseconds);
// How much of a smarthost's reply is shown.
inline constexpr std::size_t kShownReply = 240;
[[nodiscard]] std::string shown_reply(const smtp::Reply& reply);
// "PLAIN, LOGIN"
[[nodiscard]] std::string joined(const std::vector<std::string>& words);
[[nodiscard]] std::string_view mode_word(config::Mode mode);
// Whether what is not offered is named too.
enum class Lacking { told, untold };
// "SIZE 35882577, PIPELINING; not offered: CHUNKING, DSN"
[[nodiscard]] std::string describe_offer(const smtp::Extensions& offered,
                                         Lacking lacking = Lacking::told);
// A command of CheckProbes: AUTH, MAIL, RCPT or RSET.
[[nodiscard]] bool is_probe(const CheckExchange& exchange);

}  // namespace app
