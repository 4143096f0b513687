// See smtpseal_process.h.
#include "support/smtpseal_process.h"

#include <csignal>
#include <cstdlib>
#include <sstream>

#include <unistd.h>

namespace support {

namespace {

// Splits at spaces; "key=\"a b\"" is one piece, without the quotation marks.
std::vector<std::string> pieces(const std::string& line) {
  std::vector<std::string> out(1);
  bool is_quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && is_quoted && i + 1 < line.size()) {
      out.back() += line[++i];
    } else if (line[i] == '"') {
      is_quoted = !is_quoted;
    } else if (line[i] == ' ' && !is_quoted) {
      out.emplace_back();
    } else {
      out.back() += line[i];
    }
  }
  return out;
}

std::vector<std::string> run_arguments(const std::string& file,
                                       std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"run", "-c", file});
  return arguments;
}

}  // namespace

std::optional<LogLine> parse_log_line(const std::string& line, std::string_view event) {
  const std::vector<std::string> words = pieces(line);
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].find('=') != std::string::npos) break;
    if (words[i] != event) continue;
    LogLine out{words[i - 1], words[i], {}, line};
    for (std::size_t j = i + 1; j < words.size(); ++j) {
      const std::size_t equals = words[j].find('=');
      if (equals == std::string::npos) continue;
      out.fields[words[j].substr(0, equals)] = words[j].substr(equals + 1);
    }
    return out;
  }
  return std::nullopt;
}

std::string smtpseal_program() {
  const char* path = std::getenv("SEAL_PROGRAM");
  if (path == nullptr) throw Failure("SEAL_PROGRAM does not say where the program is");
  // Tests that run as root mean it, but for those of `user`, which set it anew.
  if (geteuid() == 0) setenv("SMTPSEAL_SMTPSEAL_USER", "root", 0);
  return path;
}

Finished run_smtpseal(std::vector<std::string> arguments,
                      std::vector<std::pair<std::string, std::string>> environment) {
  return run({smtpseal_program(), std::move(arguments), std::move(environment)});
}

Smtpseal::Smtpseal(const TempDir& directory, const ConfigText& config,
                   std::vector<std::string> arguments)
    : config_file_(directory.write("smtpseal.conf", config.text())),
      process_({smtpseal_program(), run_arguments(config_file_, std::move(arguments)), {}}) {
  await_ready();
}

Smtpseal::Smtpseal(const TempDir& directory, const ConfigText& config, std::vector<int> sockets,
                   const std::string& names)
    : config_file_(directory.write("smtpseal.conf", config.text())),
      process_({smtpseal_program(),
                run_arguments(config_file_, {}),
                {{"LISTEN_FDNAMES", names}},
                "/dev/null",
                -1,
                std::move(sockets)}) {
  await_ready();
}

void Smtpseal::await_ready() {
  std::istringstream addresses(wait_for("ready").field("listen"));
  for (std::string address; std::getline(addresses, address, ',');) {
    if (address.starts_with("unix:")) {
      ports_.push_back(0);
      continue;
    }
    const std::size_t colon = address.rfind(':');
    if (colon == std::string::npos) throw Failure("no port in \"" + address + "\"");
    ports_.push_back(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  }
}

std::vector<LogLine> Smtpseal::events(std::string_view event) const {
  std::vector<LogLine> out;
  for (const std::string& line : process_.error_lines()) {
    if (auto parsed = parse_log_line(line, event)) out.push_back(std::move(*parsed));
  }
  return out;
}

LogLine Smtpseal::wait_for(std::string_view event, std::size_t count, Milliseconds patience) {
  std::size_t seen = 0;
  const std::string line = process_.wait_for_error_line(
      [&](const std::string& each) {
        return parse_log_line(each, event).has_value() && ++seen >= count;
      },
      patience);
  return *parse_log_line(line, event);
}

void Smtpseal::reload(const ConfigText& config) {
  write_file(config_file_, config.text());
  process_.signal(SIGHUP);
}

int Smtpseal::stop() {
  process_.signal(SIGTERM);
  return process_.wait();
}

std::string Smtpseal::sanitizer_report() const {
  const std::string errors = process_.errors();
  for (const char* sign : {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
                           "runtime error:", "AddressSanitizer:", "WARNING: ThreadSanitizer",
                           "internal check failed", "terminate called"}) {
    const std::size_t at = errors.find(sign);
    if (at != std::string::npos) return errors.substr(at > 200 ? at - 200 : 0, 6000);
  }
  return {};
}

}  // namespace support
