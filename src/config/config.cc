// The configuration: gathered, read, resolved and checked, in this order, without stopping at the
// first thing that is wrong.
#include "config/config.h"

#include <cstdlib>
#include <tuple>
#include <utility>

#include "config/draft.h"
#include "config/keys.h"
#include "config/problems.h"

namespace config {
namespace {

base::SocketAddress loopback(std::string_view ip) {
  constexpr std::uint16_t kSmtpPort = 25;
  const auto address = base::parse_ip(ip, kSmtpPort);
  SMTPSEAL_CHECK(address.is_ok());
  return *address;
}

base::Network network(std::string_view cidr) {
  const auto parsed = base::Network::parse(cidr);
  SMTPSEAL_CHECK(parsed.is_ok());
  return *parsed;
}

auto fields(const tls::ClientOptions& options) {
  return std::tie(options.level, options.min_version, options.verify_name, options.ca_files,
                  options.ca_dirs, options.pins);
}

auto fields(const relay::PoolOptions& options) {
  return std::tie(options.max_connections, options.idle_timeout, options.max_transactions,
                  options.max_age, options.max_bytes, options.max_rate, options.max_wait);
}

auto fields(const Smarthost& smarthost) {
  return std::tie(smarthost.name, smarthost.hosts, smarthost.port, smarthost.mode,
                  smarthost.client_identity, smarthost.sender_match, smarthost.ehlo_name,
                  smarthost.repeats_client_name, smarthost.login, smarthost.chunking,
                  smarthost.connect_timeout, smarthost.command_timeout, smarthost.data_timeout);
}

// The dot that makes a name absolute for the resolver stands in no certificate.
void name_absolute_host(Smarthost& smarthost) {
  if (smarthost.hosts.size() != 1 || !smarthost.tls.verify_name.empty()) return;
  std::string name = smarthost.hosts.front();
  if (!name.ends_with('.')) return;
  name.pop_back();
  smarthost.tls.verify_name = std::move(name);
}

Config assemble(Drafts& drafts) {
  Config config;
  config.file = drafts.file;
  for (const Draft& draft : drafts.sections) {
    for (const auto& [key, given] : draft.given) {
      config.places.add(draft.label(), key, given.place.text);
    }
  }
  config.general = std::get<General>(drafts.general().section);
  for (Draft* draft : drafts.of(Kind::listener)) config.listeners.push_back(draft->listener());
  for (Draft* draft : drafts.of(Kind::smarthost)) {
    config.smarthosts.push_back(draft->smarthost());
    name_absolute_host(config.smarthosts.back());
  }
  return config;
}

}  // namespace

std::uint16_t default_port(Mode mode) { return mode == Mode::implicit ? 465 : 25; }

std::vector<base::Endpoint> default_listen() { return {loopback("127.0.0.1"), loopback("::1")}; }

std::vector<base::Network> default_allow() { return {network("127.0.0.0/8"), network("::1")}; }

bool operator==(const Smarthost& a, const Smarthost& b) {
  return fields(a) == fields(b) && fields(a.tls) == fields(b.tls) &&
         fields(a.pool) == fields(b.pool);
}

void Places::add(std::string_view section, std::string_view key, std::string place) {
  places_[{std::string(section), std::string(key)}] = std::move(place);
}

std::string Places::of(std::string_view section, std::string_view key) const {
  const auto found = places_.find({std::string(section), std::string(key)});
  return found == places_.end() ? std::string() : found->second;
}

std::string section_label(std::string_view word, std::string_view name) {
  std::string label(word);
  if (!name.empty()) label.append(" ").append(name);
  return label;
}

const Smarthost* Config::find_smarthost(std::string_view name) const {
  for (const Smarthost& smarthost : smarthosts) {
    if (smarthost.name == name) return &smarthost;
  }
  return nullptr;
}

LoadResult load(const Sources& sources) {
  ProblemList problems;
  ProblemList warnings;
  ProblemList unavailable;
  Drafts drafts = gather(sources, problems, warnings);
  read_values(drafts, problems, unavailable);
  resolve(drafts, sources, problems, warnings);
  LoadResult result;
  if (!problems.is_empty()) {
    result.problems = problems.take();
    result.warnings = warnings.take();
    return result;
  }
  Loaded loaded;
  loaded.config = assemble(drafts);
  loaded.values = effective_values(drafts, sources);
  loaded.warnings = warnings.take();
  loaded.unavailable = unavailable.take();
  result.loaded = std::move(loaded);
  return result;
}

#if defined(_WIN32)
namespace {

std::string data_folder() {
  const char* const data = std::getenv("ProgramData");
  const std::string folder = data != nullptr && *data != '\0' ? data : "C:\\ProgramData";
  return folder + "\\smtpseal\\";
}

}  // namespace
#endif

std::string default_spool_folder() {
#if defined(_WIN32)
  return data_folder() + "spool";
#elif defined(__linux__)
  return "/var/lib/smtpseal/spool";
#elif defined(__APPLE__)
  return "/usr/local/var/spool/smtpseal";
#else
  return "/var/spool/smtpseal";
#endif
}

std::vector<std::string> default_files() {
#if defined(_WIN32)
  return {"smtpseal.conf", data_folder() + "smtpseal.conf"};
#elif defined(__linux__)
  return {"./smtpseal.conf", "/etc/smtpseal/smtpseal.conf"};
#else
  return {"./smtpseal.conf", "/usr/local/etc/smtpseal/smtpseal.conf"};
#endif
}

}  // namespace config
