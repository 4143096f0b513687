#include "app/load_config.h"

#include <iostream>

namespace app {

std::optional<config::Loaded> load_config(const Invocation& invocation) {
  config::LoadResult result = config::load(sources_of(invocation));
  for (const config::Problem& problem : result.problems) {
    std::cerr << problem.to_string() << '\n';
  }
  if (!result.loaded) return std::nullopt;
  for (const config::Problem& warning : result.loaded->warnings) {
    std::cerr << "warning: " << warning.to_string() << '\n';
  }
  return std::move(result.loaded);
}

std::optional<config::Loaded> load_usable_config(const Invocation& invocation) {
  std::optional<config::Loaded> loaded = load_config(invocation);
  if (!loaded || loaded->unavailable.empty()) return loaded;
  for (const config::Problem& problem : loaded->unavailable) {
    std::cerr << problem.to_string() << '\n';
  }
  return std::nullopt;
}

}  // namespace app
