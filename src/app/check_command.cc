// `smtpseal check`: walks the path to the smarthost and explains it.
#include <iostream>
#include <span>

#include "app/check_report.h"
#include "app/check_steps.h"
#include "app/check_walk.h"
#include "app/commands.h"
#include "app/load_config.h"
#include "platform/platform.h"

namespace app {

namespace {

// A smarthost named on the command line has nothing to do with a listener: one that is not there
// cannot be mistaken for it (check localhost:25).
Invocation without_listener(Invocation invocation) {
  if (invocation.target && !invocation.config_file) {
    invocation.flags.push_back({"listener", "listen", "127.0.0.1:0", "HOST[:PORT]"});
  }
  return invocation;
}

ExitStatus tell_problems(const std::vector<config::Problem>& problems, bool is_json) {
  for (const config::Problem& problem : problems) std::cerr << problem.to_string() << '\n';
  if (is_json) std::cout << format_json(problems);
  return ExitStatus::config;
}

// Steps are printed as they come: some take their time.
CheckReport check_smarthost(net::Loop& loop, const std::string& hostname, CheckFindings findings,
                            bool is_json, bool has_colour) {
  CheckReport report = begin_report(findings);
  std::size_t printed = 0;
  const auto print = [&] {
    const std::span<const CheckStep> fresh = std::span(report.steps).subspan(printed);
    if (!is_json) std::cout << format_steps(fresh, has_colour) << std::flush;
    printed = report.steps.size();
  };
  walk_to_smarthost(loop, hostname, findings, [&](CheckStage stage) {
    add_steps(report, stage, findings);
    print();
  });
  conclude(report, findings);
  print();
  if (!is_json) std::cout << format_conclusion(report, has_colour);
  return report;
}

}  // namespace

ExitStatus check_command(const Invocation& invocation) {
  const config::LoadResult result = config::load(sources_of(without_listener(invocation)));
  if (!result.loaded) return tell_problems(result.problems, invocation.is_json);
  const config::Loaded& loaded = *result.loaded;
  if (!loaded.unavailable.empty()) return tell_problems(loaded.unavailable, invocation.is_json);
  auto loop = net::Loop::make();
  if (!loop) {
    std::cerr << "smtpseal: " << loop.error().detail << '\n';
    return ExitStatus::os_error;
  }
  const bool has_colour = platform::stdout_terminal().has_colour;
  std::vector<CheckReport> reports;
  ExitStatus status = ExitStatus::ok;
  for (const config::Smarthost& smarthost : loaded.config.smarthosts) {
    CheckFindings findings;
    findings.smarthost = smarthost;
    findings.config_file = loaded.config.file;
    findings.now = net::Loop::wall_now();
    if (reports.empty()) {
      for (const config::Problem& warning : loaded.warnings) {
        findings.warnings.push_back(warning.to_string());
      }
    } else if (!invocation.is_json) {
      std::cout << '\n';
    }
    reports.push_back(check_smarthost(**loop, loaded.config.general.hostname, std::move(findings),
                                      invocation.is_json, has_colour));
    if (status == ExitStatus::ok) status = reports.back().exit_status();
  }
  if (invocation.is_json) std::cout << format_json(reports);
  return status;
}

}  // namespace app
