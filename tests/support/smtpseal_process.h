// The real program, started with a configuration file and listened to through its log.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/config_text.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace support {

// `<id> <event> key=value ...`
struct LogLine {
  std::string id;
  std::string event;
  std::map<std::string, std::string> fields;
  std::string text;  // the whole line

  [[nodiscard]] std::string field(const std::string& key) const {
    const auto found = fields.find(key);
    return found == fields.end() ? std::string() : found->second;
  }
};

// The event that a line reports, if it is one of `event`.
[[nodiscard]] std::optional<LogLine> parse_log_line(const std::string& line,
                                                    std::string_view event);

// Where the program is: the environment variable SEAL_PROGRAM. Throws Failure when it is not set.
[[nodiscard]] std::string smtpseal_program();

// Runs one of its commands to the end.
Finished run_smtpseal(std::vector<std::string> arguments,
                      std::vector<std::pair<std::string, std::string>> environment = {});

class Smtpseal {
 public:
  // Starts `run -c FILE` and waits until it accepts connections.
  Smtpseal(const TempDir& directory, const ConfigText& config,
           std::vector<std::string> arguments = {});
  // As systemd starts it: with these sockets, which have these names ("smtp:smtp:other").
  Smtpseal(const TempDir& directory, const ConfigText& config, std::vector<int> sockets,
           const std::string& names);

  // Of the first (or only) listener, or of number `index`; 0 for a Unix socket.
  [[nodiscard]] std::uint16_t port(std::size_t index = 0) const { return ports_.at(index); }
  [[nodiscard]] Process& process() { return process_; }
  [[nodiscard]] const std::string& config_file() const { return config_file_; }

  // Lines logged so far that report this event.
  [[nodiscard]] std::vector<LogLine> events(std::string_view event) const;
  [[nodiscard]] std::size_t count(std::string_view event) const { return events(event).size(); }
  // Waits until there are `count` of them, and returns the last of these.
  LogLine wait_for(std::string_view event, std::size_t count = 1,
                   Milliseconds patience = kPatience);
  // Everything it logged.
  [[nodiscard]] std::string log() const { return process_.errors(); }

  // Replaces the configuration file and sends SIGHUP.
  void reload(const ConfigText& config);
  // SIGTERM; returns the exit status.
  int stop();
  // What a sanitizer or an internal check said, empty when nothing.
  [[nodiscard]] std::string sanitizer_report() const;

 private:
  void await_ready();

  std::string config_file_;
  Process process_;
  std::vector<std::uint16_t> ports_;
};

}  // namespace support
