// See cli.h. The grammar is CLI11's; what it means is ours.
#include "app/cli.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <utility>

#include <CLI/CLI.hpp>

#include "app/exit_status.h"
#include "app/version.h"
#include "base/text.h"
#include "config/hosts.h"
#include "platform/platform.h"

#ifdef _WIN32
#define environ _environ
#else
extern char** environ;
#endif

namespace app {

namespace {

constexpr std::string_view kFirstSteps =
    "Start with:  smtpseal demo --once\n"
    "       and:  smtpseal check smtp.example.edu:587";

// "Without -c, --smarthost or HOST, ./smtpseal.conf is read, else /etc/smtpseal/smtpseal.conf."
std::string file_footer(std::string_view given) {
  const std::vector<std::string> files = config::default_files();
  return "Without " + std::string(given) + ", " + files.front() + " is read, else\n" +
         files.back() + '.';
}

// What the options of all commands are bound to while CLI11 parses.
struct Bound {
  Invocation invocation;
  std::string config_file, smarthost, tls, mode, target, via, user;
  std::vector<std::string> listen;
  std::string queue_action;
  std::string topic;  // help COMMAND
  bool is_version = false;
  bool is_help = false;
};

void add_config(CLI::App& command, Bound& bound) {
  command.add_option("-c,--config", bound.config_file, "Configuration file")->type_name("FILE");
}

void add_json(CLI::App& command, Bound& bound) {
  command.add_flag("--json", bound.invocation.is_json, "Print one JSON value");
}

void add_overrides(CLI::App& command, Bound& bound, bool with_listener) {
  if (with_listener) {
    command
        .add_option("--listen", bound.listen,
                    "Address for clients; may be repeated\n(default 127.0.0.1:25 and [::1]:25)")
        ->type_name("ADDR:PORT|unix:PATH")
        ->expected(1)
        ->take_all();
    command.add_option("--smarthost", bound.smarthost, "Where mail goes")->type_name("HOST[:PORT]");
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
    one->add_option("--user", bound.user, "User to become, when root, once the ports are open")
        ->type_name("NAME[:GROUP]");
  }
  run->footer(file_footer("-c or --smarthost"));
  run->callback([&bound] { bound.invocation.command = Command::run; });
}

void add_probes(CLI::App& check, Bound& bound) {
  Invocation& invocation = bound.invocation;
  check.add_option("--auth-user", invocation.auth_user, "Try a login")->type_name("NAME");
  CLI::Option* from =
      check.add_option("--mail-from", invocation.probe_from, "Try whether a sender is taken")
          ->type_name("ADDRESS");
  CLI::Option* to = check
                        .add_option("--rcpt-to", invocation.probe_to,
                                    "Try whether a recipient is taken;\nmay be repeated")
                        ->type_name("ADDRESS")
                        ->expected(1)
                        ->take_all()
                        ->needs(from);
  from->needs(to);
}

void add_check(CLI::App& root, Bound& bound) {
  CLI::App* check = root.add_subcommand("check", "Walk the path to the smarthost and explain it");
  add_config(*check, bound);
  add_overrides(*check, bound, false);
  add_json(*check, bound);
  check->add_option("smarthost", bound.target, "Instead of the configured one")
      ->type_name("HOST[:PORT]");
  add_probes(*check, bound);
  check->footer(
      file_footer("-c or HOST") +
      "\n\n"
      "The password of --auth-user is asked for at the terminal, without echo, or read\n"
      "from the first line of standard input: it belongs neither into the arguments nor\n"
      "into the environment, where others may read it. It is only given away inside TLS\n"
      "with a certificate that was verified.\n"
      "No mail is ever sent: --mail-from and --rcpt-to end in RSET, without DATA.\n\n"
      "--json is described by contrib/schema/check.schema.json. Exit statuses: 0 mail can\n"
      "be sent; 69 smarthost unavailable; 75 try again later; 76 it breaks the protocol;\n"
      "77 TLS policy or login refused; 78 configuration wrong; 71 system error.");
  check->callback([&bound] { bound.invocation.command = Command::check; });
}

void add_send(CLI::App& root, Bound& bound) {
  CLI::App* send = root.add_subcommand("send", "Send one test message through the listener");
  add_config(*send, bound);
  send->add_option("--from", bound.invocation.from, "Sender")->required();
  send->add_option("--to", bound.invocation.to, "Recipient (one)")->required();
  send->add_option("--via", bound.via, "Listener (default: the first configured)")
      ->type_name("ADDR:PORT|unix:PATH");
  send->footer(file_footer("-c or --via"));
  send->callback([&bound] { bound.invocation.command = Command::send; });
}

void add_config_command(CLI::App& root, Bound& bound) {
  CLI::App* config = root.add_subcommand("config", "Print every effective value and its origin");
  add_config(*config, bound);
  add_overrides(*config, bound, true);
  add_json(*config, bound);
  config->footer(file_footer("-c or --smarthost"));
  config->callback([&bound] { bound.invocation.command = Command::config; });
}

void add_demo(CLI::App& root, Bound& bound) {
  CLI::App* demo = root.add_subcommand("demo", "See it work on this machine, without a network");
  demo->add_flag("--once", bound.invocation.is_once, "Exit after the demonstration");
  demo->add_flag("--smarthost-only", bound.invocation.is_smarthost_only,
                 "Only the demo's smarthost: see whether an application encrypts");
  demo->add_option("--listen", bound.via,
                   "Its address, with --smarthost-only\n(default 127.0.0.1:2525)")
      ->type_name("ADDR:PORT");
  demo->callback([&bound] { bound.invocation.command = Command::demo; });
}

void add_password(CLI::App& root, Bound& bound) {
  CLI::App* password =
      root.add_subcommand("password", "Make a line for a file of users (auth = file:PATH)");
  password->add_option("--user", bound.invocation.user, "Whose password it is")->type_name("NAME");
  password->footer(
      "Prints NAME:HASH, a line of the file, or without --user the hash alone:\n"
      "  smtpseal password --user printer >> /etc/smtpseal/users\n"
      "The password is asked for at the terminal, twice and without echo, or read from\n"
      "the first line of standard input. The hash is one of RFC 5803 (SCRAM-SHA-256), as\n"
      "PostgreSQL has them. Others must not be able to read the file: chmod o-rwx.");
  password->callback([&bound] { bound.invocation.command = Command::password; });
}

struct QueueWord {
  std::string_view word;
  QueueAction action;
  bool wants_id;
};
constexpr std::array kQueueWords = {
    QueueWord{"list", QueueAction::list, false}, QueueWord{"show", QueueAction::show, true},
    QueueWord{"retry", QueueAction::retry, false}, QueueWord{"hold", QueueAction::hold, true},
    QueueWord{"drop", QueueAction::drop, true}};

void add_queue(CLI::App& root, Bound& bound) {
  CLI::App* queue = root.add_subcommand("queue", "See and steer the mail in the spool");
  queue->add_option("action", bound.queue_action, "What to do")
      ->type_name("list|show|retry|hold|drop")
      ->required();
  queue->add_option("id", bound.invocation.mail_id, "Which mail")->type_name("ID");
  add_config(*queue, bound);
  add_json(*queue, bound);
  queue->footer(
      file_footer("-c") +
      "\n\n"
      "  list        what waits, and what has failed\n"
      "  show ID     its envelope, what became of it so far, and its header\n"
      "  retry [ID]  try it now, held or failed as it may be; without ID all that wait\n"
      "  hold ID     do not try it until retry\n"
      "  drop ID     remove it; nobody is told\n"
      "Safe while smtpseal runs: it is asked to do it then. Run it as the user that smtpseal\n"
      "runs as, or as root, which becomes the configured user. --json is described by "
      "contrib/schema/queue.schema.json. Exit statuses: 0 done;\n"
      "65 no such mail; 74 the spool cannot be read; 75 smtpseal has not done it yet; 78\n"
      "configuration wrong, or without a spool.");
  queue->callback([&bound] { bound.invocation.command = Command::queue; });
}

void add_help(CLI::App& root, Bound& bound) {
  CLI::App* help = root.add_subcommand("help", "Print this help, or that of a command");
  help->add_option("command", bound.topic)->type_name("COMMAND");
  help->callback([&bound] { bound.is_help = true; });
}

// Commands of the contract whose feature is not in this version yet: known with whatever arguments
// they will have, refused clearly, and offered to nobody.
void add_later(CLI::App& root, Bound& bound) {
  for (const Command command : {Command::probe, Command::status, Command::service}) {
    CLI::App* later =
        root.add_subcommand(std::string(command_name(command)), "Not available in this version");
    later->group("");
    later->prefix_command();
    later->callback([&bound, command] { bound.invocation.command = command; });
  }
}

// --- wrong usage

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> offered_commands(const CLI::App& root) {
  std::vector<std::string> names;
  for (const CLI::App* command : root.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  return names;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string_view near =
      base::nearest(word, std::vector<std::string_view>(candidates.begin(), candidates.end()));
  return near.empty() ? std::string() : "; did you mean " + std::string(near) + '?';
}

std::string quoted(std::string_view word) { return '"' + base::printable(word, 80) + '"'; }

std::string unknown_command(const CLI::App& root, std::string_view word) {
  return "unknown command " + quoted(word) + did_you_mean(word, offered_commands(root));
}

// What CLI11 found wrong, in our words where its own are hard to read.
std::string describe(const CLI::ParseError& error, const CLI::App& root, const CLI::App& command) {
  const std::vector<std::string> extras = root.remaining(true);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !extras.empty()) {
    const std::string_view word = std::string_view(extras.front());
    if (word.starts_with('-')) {
      const std::string_view name = word.substr(0, word.find('='));  // the value may be a secret
      return "unknown option " + base::printable(name, 80) +
             did_you_mean(name, option_names(command));
    }
    if (&command == &root) return unknown_command(root, word);
    return "unexpected argument " + quoted(word);
  }
  const std::string_view words = error.what();
  const std::string option(words.substr(0, words.find(':')));
  const bool is_mismatch = dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr;
  if (is_mismatch && words.find("At Most 1 required") != std::string_view::npos) {
    return option + " was given more than once";
  }
  if (is_mismatch && words.find("1 required") != std::string_view::npos) {
    return option + " needs a value";
  }
  return std::string(words);
}

// One line that says who speaks and about which command, and one with the way on.
int refuse_usage(const CLI::App& command, std::string_view message) {
  const std::string name = command.get_parent() == nullptr ? "" : command.get_name();
  std::cerr << "smtpseal: " << name << (name.empty() ? "" : ": ") << message
            << "\n          See: smtpseal " << name << (name.empty() ? "" : " ") << "--help\n";
  return static_cast<int>(ExitStatus::usage);
}

// The command that was named, or the whole.
const CLI::App& chosen_command(const CLI::App& root) {
  const std::vector<CLI::App*> chosen = root.get_subcommands();
  return chosen.empty() ? root : *chosen.front();
}

// Not by help(): CLI11 would print that of the command `help`.
int print_help(const CLI::App& root, const std::string& topic) {
  const auto print = [&](const CLI::App& command, const std::string& name) {
    std::cout << root.get_formatter()->make_help(&command, name, CLI::AppFormatMode::Normal);
    return 0;
  };
  if (topic.empty()) return print(root, root.get_name());
  const std::vector<std::string> names = offered_commands(root);
  if (std::find(names.begin(), names.end(), topic) == names.end()) {
    return refuse_usage(root, unknown_command(root, topic));
  }
  return print(*root.get_subcommand(topic), root.get_name() + ' ' + topic);
}

// Text given by flags becomes keys of the unnamed sections.
// A shell variable that is not set must not count for a flag that was not given.
std::optional<std::string> empty_value(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& value : option->results()) {
      if (value.empty()) return option->get_name() + ": its value is empty";
    }
  }
  return std::nullopt;
}

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
    const auto parsed = config::parse_target(smarthost);
    const char* flag = is_check ? "HOST[:PORT]" : "--smarthost";
    if (!parsed) return flag + (": " + parsed.error().detail);
    add("smarthost", "host", parsed->host, flag);
    if (parsed->port) add("smarthost", "port", std::to_string(*parsed->port), flag);
  }
  add("smtpseal", "user", bound.user, "--user");
  add("smarthost", "tls", bound.tls, "--tls");
  add("smarthost", "mode", bound.mode, "--mode");
  return std::nullopt;
}

