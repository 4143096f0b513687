// From texts to values in force: every text read into its section, what depends on other keys
// filled in, and everything checked that lies between keys.
#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/text.h"
#include "config/draft.h"
#include "config/values.h"
#include "tls/files.h"

namespace config {
namespace {

// What a machine is called that has no name of its own. ".localdomain" is not registered and never
// will be found, but is a name in form: servers that look only at the form take it.
constexpr std::string_view kLocalDomain = ".localdomain";
constexpr std::string_view kNameless = "smtpseal";

// Why a text was not understood, with a hint where a habit of other formats shows.
std::string with_habit(std::string_view text, std::string why) {
  const bool is_quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                         text.front() == text.back();
  if (is_quoted) why += "; write it without quotes";
  if (text.find(" #") != text.npos || text.find(" ;") != text.npos) {
    why += "; comments stand on lines of their own";
  }
  return why;
}

void read_value(const Key& key, Draft& draft, Given& given, ProblemList& problems,
                ProblemList& unavailable) {
  if (given.text.empty()) return;  // was reported where it was found
  const std::string assignment = std::string(key.name) + " = " + base::printable(given.text, 120);
  Reading reading = key.read(given.text, draft.section);
  if (!reading.wrong.empty()) {
    problems.add(given.place, assignment + ": " + with_habit(given.text, std::move(reading.wrong)));
    return;
  }
  given.is_understood = true;
  given.is_available = reading.is_available;
  if (reading.is_available) return;
  std::string message =
      std::string(to_string(draft.kind)) + '.' + assignment + ": not available in this version";
  unavailable.add(given.place, message);
}

std::string host_list(const Smarthost& smarthost) { return format_list(smarthost.hosts); }

// Whether a connection to `host`:`port` would arrive at `listen`.
bool leads_to(std::string_view host, std::uint16_t port, const base::Endpoint& endpoint) {
  const base::SocketAddress& listen = endpoint.address;
  if (!endpoint.is_ip() || listen.port != port) return false;
  if (is_localhost_name(host)) return listen.is_loopback() || listen.is_unspecified();
  const auto address = base::parse_ip(host, port);
  if (!address) return false;
  if (listen.is_unspecified() && listen.is_v6() == address->is_v6()) return address->is_loopback();
  return address->host() == listen.host();
}

class Resolver {
 public:
  Resolver(Drafts& drafts, const Sources& sources, ProblemList& problems, ProblemList& warnings)
      : drafts_(drafts), sources_(sources), problems_(problems), warnings_(warnings) {}

  void run() {
    resolve_hostname();
    for (Draft* draft : drafts_.of(Kind::smarthost)) {
      resolve_smarthost(*draft);
      check_encryption(*draft);
      check_client_certificate(*draft);
      resolve_login(*draft, problems_);
      check_port(*draft);
      check_hosts(*draft, problems_, warnings_);
    }
    for (Draft* draft : drafts_.of(Kind::listener)) {
      choose_smarthost(*draft);
      check_listening(*draft, problems_, warnings_);
      resolve_client_tls(*draft, problems_, warnings_);
      resolve_senders(*draft, problems_);
    }
    check_addresses();
    check_loops();
    check_unused();
    check_sender_matches(drafts_.of(Kind::smarthost), problems_, warnings_);
    check_passed_over();
  }

 private:
  void resolve_hostname() {
    General& general = std::get<General>(drafts_.general().section);
    if (general.hostname.empty()) general.hostname = usable_hostname(sources_.host_fqdn);
  }

  void resolve_smarthost(Draft& draft) {
    Smarthost& smarthost = draft.smarthost();
    if (draft.find("port") == nullptr) smarthost.port = default_port(smarthost.mode);
    // To wait for a new connection or for one that comes free is the same to a client.
    smarthost.pool.max_wait = smarthost.connect_timeout;
    if (draft.find("host") == nullptr && drafts_.is_complete) {
      problems_.add(draft.place, '[' + draft.label() +
                                     "] needs host = NAME, the server that takes your mail (or "
                                     "--smarthost HOST, or SMTPSEAL_SMARTHOST_HOST)" +
                                     no_file_was_found());
    }
  }

  // "; there is neither ./smtpseal.conf nor /etc/smtpseal/smtpseal.conf"
  std::string no_file_was_found() const {
    if (!drafts_.file.empty() || sources_.search.empty()) return {};
    std::string text;
    for (const std::string& path : sources_.search) text += (text.empty() ? "" : " nor ") + path;
    return "; no file was read: there is " +
           std::string(sources_.search.size() > 1 ? "neither " : "no ") + text;
  }

  // Somebody may believe a file to be in force that is not.
  void check_passed_over() {
    for (const std::string& path : sources_.passed_over) {
      if (!tls::is_there(path)) continue;
      warnings_.add(Place{path, 0}, "not read, because " + sources_.passed_over_for +
                                        " was given (with -c " + path + " it is)");
      return;
    }
  }

