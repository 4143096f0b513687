// `smtpseal run`: the daemon.
#include <iostream>

#include "app/commands.h"
#include "app/inherited_places.h"
#include "app/listen_advice.h"
#include "app/listener_users.h"
#include "app/load_config.h"
#include "app/log_sink.h"
#include "app/seclusion.h"
#include "app/workers.h"
#include "platform/inherited.h"
#include "platform/platform.h"
#include "platform/privilege.h"

namespace app {

namespace {

// A refused or taken port is what most people meet first: say the ways out.
void explain(const base::Error& error, const config::Config& config) {
  const bool is_in_config = !config.file.empty() && error.detail.starts_with(config.file + ':');
  const bool is_at_line =
      error.fault == base::Fault::config && (is_in_config || is_in_users_file(error, config));
  std::cerr << (is_at_line ? "" : "smtpseal: ") << error.detail << '\n'
            << advise_on_listening(error);
}

ExitStatus status_of_start(const base::Error& error) {
  return listen_trouble(error) == ListenTrouble::forbidden ? ExitStatus::refused
                                                           : exit_status_of(error.fault);
}

// In the log like everything else: what reads it reads nothing else. Levels of TLS are left to the
// app, which warns of those in force.
void log_warnings(base::LogSink& log, const std::vector<config::Problem>& warnings) {
  for (const config::Problem& warning : warnings) {
    if (warning.is_weak_tls) continue;
    log.warn("-", "config-warning", {{"where", warning.where}, {"warning", warning.message}});
  }
}

void log_problems(base::LogSink& log, const std::vector<config::Problem>& problems) {
  for (const config::Problem& problem : problems) {
    log.error("-", "reload", {{"problem", problem.to_string()}});
  }
}

std::optional<config::Config> reload_config(const Invocation& invocation,
                                            const Seclusion& seclusion, base::LogSink& log) {
  config::LoadResult result = config::load(sources_of(invocation));
  log_problems(log, result.problems);
  if (!result.loaded) return std::nullopt;
  std::vector<config::Problem> reasons = std::move(result.loaded->unavailable);
  const std::vector<config::Problem> barriers = seclusion.barriers_to(result.loaded->config);
  reasons.insert(reasons.end(), barriers.begin(), barriers.end());
  log_problems(log, reasons);
  if (!reasons.empty()) return std::nullopt;
  log_warnings(log, result.loaded->warnings);
  return std::move(result.loaded->config);
}

}  // namespace

ExitStatus run_command(const Invocation& invocation) {
  const std::optional<config::Loaded> loaded = load_usable_config(invocation);
  if (!loaded) return ExitStatus::config;
  if (const std::string refusal = refusal_of_root(loaded->config); !refusal.empty()) {
    std::cerr << refusal;
    return ExitStatus::refused;
  }
  if (const auto trouble = trouble_with_user(loaded->config)) {
    std::cerr << told(*trouble) << '\n';
    return ExitStatus::config;
  }
  platform::forbid_core_dumps();
  platform::keep_new_files_private();
  platform::keep_some_free_memory();
  auto log = make_log(loaded->config.general);
  if (!log) {
    std::cerr << told(problem_at(loaded->config, "smtpseal", "log_target",
                                 "log_target: " + log.error().detail))
              << '\n';
    return ExitStatus::io_error;
  }
  log_warnings(**log, loaded->warnings);
  auto loop = net::Loop::make();
  if (!loop) {
    std::cerr << "smtpseal: " << loop.error().detail << '\n';
    return ExitStatus::os_error;
  }
  const auto inherited = platform::take_inherited_sockets();
  if (!inherited) {
    std::cerr << "smtpseal: " << inherited.error().detail << '\n';
    return ExitStatus::os_error;
  }
  warn_of_unused(**log, loaded->config, *inherited);
  Seclusion seclusion(**log);
  Workers workers(**loop, **log, *inherited,
                  {.seclude = [&](const config::Config& config) { return seclusion.enter(config); },
                   .load = [&] { return reload_config(invocation, seclusion, **log); }});
  if (const auto started = workers.start(loaded->config); !started) {
    explain(started.error(), loaded->config);
    return status_of_start(started.error());
  }
  (*loop)->run();
  return ExitStatus::ok;
}

}  // namespace app
