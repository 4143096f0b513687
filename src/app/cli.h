// The command line: argv to an Invocation, nothing else.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace app {

enum class Command { run, check, send, config, queue, demo, password, probe, status, service };

enum class QueueAction { list, show, retry, hold, drop };

// What a command line asks for.
struct Invocation {
  Command command = Command::run;
  std::string program;                       // argv[0], for examples that people copy
  std::optional<std::string> config_file;    // -c
  std::vector<config::Sources::Flag> flags;  // --listen, --smarthost, --tls, --mode
  bool is_json = false;
  std::optional<std::string> target;  // check HOST[:PORT]
  std::string auth_user;              // check --auth-user
  std::string probe_from;             // check --mail-from
  std::vector<std::string> probe_to;  // check --rcpt-to
  std::string from, to;               // send
  std::string user;                   // password --user
  QueueAction queue_action = QueueAction::list;
  std::string mail_id;             // queue; empty: all (list and retry)
  std::optional<std::string> via;  // send --via, demo --smarthost-only --listen
  bool is_once = false;            // demo --once
  bool is_smarthost_only = false;  // demo --smarthost-only
};

// "run": the word on the command line.
[[nodiscard]] std::string_view command_name(Command command);

// Either an invocation, or the status to exit with at once (--help, --version, wrong usage: what
// there was to say has been said).
struct CommandLine {
  std::optional<Invocation> invocation;
  int status = 0;
};

[[nodiscard]] CommandLine parse_command_line(int argc, const char* const* argv);

// Flags, environment and files of this process as the sources of a configuration.
[[nodiscard]] config::Sources sources_of(const Invocation& invocation);

}  // namespace app
