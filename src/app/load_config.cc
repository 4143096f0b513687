#include "app/load_config.h"

#include <iostream>
#include <utility>

#include "app/listener_tls.h"
#include "app/listener_users.h"
#include "app/login_trouble.h"
#include "app/seclusion.h"
#include "app/smarthost_tls.h"

namespace app {

namespace {

void print(const std::vector<config::Problem>& problems) {
  for (const config::Problem& problem : problems) std::cerr << told(problem) << '\n';
}

void print_warnings(const std::vector<config::Problem>& warnings) {
  for (const config::Problem& warning : warnings) {
    std::cerr << "smtpseal: warning: " << warning.to_string() << '\n';
  }
}

// What is there is printed when nothing can be loaded.
std::optional<config::Loaded> load(const Invocation& invocation) {
  config::LoadResult result = config::load(sources_of(invocation));
  print(result.problems);
  print_warnings(result.warnings);
  return std::move(result.loaded);
}

}  // namespace

std::string told(const config::Problem& problem) {
  return (problem.is_in_line ? "" : "smtpseal: ") + problem.to_string();
}

config::Problem problem_at(const config::Config& config, std::string_view section,
                           std::string_view key, std::string message) {
  config::Problem problem{config.places.of(section, key), std::move(message)};
  problem.is_in_line = !config.file.empty() && problem.where.starts_with(config.file + ':');
  return problem;
}

bool is_about(const base::Error& error, std::string_view path) {
  if (!error.detail.starts_with(path)) return false;
  const std::string_view rest = std::string_view(error.detail).substr(path.size());
  return path.ends_with('/') || rest.starts_with(':') || rest.starts_with('/');
}

std::optional<config::Loaded> load_config(const Invocation& invocation) {
  std::optional<config::Loaded> loaded = load(invocation);
  if (loaded) print_warnings(loaded->warnings);
  return loaded;
}

std::optional<config::Loaded> load_usable_config(const Invocation& invocation) {
  std::optional<config::Loaded> loaded = load(invocation);
  if (!loaded || loaded->unavailable.empty()) return loaded;
  print(loaded->unavailable);
  return std::nullopt;
}

std::vector<config::Problem> reasons_to_refuse(const config::Loaded& loaded) {
  std::vector<config::Problem> reasons = loaded.unavailable;
  if (auto trouble = trouble_with_user(loaded.config)) reasons.push_back(*std::move(trouble));
  OwnIdentities identities;
  for (const config::Listener& listener : loaded.config.listeners) {
    const auto made = make_listener_tls(listener, identities);
    if (!made) reasons.push_back(locate_tls_trouble(loaded.config, listener, made.error()));
    const std::vector<config::Problem> problems = examine_users(loaded.config, listener);
    reasons.insert(reasons.end(), problems.begin(), problems.end());
  }
  for (const config::Smarthost& smarthost : loaded.config.smarthosts) {
    const auto made = make_smarthost_tls(smarthost, identities);
    if (!made) reasons.push_back(locate_tls_trouble(loaded.config, smarthost, made.error()));
    if (auto trouble = login_trouble(loaded.config, smarthost, Fetch::later)) {
      reasons.push_back(*std::move(trouble));
    }
  }
  return reasons;
}

}  // namespace app
