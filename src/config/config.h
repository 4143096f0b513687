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
#include "base/endpoint.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/result.h"
#include "config/login.h"
#include "relay/pool_policy.h"
#include "relay/spool_policy.h"
#include "relay/transaction.h"
#include "smtp/client_session.h"
#include "smtp/extensions.h"
#include "smtp/sender.h"
#include "smtp/server_session.h"
#include "tls/identity_files.h"
#include "tls/tls_engine.h"

namespace config {

enum class LogFormat { automatic, text, json };
enum class LogTargetKind { stderr_stream, file, syslog, eventlog };
enum class Mode { starttls, implicit };
// TLS toward clients: none, offered with STARTTLS, demanded with STARTTLS, from the first byte.
enum class ClientTls { none, may, encrypt, implicit };
// AUTH of clients: carried to the smarthost, accepted whatever it says, not offered, or checked
// here.
enum class ClientAuth { passthrough, any, off, file };
using relay::Delivery;

// The port of a mode: 25 for starttls (RFC 3207), 465 for implicit (RFC 8314 3.3).
[[nodiscard]] std::uint16_t default_port(Mode mode);
// 127.0.0.1:25 and [::1]:25
[[nodiscard]] std::vector<base::Endpoint> default_listen();
// For the user and the group that smtpseal runs as: whoever takes the trouble of a Unix socket
// wants to say who may use it.
inline constexpr unsigned kDefaultSocketMode = 0660;
// 127.0.0.0/8 and ::1
[[nodiscard]] std::vector<base::Network> default_allow();

// /var/lib/smtpseal/spool on Linux: what systemd makes for our unit (StateDirectory), so that
// `smtpseal queue` at a shell and the service mean the same one. /var/spool/smtpseal on BSD,
// /usr/local/var/spool/smtpseal on macOS, %ProgramData%\smtpseal\spool on Windows.
[[nodiscard]] std::string default_spool_folder();

struct General {
  std::string hostname;  // resolved: never empty, never localhost; see usable_hostname()
  base::LogLevel log_level = base::LogLevel::info;
  LogFormat log_format = LogFormat::automatic;
  LogTargetKind log_target = LogTargetKind::stderr_stream;
  std::string log_file;
  unsigned workers = 1;
  std::string user;  // to become once every port is open: NAME, NAME:GROUP or numbers
  bool sandbox = true;
  base::Duration drain_timeout = std::chrono::seconds(30);
  relay::SpoolOptions spool{.folder = default_spool_folder()};

  friend bool operator==(const General&, const General&) = default;
};

struct Listener {
  std::string name;  // "" for [listener]
  std::vector<base::Endpoint> listen = default_listen();
  unsigned socket_mode = kDefaultSocketMode;  // of the files of Unix sockets
  std::string smarthost;                      // name of the section that serves it
  std::vector<base::Network> allow = default_allow();
  ClientTls tls = ClientTls::none;
  tls::IdentityFiles identity;         // there is one where there is TLS
  std::vector<std::string> client_ca;  // not empty: clients must show a certificate of theirs
  bool auth_requires_tls = false;      // resolved: yes by default where there is TLS
  ClientAuth auth = ClientAuth::passthrough;
  std::string users_file;  // with ClientAuth::file
  Delivery delivery = relay::TransactionOptions{}.delivery;
  bool early_replies = relay::TransactionOptions{}.early_replies;
  smtp::LineEndings line_endings = smtp::ServerOptions{}.line_endings;
  smtp::Syntax syntax = smtp::ServerOptions{}.syntax;
  bool received_header = true;
  smtp::SenderOptions sender;
  std::uint64_t max_message_size = smtp::OfferPolicy{}.max_message_size;  // 0 = the smarthost's
  unsigned max_sessions = 1000;
  unsigned max_sessions_per_client = 0;  // 0 = no limit
  bool proxy_protocol = false;
  std::vector<base::Network> proxy_networks;  // only these may say whom they speak for

  friend bool operator==(const Listener&, const Listener&) = default;
};

struct Smarthost {
  std::string name;  // "" for [smarthost]
  std::vector<std::string> hosts;
  std::uint16_t port = default_port(Mode::starttls);
  Mode mode = Mode::starttls;
  // verify_name empty = each host's own name; never with a trailing dot
  tls::ClientOptions tls;
  tls::IdentityFiles client_identity;  // shown to a smarthost that asks for one
  // Envelope senders, "app@example.edu" or "@example.edu", whose mail goes here whichever smarthost
  // is the listener's.
  std::vector<std::string> sender_match;
  std::string ehlo_name;             // empty = General::hostname
  bool repeats_client_name = false;  // in EHLO, where it is fit for that
  Login login;                       // with credentials of our own
  bool chunking = true;
  relay::PoolOptions pool;
  base::Duration connect_timeout = std::chrono::seconds(30);
  base::Duration command_timeout = smtp::ClientOptions{}.command_timeout;
  base::Duration data_timeout = smtp::ClientOptions{}.data_timeout;

