// Loading the configuration for a command, with every problem told.
#pragma once

#include <optional>

#include "app/cli.h"
#include "config/config.h"

namespace app {

// What a command works with, or nothing when the configuration is broken (all problems were
// printed on standard error then; the status is ExitStatus::config).
[[nodiscard]] std::optional<config::Loaded> load_config(const Invocation& invocation);

// The same, and nothing too when it asks for what this version cannot do: nobody may believe that
// a key was obeyed when it was not.
[[nodiscard]] std::optional<config::Loaded> load_usable_config(const Invocation& invocation);

}  // namespace app
