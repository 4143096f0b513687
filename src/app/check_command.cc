// `smtpseal check`: walks the path to the smarthost and explains it.
#include <algorithm>
#include <iostream>
#include <span>
#include <vector>

#include "app/check_report.h"
#include "app/check_steps.h"
#include "app/check_walk.h"
#include "app/commands.h"
#include "app/load_config.h"
#include "app/wire.h"
#include "platform/platform.h"

namespace app {

namespace {

// Whether no listener was written down, so that the default ones are implied.
bool is_listener_implied(config::Sources sources) {
  // With a port at which nobody can be mistaken for a listener, to see the values.
  std::erase_if(sources.flags, [](const auto& flag) { return flag.key == "port"; });
  sources.flags.push_back({"smarthost", "port", "1", "--smarthost"});
  const config::LoadResult result = config::load(sources);
  if (!result.loaded) return false;
  return std::none_of(result.loaded->values.begin(), result.loaded->values.end(),
                      [](const config::EffectiveValue& value) {
                        return value.section.starts_with("listener") && value.key == "listen" &&
                               !value.is_default;
                      });
}

// check binds nothing: a smarthost at port 25 of this machine is only smtpseal itself if a listener
// there was written down, or if smtpseal is seen to answer.
config::LoadResult load_to_check(const Invocation& invocation) {
  config::Sources sources = sources_of(invocation);
  config::LoadResult result = config::load(sources);
  if (result.loaded || !is_listener_implied(sources)) return result;
  sources.flags.push_back({"listener", "listen", "127.0.0.1:0", "--listen"});
  return config::load(sources);
}

ExitStatus tell_problems(const std::vector<config::Problem>& problems, bool is_json) {
  for (const config::Problem& problem : problems) std::cerr << told(problem) << '\n';
  if (is_json) std::cout << format_json(problems);
  return ExitStatus::config;
}

// Steps are printed as they come: some take their time.
CheckReport check_smarthost(net::Loop& loop, const std::string& hostname, CheckFindings findings,
                            bool is_json, bool has_colour) {
  CheckReport report = begin_report(findings);
  const bool has_notes = !is_json && platform::stdout_terminal().is_terminal;
  WaitNote note(has_notes ? &std::cout : nullptr);
  std::size_t printed = 0;
  const auto print = [&] {
    note.clear();
    const std::span<const CheckStep> fresh = std::span(report.steps).subspan(printed);
    if (!is_json) std::cout << format_steps(fresh, has_colour) << std::flush;
    printed = report.steps.size();
  };
  CheckFollower follower;
  follower.on_stage = [&](CheckStage stage) {
    add_steps(report, stage, findings);
    print();
  };
  follower.on_wait = [&](std::string_view what, base::Duration most) { note.show(what, most); };
  walk_to_smarthost(loop, hostname, findings, follower);
  conclude(report, findings);
  print();
  if (!is_json) std::cout << format_conclusion(report, has_colour);
  return report;
}

}  // namespace

ExitStatus check_command(const Invocation& invocation) {
  const config::LoadResult result = load_to_check(invocation);
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