  // Whether both lead to the same connections: those of one may then serve the other (reload).
  friend bool operator==(const Smarthost&, const Smarthost&);
};

// Where each key stands that was written down. Two configurations that differ in nothing else are
// the same.
class Places {
 public:
  void add(std::string_view section, std::string_view key, std::string place);
  // "FILE:LINE", "--listen", "SMTPSEAL_LISTENER_LISTEN"; empty when the default is in force.
  // `section` as in EffectiveValue.
  [[nodiscard]] std::string of(std::string_view section, std::string_view key) const;

  friend bool operator==(const Places&, const Places&) { return true; }

 private:
  std::map<std::pair<std::string, std::string>, std::string> places_;
};

struct Config {
  General general;
  std::vector<Listener> listeners;
  std::vector<Smarthost> smarthosts;
  std::string file;  // where it was read from; empty when there is none
  Places places;

  // The section of this name ("" for [smarthost]); null when there is none.
  [[nodiscard]] const Smarthost* find_smarthost(std::string_view name) const;

  friend bool operator==(const Config&, const Config&) = default;
};

// "listener", "listener outside": a section as it is called in its heading.
[[nodiscard]] std::string section_label(std::string_view word, std::string_view name);

// One thing that is wrong: "FILE:LINE: message" (or "--flag: message", "VARIABLE: message").
struct Problem {
  std::string where;
  std::string message;
  bool is_in_line = false;   // whether `where` is a line of a file
  bool is_weak_tls = false;  // a warning of a level below verify; `run` logs these itself
  [[nodiscard]] std::string to_string() const { return where + ": " + message; }
};

// A key's value as it is in force, for `smtpseal config`.
struct EffectiveValue {
  std::string section;  // "smtpseal", "listener", "smarthost backup"
  std::string key;
  std::string value;  // as text that could stand in a file; a secret's file name, never its content
  std::string origin;  // "default", "FILE:LINE", "environment NAME", "flag --listen"
  std::string note;    // "not available in this version", when it asks for what is not there yet;
                       // else a remark on how the value came about
  bool is_default = true;    // not written down anywhere
  bool is_available = true;  // a file that says `key = value` loads and runs in this version
};

// Where text comes from. Nothing here reads the process's environment or arguments by itself.
//
// Flags and variables of an unnamed section ("listener", SMTPSEAL_LISTENER_LISTEN) mean [listener];
// where that does not exist, the only [listener NAME]; where there are several, they are an error.
// An empty variable counts as not set. Variables that Kubernetes makes for a service called
// smtpseal (SMTPSEAL_SERVICE_HOST, SMTPSEAL_PORT_25_TCP) are passed over.
struct Sources {
  std::optional<std::string> file;  // path given by -c; must exist
  std::vector<std::string> search;  // else the first of these that exists
  // Files that would have been looked for but for a flag, and that flag: one that exists is warned
  // of, for somebody may believe it to be in force.
  std::vector<std::string> passed_over;
  std::string passed_over_for;
  std::map<std::string, std::string> environment;  // those beginning with SMTPSEAL_
  struct Flag {
    std::string section, key, value, flag;  // "listener", "listen", "127.0.0.1:25", "--listen"
  };
  std::vector<Flag> flags;
  std::string host_fqdn;  // this machine's name, the hostname's default
};

struct Loaded {
  Config config;
  std::vector<EffectiveValue> values;  // every key of every section, in table order
  std::vector<Problem> warnings;       // tls = none and the like
  std::vector<Problem> unavailable;    // set to what this version cannot do: `run` refuses with 78
};

// Everything wrong at once, or the whole configuration.
struct LoadResult {
  std::optional<Loaded> loaded;  // when problems is empty
  std::vector<Problem> problems;
  std::vector<Problem> warnings;  // beside problems: one of them may be the reason
};

// Reads, checks and resolves everything; the only file it opens is the configuration itself.
[[nodiscard]] LoadResult load(const Sources& sources);

// The configuration in force as a file that could be loaded in its stead: every key that this
// version has, and what was written down beyond that, below a comment with its origin (none for a
// default); keys that are not set as comments.
[[nodiscard]] std::string format_values(const Loaded& loaded);

// The hostname for a machine that calls itself `host_fqdn`: servers refuse `localhost`, a name
// without a dot and one that is none in the RFC's sense, so these are made into something they take
// ("mailer" becomes "mailer.localdomain", nothing at all "smtpseal.localdomain").
[[nodiscard]] std::string usable_hostname(std::string_view host_fqdn);

// The files looked for when no -c is given, in order, on this system (design: command line).
[[nodiscard]] std::vector<std::string> default_files();

}  // namespace config