std::optional<std::string> take_queue_action(Bound& bound) {
  Invocation& invocation = bound.invocation;
  if (invocation.command != Command::queue) return std::nullopt;
  std::vector<std::string> words;
  for (const QueueWord& known : kQueueWords) {
    words.emplace_back(known.word);
    if (bound.queue_action != known.word) continue;
    invocation.queue_action = known.action;
    const bool has_id = !invocation.mail_id.empty();
    if (known.wants_id && !has_id) return bound.queue_action + " needs an ID";
    if (has_id && known.action == QueueAction::list) return "list takes no ID (but show does)";
    return std::nullopt;
  }
  return "unknown action " + quoted(std::string_view(bound.queue_action)) +
         did_you_mean(bound.queue_action, words);
}

}  // namespace

std::string_view command_name(Command command) {
  switch (command) {
    case Command::run: return "run";
    case Command::check: return "check";
    case Command::send: return "send";
    case Command::config: return "config";
    case Command::queue: return "queue";
    case Command::demo: return "demo";
    case Command::password: return "password";
    case Command::probe: return "probe";
    case Command::status: return "status";
    case Command::service: return "service";
  }
  return "";
}

CommandLine parse_command_line(int argc, const char* const* argv) {
  CLI::App root("smtpseal: plaintext SMTP in on this machine, verified TLS out to the smarthost",
                "smtpseal");
  Bound bound;
  root.require_subcommand(0, 1);
  root.get_formatter()->column_width(34);
  root.add_flag("-V,--version", bound.is_version, "Print the version");
  add_run(root, bound);
  add_check(root, bound);
  add_send(root, bound);
  add_config_command(root, bound);
  add_demo(root, bound);
  add_queue(root, bound);
  add_password(root, bound);
  add_help(root, bound);
  add_later(root, bound);
  // Last: a command would have taken it over.
  root.footer(file_footer("-c, --smarthost or HOST") + '\n' + std::string(kFirstSteps));
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return {std::nullopt, root.exit(error)};
    const CLI::App& command = chosen_command(root);
    return {std::nullopt, refuse_usage(command, describe(error, root, command))};
  }
  if (bound.is_help) return {std::nullopt, print_help(root, bound.topic)};
  if (bound.is_version) {
    std::cout << version_text() << '\n';
    return {std::nullopt, 0};
  }
  if (argc > 0) bound.invocation.program = argv[0];
  for (const CLI::App* app : {static_cast<const CLI::App*>(&root), &chosen_command(root)}) {
    if (const auto problem = empty_value(*app)) {
      return {std::nullopt, refuse_usage(chosen_command(root), *problem)};
    }
  }
  for (const auto take : {take_flags, take_queue_action}) {
    if (const auto problem = take(bound)) {
      return {std::nullopt, refuse_usage(chosen_command(root), *problem)};
    }
  }
  return {std::move(bound.invocation), 0};
}

config::Sources sources_of(const Invocation& invocation) {
  config::Sources sources;
  sources.file = invocation.config_file;
  sources.flags = invocation.flags;
  sources.host_fqdn = platform::host_fqdn();
  // Flags that say where mail goes are a whole configuration: no file is looked for then.
  if (!sources.file) sources.search = config::default_files();
  for (const auto& flag : invocation.flags) {
    if (flag.key != "host" || sources.search.empty()) continue;
    sources.passed_over = std::exchange(sources.search, {});
    sources.passed_over_for = flag.flag;
  }
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (!text.starts_with("SMTPSEAL_") || equals == std::string_view::npos) continue;
    sources.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return sources;
}

}  // namespace app
