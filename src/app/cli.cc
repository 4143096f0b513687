// See cli.h. The grammar is CLI11's; what it means is ours.
#include "app/cli.h"

#include <CLI/CLI.hpp>
#include <array>
#include <cstdlib>
#include <iostream>
#include <utility>

#include "app/exit_status.h"
#include "app/version.h"
#include "config/values.h"
#include "platform/platform.h"

#ifdef _WIN32
#define environ _environ
#else
extern char** environ;
#endif

namespace app {

namespace {

constexpr std::string_view kFooter =
    "\nWith neither -c nor flags, ./smtpseal.conf is read, else the system's\n"
    "configuration file. Start with:  smtpseal demo --once\n"
    "                           and:  smtpseal check smtp.example.edu:587";

// What the options of all commands are bound to while CLI11 parses.
struct Bound {
  Invocation invocation;
  std::string config_file, smarthost, tls, mode, target, via;
  std::vector<std::string> listen;
  bool is_version = false;
};

void add_config(CLI::App& command, Bound& bound) {
  command.add_option("-c,--config", bound.config_file, "Configuration file")->type_name("FILE");
}

void add_json(CLI::App& command, Bound& bound) {
  command.add_flag("--json", bound.invocation.is_json, "Print one JSON value");
}

void add_overrides(CLI::App& command, Bound& bound, bool with_listener) {
  if (with_listener) {
    command.add_option("--listen", bound.listen, "Address for clients (default 127.0.0.1:25)")
        ->type_name("ADDR:PORT")
        ->expected(1)
        ->take_all();
    command.add_option("--smarthost", bound.smarthost, "Where mail goes")
        ->type_name("HOST[:PORT]");
  }
  command.add_option("--tls", bound.tls, "How much TLS is required (default verify)")
      ->type_name("none|may|encrypt|pin|verify");
  command.add_option("--mode", bound.mode, "How TLS begins (default starttls)")
      ->type_name("starttls|implicit");
}

void add_run(CLI::App& root, Bound& bound) {
  CLI::App* run = root.add_subcommand("run", "Carry mail (the default command)");
  for (CLI::App* one : {&root, run}) {
    add_config(*one, bound);
    add_overrides(*one, bound, true);
  }
  run->callback([&bound] { bound.invocation.command = Command::run; });
}

void add_check(CLI::App& root, Bound& bound) {
  CLI::App* check = root.add_subcommand("check", "Walk the path to the smarthost and explain it");
  add_config(*check, bound);
  add_overrides(*check, bound, false);
  add_json(*check, bound);
  check->add_option("smarthost", bound.target, "Instead of the configured one")
      ->type_name("HOST[:PORT]");
  check->callback([&bound] { bound.invocation.command = Command::check; });
}

void add_send(CLI::App& root, Bound& bound) {
  CLI::App* send = root.add_subcommand("send", "Send one test message through the listener");
  add_config(*send, bound);
  send->add_option("--from", bound.invocation.from, "Sender")->required();
  send->add_option("--to", bound.invocation.to, "Recipient")->required();
  send->add_option("--via", bound.via, "Listener (default: the first configured)")
      ->type_name("ADDR:PORT");
  send->callback([&bound] { bound.invocation.command = Command::send; });
}

void add_config_command(CLI::App& root, Bound& bound) {
  CLI::App* config = root.add_subcommand("config", "Print every effective value and its origin");
  add_config(*config, bound);
  add_overrides(*config, bound, true);
  add_json(*config, bound);
  config->callback([&bound] { bound.invocation.command = Command::config; });
}

void add_demo(CLI::App& root, Bound& bound) {
  CLI::App* demo = root.add_subcommand("demo", "See it work on this machine, without a network");
  demo->add_flag("--once", bound.invocation.is_once, "Exit after the demonstration");
  demo->add_flag("--smarthost-only", bound.invocation.is_smarthost_only,
                 "Only the demo's smarthost: see whether an application encrypts");
  demo->add_option("--listen", bound.via, "Its address, with --smarthost-only")
      ->type_name("ADDR:PORT");
  demo->callback([&bound] { bound.invocation.command = Command::demo; });
}

// Commands of the contract whose feature is not in this version yet: known, and refused clearly.
void add_later(CLI::App& root, Bound& bound) {
  constexpr std::array<std::pair<const char*, Command>, 4> kLater = {{
      {"queue", Command::queue}, {"probe", Command::probe}, {"status", Command::status},
      {"service", Command::service}}};
  for (const auto& [name, command] : kLater) {
    CLI::App* later = root.add_subcommand(name, "Not available in this version");
    add_config(*later, bound);
    add_json(*later, bound);
    later->add_option("arguments", bound.invocation.arguments);
    later->callback([&bound, value = command] { bound.invocation.command = value; });
  }
}

// Text given by flags becomes keys of the unnamed sections.
std::optional<std::string> take_flags(Bound& bound) {
  Invocation& invocation = bound.invocation;
  if (!bound.config_file.empty()) invocation.config_file = bound.config_file;
  if (!bound.target.empty()) invocation.target = bound.target;
  if (!bound.via.empty()) invocation.via = bound.via;
  const auto add = [&](const char* section, const char* key, const std::string& value,
                       const char* flag) {
    if (!value.empty()) invocation.flags.push_back({section, key, value, flag});
  };
  for (const std::string& address : bound.listen) add("listener", "listen", address, "--listen");
  const bool is_check = !bound.target.empty();
  const std::string& smarthost = is_check ? bound.target : bound.smarthost;
  if (!smarthost.empty()) {
    const auto parsed = config::parse_host_port(smarthost);
    if (!parsed) return parsed.error().detail;
    const char* flag = is_check ? "HOST[:PORT]" : "--smarthost";
    add("smarthost", "host", parsed->host, flag);
    if (parsed->port) add("smarthost", "port", std::to_string(*parsed->port), flag);
  }
  add("smarthost", "tls", bound.tls, "--tls");
  add("smarthost", "mode", bound.mode, "--mode");
  return std::nullopt;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CLI::App root("smtpseal: plaintext SMTP in on this machine, verified TLS out to the smarthost",
                "smtpseal");
  Bound bound;
  root.footer(std::string(kFooter));
  root.require_subcommand(0, 1);
  root.get_formatter()->column_width(34);
  root.add_flag("--version", bound.is_version, "Print the version");
  add_run(root, bound);
  add_check(root, bound);
  add_send(root, bound);
  add_config_command(root, bound);
  add_demo(root, bound);
  add_later(root, bound);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = root.exit(error);
    return {std::nullopt, status == 0 ? 0 : static_cast<int>(ExitStatus::usage)};
  }
  if (bound.is_version) {
    std::cout << version_text() << '\n';
    return {std::nullopt, 0};
  }
  if (argc > 0) bound.invocation.program = argv[0];
  if (const auto problem = take_flags(bound)) {
    std::cerr << "smtpseal: " << *problem << '\n';
    return {std::nullopt, static_cast<int>(ExitStatus::usage)};
  }
  return {std::move(bound.invocation), 0};
}

config::Sources sources_of(const Invocation& invocation) {
  config::Sources sources;
  sources.file = invocation.config_file;
  sources.flags = invocation.flags;
  sources.host_fqdn = platform::host_fqdn();
  // Flags that say where mail goes are a whole configuration: no file is looked for then.
  const bool has_smarthost = [&] {
    for (const auto& flag : invocation.flags) {
      if (flag.key == "host") return true;
    }
    return false;
  }();
  if (!sources.file && !has_smarthost) sources.search = config::default_files();
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (!text.starts_with("SMTPSEAL_") || equals == std::string_view::npos) continue;
    sources.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return sources;
}

}  // namespace app
