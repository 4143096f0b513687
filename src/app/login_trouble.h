// Whether the files of a smarthost's credentials can be used, told when a configuration is loaded
// and not by the first mail.
#pragma once

#include <optional>

#include "config/config.h"

namespace app {

// When credentials of the service manager are asked for: by a process that must have them by now,
// or by one that may have been started by somebody else (`smtpseal config` at a terminal).
enum class Fetch { now, later };

// At the line that names the file. Commands are not run: what they answer may depend on the hour.
[[nodiscard]] std::optional<config::Problem> login_trouble(const config::Config& config,
                                                           const config::Smarthost& smarthost,
                                                           Fetch fetch);

}  // namespace app
