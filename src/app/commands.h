// The commands. Each prints its result on standard output, its troubles on standard error, and
// returns the exit status.
#pragma once

#include "app/cli.h"
#include "app/exit_status.h"

namespace app {

[[nodiscard]] ExitStatus run_command(const Invocation& invocation);
[[nodiscard]] ExitStatus config_command(const Invocation& invocation);
[[nodiscard]] ExitStatus check_command(const Invocation& invocation);
[[nodiscard]] ExitStatus send_command(const Invocation& invocation);
[[nodiscard]] ExitStatus demo_command(const Invocation& invocation);
[[nodiscard]] ExitStatus queue_command(const Invocation& invocation);
[[nodiscard]] ExitStatus password_command(const Invocation& invocation);

}  // namespace app
