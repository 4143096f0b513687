// The report of `smtpseal check`: its steps, and how they look as text and as JSON. Pure.
//
// Text: one line a step, `STATUS label detail`, wrapped to 80 columns with and without colour, with
// what to do about it under a WARN or FAIL.
//
// JSON (--json): one object, as contrib/schema/check.schema.json describes it; tests hold it to
// that.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "app/exit_status.h"
#include "base/instant.h"
#include "config/config.h"
#include "smtp/extensions.h"
#include "tls/tls_engine.h"

namespace app {

enum class CheckStatus { pass, warn, fail, skip };
// "PASS", "WARN", "FAIL", "SKIP"
[[nodiscard]] std::string_view to_string(CheckStatus status);

using CheckFact =
    std::pair<std::string, std::variant<std::string, long long, bool, std::vector<std::string>>>;

// All texts are printable.
struct CheckStep {
  std::string step;  // as in the schema
  CheckStatus status = CheckStatus::pass;
  std::string detail;                // one sentence without a full stop
  std::vector<std::string> more;     // further lines, for people only
  std::string advice;                // with WARN and FAIL: what to do about it
  std::optional<base::Fault> fault;  // with FAIL
  std::string address;               // where the step is about one of several
  std::vector<CheckFact> facts;
};

struct CheckReport {
  std::string target;  // "smtp.example.edu:587"
  config::Mode mode = config::Mode::starttls;
  tls::Level level = tls::Level::verify;
  base::WallTime now;
  std::vector<CheckStep> steps;
  std::vector<tls::CertificateFacts> certificates;
  std::optional<smtp::Extensions> extensions;
  std::string summary;
  std::string configuration_title;
  std::vector<std::string> configuration;

  [[nodiscard]] const CheckStep* first_failure() const;
  // The first on the way to the smarthost: neither of a probe nor of a listener.
  [[nodiscard]] const CheckStep* path_failure() const;
  [[nodiscard]] bool is_ok() const { return first_failure() == nullptr; }
  // By the fault of the first failure.
  [[nodiscard]] ExitStatus exit_status() const;
};

inline constexpr std::size_t kReportColumns = 80;

// `text` cut between words so that no line is wider than `columns`, where words allow; the first
// line is taken to begin at column `indent`, the others are indented so far. No line end at the
// end.
[[nodiscard]] std::string wrap_text(std::string_view text, std::size_t indent,
                                    std::size_t columns = kReportColumns);

// Each step as text. Steps that were never reached share a line.
[[nodiscard]] std::string format_steps(std::span<const CheckStep> steps, bool has_colour);
// The summary line, and the configuration that works.
[[nodiscard]] std::string format_conclusion(const CheckReport& report, bool has_colour);

// As the schema has it. Not empty.
[[nodiscard]] std::string format_json(const std::vector<CheckReport>& reports);
// The same object for a configuration that cannot be used: one failed step a problem.
[[nodiscard]] std::string format_json(const std::vector<config::Problem>& problems);

// The detail of steps that were not reached.
inline constexpr std::string_view kNotReached = "not reached";

}  // namespace app
