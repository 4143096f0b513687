// `smtpseal run`: the daemon.
#include <iostream>

#include "app/commands.h"
#include "app/listen_advice.h"
#include "app/listener_users.h"
#include "app/load_config.h"
#include "app/log_sink.h"
#include "app/workers.h"
#include "platform/platform.h"

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

std::optional<config::Config> reload_config(const Invocation& invocation, base::LogSink& log) {
  config::LoadResult result = config::load(sources_of(invocation));
  for (const config::Problem& problem : result.problems) {
    log.error("-", "reload", {{"problem", problem.to_string()}});
  }
  if (!result.loaded) return std::nullopt;
  for (const config::Problem& problem : result.loaded->unavailable) {
    log.error("-", "reload", {{"problem", problem.to_string()}});
  }
  if (!result.loaded->unavailable.empty()) return std::nullopt;
  log_warnings(log, result.loaded->warnings);
  return std::move(result.loaded->config);
}

}  // namespace

ExitStatus run_command(const Invocation& invocation) {
  const std::optional<config::Loaded> loaded = load_usable_config(invocation);
  if (!loaded) return ExitStatus::config;
  platform::forbid_core_dumps();
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
  Workers workers(**loop, **log, [&] { return reload_config(invocation, **log); });
  if (const auto started = workers.start(loaded->config); !started) {
    explain(started.error(), loaded->config);
    return status_of_start(started.error());
  }
  (*loop)->run();
  return ExitStatus::ok;
}

}  // namespace app
