// `smtpseal config`: what is in force, and where each value comes from.
#include <iostream>

#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/load_config.h"

namespace app {

namespace {

// {"file": FILE or null, "values": [{"section", "key", "value", "origin", "note"?}],
//  "warnings": [...], "unavailable": [...], "refused": [what `run` would refuse: the unavailable,
//  and files that cannot be used]}
std::string to_json(const config::Loaded& loaded, const std::vector<config::Problem>& refused) {
  nlohmann::ordered_json values = nlohmann::json::array();
  for (const config::EffectiveValue& value : loaded.values) {
    nlohmann::ordered_json one = {{"section", value.section},
                                  {"key", value.key},
                                  {"value", value.value},
                                  {"origin", value.origin}};
    if (!value.note.empty()) one["note"] = value.note;
    values.push_back(std::move(one));
  }
  const auto texts = [](const std::vector<config::Problem>& problems) {
    nlohmann::ordered_json list = nlohmann::json::array();
    for (const config::Problem& problem : problems) list.push_back(problem.to_string());
    return list;
  };
  nlohmann::ordered_json all = {{"file", nullptr},
                                {"values", std::move(values)},
                                {"warnings", texts(loaded.warnings)},
                                {"unavailable", texts(loaded.unavailable)},
                                {"refused", texts(refused)}};
  if (!loaded.config.file.empty()) all["file"] = loaded.config.file;
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

ExitStatus config_command(const Invocation& invocation) {
  const std::optional<config::Loaded> loaded = load_config(invocation);
  if (!loaded) return ExitStatus::config;
  const std::vector<config::Problem> refused = reasons_to_refuse(*loaded);
  if (invocation.is_json) {
    std::cout << to_json(*loaded, refused) << '\n';
  } else {
    std::cout << config::format_values(*loaded) << std::flush;
  }
  if (refused.empty()) return ExitStatus::ok;
  for (const config::Problem& problem : refused) std::cerr << told(problem) << '\n';
  std::cerr << "smtpseal: run refuses this configuration\n";
  return ExitStatus::config;
}

}  // namespace app