  // --- one smarthost

  void check_encryption(const Draft& draft) {
    const Smarthost& smarthost = draft.smarthost();
    const tls::Level level = smarthost.tls.level;
    const std::string setting = "tls = " + std::string(to_string(level));
    const Place& place = draft.place_of("tls");
    if (level == tls::Level::verify) return;
    if (level == tls::Level::pin) {
      check_pins(draft, place);
      return;
    }
    if (smarthost.mode == Mode::implicit && level != tls::Level::encrypt) {
      problems_.add(place, setting +
                               ": mode = implicit is always encrypted; write verify, or encrypt "
                               "to do without checking whom it is encrypted for");
      return;
    }
    warnings_.add_weak_tls(
        place, setting + ": mail to " + host_list(smarthost) + std::string(risk_of(level)));
    warn_of_idle(draft, {"verify_name", "ca_file", "ca_dir"},
                 " has no effect with " + setting + ", only with verify");
    // Whoever wrote one down believes to know who answers.
    if (draft.find("pin") != nullptr) {
      problems_.add(draft.place_of("pin"), "pin has no effect with " + setting +
                                               ": write tls = pin, or tls = verify, which then "
                                               "demands both");
    }
  }

  static std::string_view risk_of(tls::Level level) {
    switch (level) {
      case tls::Level::none:
        return " will travel unencrypted: anyone on the way can read and change it";
      case tls::Level::may:
        return " will travel unencrypted whenever no TLS is offered, which anyone on the way can "
               "bring about; nobody's identity is checked";
      case tls::Level::encrypt:
        return " will be encrypted for whoever answers: nobody's identity is checked";
      case tls::Level::pin:
      case tls::Level::verify: break;
    }
    return "";
  }

  void check_pins(const Draft& draft, const Place& place) {
    if (draft.find("pin") == nullptr) {
      problems_.add(place,
                    "tls = pin needs pin = sha256//..., the key that the smarthost must have "
                    "(smtpseal check HOST prints it)");
    }
    warn_of_idle(draft, {"ca_file", "ca_dir"}, " has no effect with tls = pin, only with verify");
  }

  void check_client_certificate(const Draft& draft) {
    const bool is_given = draft.find("client_certificate") != nullptr;
    for (const std::string_view key :
         {"client_key", "client_key_passphrase_file", "client_key_passphrase_command"}) {
      if (is_given || draft.find(key) == nullptr) continue;
      problems_.add(draft.place_of(key), std::string(key) +
                                             " needs client_certificate = FILE, the certificate "
                                             "that we show the smarthost");
      return;
    }
    if (!is_given) return;
    const tls::IdentityFiles& files = draft.smarthost().client_identity;
    if (!files.passphrase_file.empty() && !files.passphrase_command.empty()) {
      problems_.add(draft.place_of("client_key_passphrase_command"),
                    "client_key_passphrase_command and client_key_passphrase_file do not go "
                    "together: write one of them");
    }
    if (draft.smarthost().tls.level != tls::Level::none) return;
    warn_of_idle(draft, {"client_certificate"}, " has no effect with tls = none");
  }

  // Of keys that were written down in vain.
  void warn_of_idle(const Draft& draft, std::initializer_list<std::string_view> keys,
                    const std::string& why) {
    for (const std::string_view key : keys) {
      const bool is_default_word =
          key == "verify_name" && draft.smarthost().tls.verify_name.empty();
      if (draft.find(key) == nullptr || is_default_word) continue;
      warnings_.add(draft.place_of(key), std::string(key) + why);
    }
  }

  void check_port(const Draft& draft) {
    const Smarthost& smarthost = draft.smarthost();
    const bool is_implicit = smarthost.mode == Mode::implicit;
    const bool is_odd =
        is_implicit ? smarthost.port == 25 || smarthost.port == 587 : smarthost.port == 465;
    if (!is_odd) return;
    const std::string port = std::to_string(smarthost.port);
    warnings_.add(draft.place_of("port"),
                  is_implicit
                      ? "port = " + port +
                            " with mode = implicit: servers expect STARTTLS "
                            "there (mode = starttls), implicit TLS on 465"
                      : "port = 465 with mode = starttls: servers expect TLS from the first "
                        "byte there (mode = implicit), STARTTLS on 25 or 587");
  }

  // --- one listener

  void choose_smarthost(Draft& draft) {
    const std::vector<Draft*> all = drafts_.of(Kind::smarthost);
    std::string& chosen = draft.listener().smarthost;
    if (draft.find("smarthost") != nullptr) {
      const auto found = std::find_if(all.begin(), all.end(), [&](const Draft* smarthost) {
        return base::iequals(smarthost->name, chosen);
      });
      if (found != all.end()) {
        chosen = (*found)->name;
      } else if (!chosen.empty() && drafts_.is_complete) {
        problems_.add(draft.place_of("smarthost"), "smarthost = " + chosen +
                                                       ": there is no section [smarthost " +
                                                       chosen + ']' + near_names(chosen, all));
      }
      return;
    }
    if (all.size() == 1) {
      chosen = all.front()->name;
      return;
    }
    problems_.add(draft.place, '[' + draft.label() + "] needs smarthost = NAME: there are " +
                                   std::to_string(all.size()) + " smarthosts (" +
                                   section_names(all) + ')');
  }

