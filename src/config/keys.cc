// Every key of the configuration, as data.
#include "config/keys.h"

#include <utility>

#include "base/address.h"
#include "config/codecs.h"
#include "config/key_codecs.h"
#include "config/rate.h"
#include "config/values.h"

namespace config {
namespace {

using namespace codec;  // the table reads as a table
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using tls::ClientOptions;

constexpr base::Duration kZero = base::Duration::zero();
constexpr base::Duration kDay = hours(24);
constexpr std::uint64_t kKibi = std::uint64_t{1} << 10;
constexpr std::uint64_t kMebi = std::uint64_t{1} << 20;
constexpr std::uint64_t kGibi = std::uint64_t{1} << 30;
// A TLS 1.3 connection may protect about 2^24.5 full records with one AES-GCM key (RFC 8446 5.5):
// 360 GiB.
constexpr std::uint64_t kMaxConnectionBytes = 256 * kGibi;
constexpr std::uint64_t kMaxSessions = 1'000'000;

// Rows of one section.
class Table {
 public:
  Table(Kind kind, std::vector<Key>& rows) : kind_(kind), rows_(rows) {}

  void add(std::string_view name, Codec codec) {
    rows_.push_back(Key{kind_, name, codec.is_list, std::move(codec.read), std::move(codec.print)});
  }
  // A key of a later version. Its default is what this version lives by (`tls = none`).
  void add_later(std::string_view name, Codec codec, std::string_view default_text) {
    add(name, std::move(codec));
    rows_.back().default_text = default_text;
  }
  // A key of a later version that means nothing yet, not even by its default.
  void add_unused(std::string_view name, Codec codec, std::string_view default_text = {}) {
    add_later(name, std::move(codec), default_text);
    rows_.back().is_default_available = false;
  }

