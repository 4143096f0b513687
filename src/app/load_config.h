// Loading the configuration for a command, with every problem told.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli.h"
#include "config/config.h"

namespace app {

// A problem as it is printed: "FILE:LINE: message" as compilers do, which editors understand;
// "smtpseal: --flag: message" for what stands in no file.
[[nodiscard]] std::string told(const config::Problem& problem);

// A problem with a key that was found where it is used, at the place where the key was written.
[[nodiscard]] config::Problem problem_at(const config::Config& config, std::string_view section,
                                         std::string_view key, std::string message);

// Whether an error that begins with the file it is about ("PATH: why", "PATH:LINE: why"), or with
// one of a folder, is about this one.
[[nodiscard]] bool is_about(const base::Error& error, std::string_view path);

// What a command works with, or nothing when the configuration is broken (all problems were
// printed on standard error then; the status is ExitStatus::config). Warnings are printed.
[[nodiscard]] std::optional<config::Loaded> load_config(const Invocation& invocation);

// The same, and nothing too when it asks for what this version cannot do: nobody may believe that
// a key was obeyed when it was not. Warnings are left to the caller, who has a log.
[[nodiscard]] std::optional<config::Loaded> load_usable_config(const Invocation& invocation);

// Everything for which `run` would refuse a configuration that could be read: keys of later
// versions, and files that it names and that cannot be used.
[[nodiscard]] std::vector<config::Problem> reasons_to_refuse(const config::Loaded& loaded);

}  // namespace app