  static std::string near_names(std::string_view word, const std::vector<Draft*>& all) {
    std::vector<std::string_view> names;
    for (const Draft* draft : all) names.push_back(draft->name);
    return suggestion(word, names);
  }

  // Only a section with a name can be chosen by it.
  static std::string section_names(const std::vector<Draft*>& all) {
    std::string text;
    for (const Draft* draft : all) {
      if (!text.empty()) text += ", ";
      text += draft->name.empty() ? "one without a name: give it one" : draft->name;
    }
    return text;
  }

  // --- between sections

  void check_addresses() {
    struct Bound {
      const base::Endpoint* endpoint;
      const Draft* draft;
    };
    std::vector<Bound> bound;
    for (const Draft* draft : drafts_.of(Kind::listener)) {
      for (const base::Endpoint& endpoint : draft->listener().listen) {
        const bool is_any_port = endpoint.is_ip() && endpoint.address.port == 0;
        const auto same = std::find_if(bound.begin(), bound.end(), [&](const Bound& other) {
          return !is_any_port && *other.endpoint == endpoint;
        });
        if (same == bound.end()) {
          bound.push_back(Bound{&endpoint, draft});
          continue;
        }
        const Place& first = same->draft->place_of("listen");
        problems_.add(draft->place_of("listen"),
                      "listen = " + endpoint.to_string() + ": the same address twice" +
                          (same->draft == draft
                               ? ""
                               : ", first in [" + same->draft->label() + "] (" + first.text + ')'));
      }
    }
  }

  void check_loops() {
    for (const Draft* smarthost : drafts_.of(Kind::smarthost)) {
      for (const std::string& host : smarthost->smarthost().hosts) {
        check_loop(*smarthost, host);
      }
    }
  }

  void check_loop(const Draft& smarthost, const std::string& host) {
    const std::uint16_t port = smarthost.smarthost().port;
    for (const Draft* listener : drafts_.of(Kind::listener)) {
      for (const base::Endpoint& listen : listener->listener().listen) {
        if (!leads_to(host, port, listen)) continue;
        problems_.add(
            smarthost.place_of("host"),
            "host = " + host + ", port " + std::to_string(port) +
                ": the smarthost is this smtpseal itself (listen = " + listen.to_string() + ')');
        return;
      }
    }
  }

  void check_unused() {
    const std::vector<Draft*> all = drafts_.of(Kind::smarthost);
    if (all.size() < 2) return;
    for (const Draft* smarthost : all) {
      const std::vector<Draft*> listeners = drafts_.of(Kind::listener);
      const bool is_used = std::any_of(listeners.begin(), listeners.end(), [&](Draft* listener) {
        return listener->listener().smarthost == smarthost->name;
      });
      if (!is_used && smarthost->find("sender_match") == nullptr) {
        warnings_.add(smarthost->place, '[' + smarthost->label() + "] is used by no listener");
      }
    }
  }

  Drafts& drafts_;
  const Sources& sources_;
  ProblemList& problems_;
  ProblemList& warnings_;
};

}  // namespace

void read_values(Drafts& drafts, ProblemList& problems, ProblemList& unavailable) {
  for (Draft& draft : drafts.sections) {
    for (const Key* key : keys_of(draft.kind)) {
      const auto given = draft.given.find(key->name);
      if (given != draft.given.end()) {
        read_value(*key, draft, given->second, problems, unavailable);
      }
    }
  }
}

void resolve(Drafts& drafts, const Sources& sources, ProblemList& problems, ProblemList& warnings) {
  Resolver(drafts, sources, problems, warnings).run();
}

std::string usable_hostname(std::string_view host_fqdn) {
  std::string name = base::lowered(base::trimmed(host_fqdn));
  // Windows and containers allow underscores and more in a machine's name.
  for (char& c : name) {
    const bool is_right = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    if (!is_right) c = '-';
  }
  while (!name.empty() && (name.back() == '.' || name.back() == '-')) name.pop_back();
  while (!name.empty() && (name.front() == '.' || name.front() == '-')) name.erase(0, 1);
  const auto has_dot = [&name] { return name.find('.') != std::string::npos; };
  if (!name.empty() && !has_dot() && !is_localhost_name(name)) name += kLocalDomain;
  const auto checked = parse_own_name(name);
  return checked ? *checked : std::string(kNameless) + std::string(kLocalDomain);
}

}  // namespace config
