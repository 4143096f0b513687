// `smtpseal run`: the daemon.
#include <iostream>

#include "app/app.h"
#include "app/commands.h"
#include "app/listen_advice.h"
#include "app/load_config.h"
#include "app/log_sink.h"
#include "platform/platform.h"

namespace app {

namespace {

// A refused or taken port is what most people meet first: say the ways out.
void explain(const base::Error& error) {
  std::cerr << "smtpseal: " << error.detail << '\n' << advise_on_listening(error);
}

ExitStatus status_of_start(const base::Error& error) {
  return listen_trouble(error) == ListenTrouble::forbidden ? ExitStatus::refused
                                                           : exit_status_of(error.fault);
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
  return std::move(result.loaded->config);
}

}  // namespace

ExitStatus run_command(const Invocation& invocation) {
  const std::optional<config::Loaded> loaded = load_usable_config(invocation);
  if (!loaded) return ExitStatus::config;
  platform::forbid_core_dumps();
  auto log = make_log(loaded->config.general);
  if (!log) {
    std::cerr << "smtpseal: " << log.error().detail << '\n';
    return ExitStatus::io_error;
  }
  auto loop = net::Loop::make();
  if (!loop) {
    std::cerr << "smtpseal: " << loop.error().detail << '\n';
    return ExitStatus::os_error;
  }
  App app(**loop, **log);
  const auto watched = app.watch_signals([&]() -> std::optional<config::Config> {
    auto config = reload_config(invocation, **log);
    if (config) (*log)->set_level(config->general.log_level);
    return config;
  });
  if (!watched) {
    std::cerr << "smtpseal: " << watched.error().detail << '\n';
    return ExitStatus::os_error;
  }
  if (const auto started = app.start(loaded->config); !started) {
    explain(started.error());
    return status_of_start(started.error());
  }
  (*loop)->run();
  return ExitStatus::ok;
}

}  // namespace app