 private:
  Kind kind_;
  std::vector<Key>& rows_;
};

void add_general(Table table) {
  using base::LogLevel;
  table.add("hostname", own_name());
  table.add("log_level", choice(field(&General::log_level), {{"error", LogLevel::error},
                                                             {"warn", LogLevel::warn},
                                                             {"info", LogLevel::info},
                                                             {"debug", LogLevel::debug}}));
  table.add("log_format", choice(field(&General::log_format), {{"auto", LogFormat::automatic},
                                                               {"text", LogFormat::text},
                                                               {"json", LogFormat::json}}));
  table.add("log_target", log_target());
  table.add("workers", workers());
  table.add("user", text(field(&General::user)));
  table.add("sandbox", flag(field(&General::sandbox)));
  table.add("drain_timeout", duration(field(&General::drain_timeout), kZero, kDay));
  table.add_unused("status", later(socket_address));
  using relay::SpoolOptions;
  const auto spool = [](auto member) { return field(&General::spool, member); };
  table.add("spool_dir", spool_folder());
  table.add("spool_max_size", size(spool(&SpoolOptions::max_size), kMebi, 1024 * kGibi));
  table.add("spool_max_age", duration(spool(&SpoolOptions::max_age), hours(1), 100 * kDay));
}

void add_listener_tls(Table& table) {
  table.add("tls", choice(field(&Listener::tls), {{"none", ClientTls::none},
                                                  {"may", ClientTls::may},
                                                  {"encrypt", ClientTls::encrypt},
                                                  {"implicit", ClientTls::implicit}}));
  using tls::IdentityFiles;
  const auto identity = [](std::string IdentityFiles::*member) {
    return text(field(&Listener::identity, member));
  };
  table.add("certificate", identity(&IdentityFiles::certificate));
  table.add("key", identity(&IdentityFiles::key));
  table.add("key_passphrase_file", identity(&IdentityFiles::passphrase_file));
  table.add("key_passphrase_command", identity(&IdentityFiles::passphrase_command));
  table.add("client_ca", texts(field(&Listener::client_ca)));
}

void add_listener_senders(Table& table) {
  using smtp::SenderMode;
  using smtp::SenderOptions;
  table.add("sender", sender());
  table.add("sender_mode", choice(field(&Listener::sender, &SenderOptions::envelope),
                                  {{"force", SenderMode::force},
                                   {"if-unauthorized", SenderMode::if_unauthorized}}));
  table.add("header_from", choice(field(&Listener::sender, &SenderOptions::header_from),
                                  {{"keep", SenderMode::keep},
                                   {"force", SenderMode::force},
                                   {"if-unauthorized", SenderMode::if_unauthorized}}));
  table.add("authorized_senders", authorized_senders());
}

void add_listener(Table table) {
  using smtp::LineEndings;
  using smtp::Syntax;
  table.add("listen", listen());
  table.add("socket_mode", socket_mode());
  table.add("smarthost", text(field(&Listener::smarthost)));
  table.add("allow", networks(&Listener::allow));
  add_listener_tls(table);
  table.add("auth", client_auth());
  table.add("auth_requires_tls", flag(field(&Listener::auth_requires_tls)));
  table.add("delivery", choice(field(&Listener::delivery), {{"relay", Delivery::relay},
                                                            {"fallback", Delivery::fallback},
                                                            {"queue", Delivery::queue}}));
  table.add("early_replies", flag(field(&Listener::early_replies)));
  table.add("line_endings",
            choice(field(&Listener::line_endings),
                   {{"normalize", LineEndings::normalize}, {"strict", LineEndings::strict}}));
  table.add("syntax", choice(field(&Listener::syntax),
                             {{"tolerant", Syntax::tolerant}, {"strict", Syntax::strict}}));
  table.add("received_header", flag(field(&Listener::received_header)));
  add_listener_senders(table);
  table.add("max_message_size", size(field(&Listener::max_message_size), 0, 1024 * kGibi));
  table.add("max_sessions", number(field(&Listener::max_sessions), 1, kMaxSessions));
  table.add("max_sessions_per_client",
            number(field(&Listener::max_sessions_per_client), 0, kMaxSessions));
  table.add("proxy_protocol", flag(field(&Listener::proxy_protocol)));
  table.add("proxy_networks", networks(&Listener::proxy_networks));
}

void add_smarthost_tls(Table table) {
  using tls::Level;
  table.add("host", hosts());
  table.add("port", number(field(&Smarthost::port), 1, 65535));
  table.add("mode", choice(field(&Smarthost::mode),
                           {{"starttls", Mode::starttls}, {"implicit", Mode::implicit}}));
  table.add("tls",
            choice(field(&Smarthost::tls, &ClientOptions::level), {{"none", Level::none},
                                                                   {"may", Level::may},
                                                                   {"encrypt", Level::encrypt},
                                                                   {"pin", Level::pin},
                                                                   {"verify", Level::verify}}));
  table.add("tls_min", choice(field(&Smarthost::tls, &ClientOptions::min_version),
                              {{"1.2", tls::Version::tls12}, {"1.3", tls::Version::tls13}}));
  table.add("ca_file", texts(field(&Smarthost::tls, &ClientOptions::ca_files)));
  table.add("ca_dir", texts(field(&Smarthost::tls, &ClientOptions::ca_dirs)));
  table.add("verify_name", verify_name());
  table.add("pin", list(field(&Smarthost::tls, &ClientOptions::pins), parse_pin,
                        [](const std::string& value) { return value; }));
  using tls::IdentityFiles;
  const auto identity = [](std::string IdentityFiles::*member) {
    return text(field(&Smarthost::client_identity, member));
  };
  table.add("client_certificate", identity(&IdentityFiles::certificate));
  table.add("client_key", identity(&IdentityFiles::key));
  table.add("client_key_passphrase_file", identity(&IdentityFiles::passphrase_file));
  table.add("client_key_passphrase_command", identity(&IdentityFiles::passphrase_command));
}

void add_smarthost_session(Table table) {
  table.add("sender_match", sender_match());
  table.add("ehlo_name", ehlo_name());
  const auto command = [](std::string Login::*member) {
    return text(field(&Smarthost::login, member));
  };
  table.add("username", username());
  table.add("password_file", secret_path(&Login::password_file));
  table.add("password_command", command(&Login::password_command));
  table.add("token_file", secret_path(&Login::token_file));
  table.add("token_command", command(&Login::token_command));
  table.add("auth_mechanism", auth_mechanism());
  table.add("chunking", choice(field(&Smarthost::chunking), {{"auto", true}, {"off", false}}));
}

void add_smarthost_limits(Table table) {
  using relay::PoolOptions;
  const auto pool = [](auto member) { return field(&Smarthost::pool, member); };
  constexpr base::Duration kInstant = milliseconds(1);
  table.add("max_connections", number(pool(&PoolOptions::max_connections), 1, 1000));
  table.add("idle_timeout", duration(pool(&PoolOptions::idle_timeout), kZero, kDay));
  table.add("max_transactions", number(pool(&PoolOptions::max_transactions), 1, 1'000'000));
  table.add("max_age", duration(pool(&PoolOptions::max_age), seconds(1), kDay));
  table.add("max_bytes", size(pool(&PoolOptions::max_bytes), kKibi, kMaxConnectionBytes));
  table.add("max_rate", value(pool(&PoolOptions::max_rate), parse_rate, format_rate));
  table.add("connect_timeout", duration(field(&Smarthost::connect_timeout), kInstant, kDay));
  table.add("command_timeout", duration(field(&Smarthost::command_timeout), kInstant, kDay));
  table.add("data_timeout", duration(field(&Smarthost::data_timeout), kInstant, kDay));
}

std::vector<Key> make_rows() {
  std::vector<Key> rows;
  add_general(Table(Kind::smtpseal, rows));
  add_listener(Table(Kind::listener, rows));
  const Table smarthost(Kind::smarthost, rows);
  add_smarthost_tls(smarthost);
  add_smarthost_session(smarthost);
  add_smarthost_limits(smarthost);
  return rows;
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::smtpseal: return "smtpseal";
    case Kind::listener: return "listener";
    case Kind::smarthost: return "smarthost";
  }
  return "";
}

Section make_section(Kind kind, const std::string& name) {
  switch (kind) {
    case Kind::smtpseal: break;
    case Kind::listener: {
      Listener listener;
      listener.name = name;
      return listener;
    }
    case Kind::smarthost: {
      Smarthost smarthost;
      smarthost.name = name;
      return smarthost;
    }
  }
  return General{};
}

const std::vector<Key>& keys() {
  static const std::vector<Key> rows = make_rows();
  return rows;
}

std::vector<const Key*> keys_of(Kind kind) {
  std::vector<const Key*> found;
  for (const Key& key : keys()) {
    if (key.kind == kind) found.push_back(&key);
  }
  return found;
}

const Key* find_key(Kind kind, std::string_view name) {
  for (const Key& key : keys()) {
    if (key.kind == kind && key.name == name) return &key;
  }
  return nullptr;
}

}  // namespace config
