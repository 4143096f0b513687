// argv to a command, the command's result to an exit status.
#include <cstdio>
#include <iostream>

#include "app/cli.h"
#include "app/commands.h"
#include "platform/platform.h"

namespace {

// What was printed counts only once it is out: a full disk shows here.
bool flush_output() {
  std::cout.flush();
  return std::cout.good() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

int end(int status) {
  if (status != 0 || flush_output()) return status;
  std::cerr << "smtpseal: cannot write to standard output\n";
  return static_cast<int>(app::ExitStatus::io_error);
}

}  // namespace

int main(int argc, char** argv) {
  if (!platform::open_standard_streams()) return static_cast<int>(app::ExitStatus::os_error);
  const app::CommandLine line = app::parse_command_line(argc, argv);
  if (!line.invocation) return end(line.status);
  const app::Invocation& invocation = *line.invocation;
  app::ExitStatus status = app::ExitStatus::usage;
  switch (invocation.command) {
    case app::Command::run: status = app::run_command(invocation); break;
    case app::Command::config: status = app::config_command(invocation); break;
    case app::Command::check: status = app::check_command(invocation); break;
    case app::Command::send: status = app::send_command(invocation); break;
    case app::Command::demo: status = app::demo_command(invocation); break;
    case app::Command::password: status = app::password_command(invocation); break;
    case app::Command::queue: status = app::queue_command(invocation); break;
    case app::Command::probe:
    case app::Command::status:
    case app::Command::service:
      std::cerr << "smtpseal: " << app::command_name(invocation.command)
                << ": not available in this version\n";
      break;
  }
  return end(static_cast<int>(status));
}
