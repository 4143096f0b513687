// argv to a command, the command's result to an exit status.
#include <iostream>

#include "app/cli.h"
#include "app/commands.h"
#include "platform/platform.h"

int main(int argc, char** argv) {
  if (!platform::open_standard_streams()) return static_cast<int>(app::ExitStatus::os_error);
  const app::CommandLine line = app::parse_command_line(argc, argv);
  if (!line.invocation) return line.status;
  const app::Invocation& invocation = *line.invocation;
  app::ExitStatus status = app::ExitStatus::usage;
  switch (invocation.command) {
    case app::Command::run: status = app::run_command(invocation); break;
    case app::Command::config: status = app::config_command(invocation); break;
    case app::Command::check: status = app::check_command(invocation); break;
    case app::Command::send: status = app::send_command(invocation); break;
    case app::Command::demo: status = app::demo_command(invocation); break;
    case app::Command::queue:
    case app::Command::probe:
    case app::Command::status:
    case app::Command::service:
      std::cerr << "smtpseal: " << app::command_name(invocation.command)
                << ": not available in this version\n";
      break;
  }
  return static_cast<int>(status);
}
