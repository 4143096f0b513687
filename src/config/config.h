// The configuration: typed values, each with its origin; parsed once, checked once.
//
// Text comes from flags, environment, a file and defaults, in this order of precedence; every error
// is collected before anything is reported. Keys are data (keys.cc), defaults stand in the Options
// structs beside the code they configure, nothing downstream checks again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/result.h"
#include "relay/pool_policy.h"
#include "smtp/extensions.h"
#include "smtp/server_session.h"
#include "tls/tls_engine.h"

namespace config {

enum class LogFormat { automatic, text, json };
enum class LogTargetKind { stderr_stream, file, syslog, eventlog };
enum class Mode { starttls, implicit };
enum class ClientAuth { passthrough, any, off, file };
enum class Delivery { relay, fallback, queue };

struct General {
  std::string hostname;  // resolved: never empty
  base::LogLevel log_level = base::LogLevel::info;
  LogFormat log_format = LogFormat::automatic;
  LogTargetKind log_target = LogTargetKind::stderr_stream;
  std::string log_file;
  unsigned workers = 1;
  std::string user;
  base::Duration drain_timeout = std::chrono::seconds(30);
};

struct Listener {
  std::string name;  // "" for [listener]
  std::vector<base::SocketAddress> listen;
  std::string smarthost;  // name of the section that serves it
  std::vector<base::Network> allow;
  ClientAuth auth = ClientAuth::passthrough;
  Delivery delivery = Delivery::relay;
  bool early_replies = true;
  smtp::LineEndings line_endings = smtp::LineEndings::normalize;
  smtp::Syntax syntax = smtp::Syntax::tolerant;
  bool received_header = true;
  std::uint64_t max_message_size = 0;  // 0 = the smarthost's
  unsigned max_sessions = 1000;
  unsigned max_sessions_per_client = 0;  // 0 = no limit
};

struct Smarthost {
  std::string name;  // "" for [smarthost]
  std::vector<std::string> hosts;
  std::uint16_t port = 25;
  Mode mode = Mode::starttls;
  tls::ClientOptions tls;  // verify_name empty = each host's own name
  std::string ehlo_name;   // empty = General::hostname
  bool chunking = true;
  relay::PoolOptions pool;
  base::Duration connect_timeout = std::chrono::seconds(30);
  base::Duration command_timeout = std::chrono::minutes(5);
  base::Duration data_timeout = std::chrono::minutes(10);
};

struct Config {
  General general;
  std::vector<Listener> listeners;
  std::vector<Smarthost> smarthosts;
  std::string file;  // where it was read from; empty when there is none

  [[nodiscard]] const Smarthost* find_smarthost(std::string_view name) const;
};

// One thing that is wrong: "FILE:LINE: message" (or "--flag: message", "VARIABLE: message").
struct Problem {
  std::string where;
  std::string message;
  [[nodiscard]] std::string to_string() const { return where + ": " + message; }
};

// A key's value as it is in force, for `smtpseal config`.
struct EffectiveValue {
  std::string section;   // "smtpseal", "listener", "smarthost backup"
  std::string key;
  std::string value;     // as text that could stand in a file; a secret's file name, never its content
  std::string origin;    // "default", "FILE:LINE", "environment NAME", "flag --listen"
  std::string note;      // "not available in this version", when it asks for what is not there yet
};

// Where text comes from. Nothing here reads the process's environment or arguments by itself.
struct Sources {
  std::optional<std::string> file;                   // path given by -c; must exist
  std::vector<std::string> search;                   // else the first of these that exists
  std::map<std::string, std::string> environment;    // SMTPSEAL_SECTION_KEY only
  struct Flag {
    std::string section, key, value, flag;           // "listener", "listen", "127.0.0.1:25", "--listen"
  };
  std::vector<Flag> flags;
  std::string host_fqdn;                             // this machine's name, the hostname's default
};

struct Loaded {
  Config config;
  std::vector<EffectiveValue> values;   // every key of every section, in table order
  std::vector<Problem> warnings;        // tls = none and the like
  std::vector<Problem> unavailable;     // set to what this version cannot do: `run` refuses with 78
};

// Everything wrong at once, or the whole configuration.
struct LoadResult {
  std::optional<Loaded> loaded;    // when problems is empty
  std::vector<Problem> problems;
};

[[nodiscard]] LoadResult load(const Sources& sources);

// The files looked for when no -c is given, in order, on this system (design: command line).
[[nodiscard]] std::vector<std::string> default_files();

}  // namespace config
