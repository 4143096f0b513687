// `smtpseal check`: walks the path to the smarthost and explains it.
#include <algorithm>
#include <iostream>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "app/check_hosts.h"
#include "app/check_listener.h"
#include "app/check_report.h"
#include "app/check_steps.h"
#include "app/check_walk.h"
#include "app/commands.h"
#include "app/load_config.h"
#include "app/mail_address.h"
#include "app/wire.h"
#include "base/text.h"
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

struct ToCheck {
  config::LoadResult result;
  bool has_listeners = false;  // whose they are is known, and they are ours to look at
};

// A smarthost at port 25 of this machine is only smtpseal itself if a listener there was written
// down, or if smtpseal is seen to answer.
ToCheck load_to_check(const Invocation& invocation) {
  config::Sources sources = sources_of(invocation);
  ToCheck checked{config::load(sources), !invocation.target};
  if (checked.result.loaded || !is_listener_implied(sources)) return checked;
  sources.flags.push_back({"listener", "listen", "127.0.0.1:0", "--listen"});
  return {config::load(sources), false};
}

ExitStatus tell_problems(const std::vector<config::Problem>& problems, bool is_json) {
  for (const config::Problem& problem : problems) std::cerr << told(problem) << '\n';
  if (is_json) std::cout << format_json(problems);
  return ExitStatus::config;
}

// What is to be tried beside, or the status to exit with (what is wrong has been said).
std::variant<CheckProbes, ExitStatus> probes_of(const Invocation& invocation) {
  CheckProbes probes;
  const auto refuse = [](const std::string& what) {
    std::cerr << "smtpseal: check: " << what << '\n';
    return ExitStatus::usage;
  };
  if (!invocation.probe_from.empty()) {
    const auto path = parse_mail_address(invocation.probe_from, true);
    if (!path) return refuse("--mail-from: " + path.error().detail);
    probes.reverse_path = *path;
  }
  for (const std::string& recipient : invocation.probe_to) {
    const auto path = parse_mail_address(recipient, false);
    if (!path) return refuse("--rcpt-to: " + path.error().detail);
    probes.forward_paths.push_back(*path);
  }
  if (invocation.auth_user.empty()) return probes;
  probes.user = invocation.auth_user;
  const std::string name = base::printable(probes.user);
  auto password = platform::read_secret("Password of " + name + " (it is not shown): ");
  if (!password) {
    return refuse("--auth-user: the password, on the first line of standard input: " +
                  password.error().detail);
  }
  probes.password = std::move(password).value();
  return probes;
}

// One host after another, and its report.
class Checker {
 public:
  Checker(net::Loop& loop, const CheckErrand& errand, bool is_json)
      : loop_(loop),
        errand_(errand),
        is_json_(is_json),
        has_colour_(platform::stdout_terminal().has_colour),
        note_(!is_json && platform::stdout_terminal().is_terminal ? &std::cout : nullptr) {}

  [[nodiscard]] CheckReport check(CheckFindings findings) {
    CheckReport report = begin_report(findings);
    printed_ = 0;
    CheckFollower follower;
    follower.on_stage = [&](CheckStage stage) {
      add_steps(report, stage, findings);
      print(report);
    };
    follower.on_wait = [this](std::string_view what, base::Duration most) {
      note_.show(what, most);
    };
    walk_to_smarthost(loop_, errand_, findings, follower);
    add_unreached(report);
    print(report);
    if (!findings.listeners.empty()) {
      look_at_listeners(CheckCaller(loop_, errand_.hostname, follower.on_wait), findings.listeners);
      follower.on_stage(CheckStage::listeners);
    }
    conclude(report, findings);
    if (!is_json_) std::cout << format_conclusion(report, has_colour_);
    return report;
  }

 private:
  // Steps are printed as they come: some take their time.
  void print(const CheckReport& report) {
    note_.clear();
    const std::span<const CheckStep> fresh = std::span(report.steps).subspan(printed_);
    if (!is_json_) std::cout << format_steps(fresh, has_colour_) << std::flush;
    printed_ = report.steps.size();
  }

  net::Loop& loop_;
  const CheckErrand& errand_;
  bool is_json_;
  bool has_colour_;
  WaitNote note_;
  std::size_t printed_ = 0;
};

}  // namespace

ExitStatus check_command(const Invocation& invocation) {
  const ToCheck checked = load_to_check(invocation);
  const config::LoadResult& result = checked.result;
  if (!result.loaded) return tell_problems(result.problems, invocation.is_json);
  const config::Loaded& loaded = *result.loaded;
  if (!loaded.unavailable.empty()) return tell_problems(loaded.unavailable, invocation.is_json);
  auto probes = probes_of(invocation);
  if (const auto* status = std::get_if<ExitStatus>(&probes)) return *status;
  auto loop = net::Loop::make();
  if (!loop) {
    std::cerr << "smtpseal: " << loop.error().detail << '\n';
    return ExitStatus::os_error;
  }
  const CheckErrand errand{loaded.config.general.hostname, std::get<CheckProbes>(std::move(probes)),
                           CheckPorts{}};
  Checker checker(**loop, errand, invocation.is_json);
  std::vector<CheckReport> reports;
  ExitStatus status = ExitStatus::ok;
  for (const HostToCheck& host : hosts_to_check(loaded.config, ask_system_dns())) {
    CheckFindings findings;
    findings.smarthost = host.smarthost;
    findings.found_by = host.found_by;
    findings.lookup_error = host.lookup_error;
    findings.config_file = loaded.config.file;
    findings.now = net::Loop::wall_now();
    if (checked.has_listeners && host.is_first) {
      findings.listeners = listeners_of(loaded.config, host.smarthost);
    }
    if (reports.empty()) {
      for (const config::Problem& warning : loaded.warnings) {
        findings.warnings.push_back(warning.to_string());
      }
    } else if (!invocation.is_json) {
      std::cout << '\n';
    }
    reports.push_back(checker.check(std::move(findings)));
    if (status == ExitStatus::ok) status = reports.back().exit_status();
  }
  if (invocation.is_json) std::cout << format_json(reports);
  return status;
}

}  // namespace app
