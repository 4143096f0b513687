// What the keys of TLS and AUTH toward clients must have of each other, and of delivery.
#include <algorithm>
#include <array>

#include "config/draft.h"

namespace config {
namespace {

std::string_view word_of(ClientTls tls) {
  switch (tls) {
    case ClientTls::none: return "none";
    case ClientTls::may: return "may";
    case ClientTls::encrypt: return "encrypt";
    case ClientTls::implicit: return "implicit";
  }
  return "none";
}

class ClientTlsResolver {
 public:
  ClientTlsResolver(Draft& draft, ProblemList& problems, ProblemList& warnings)
      : draft_(draft),
        listener_(draft.listener()),
        setting_("tls = " + std::string(word_of(listener_.tls))),
        problems_(problems),
        warnings_(warnings) {}

  void run() {
    if (draft_.find("auth_requires_tls") == nullptr) listener_.auth_requires_tls = has_tls();
    if (listener_.delivery == Delivery::queue) check_queue();
    // A word that was not understood is no reason to speak of others.
    const Given* const tls = draft_.find("tls");
    if (tls != nullptr && !tls->is_understood) return;
    if (has_tls()) {
      check_certificate();
      check_ports();
    } else {
      check_unused();
    }
    check_auth();
    check_passwords();
  }

 private:
  // No smarthost is asked while the client is there: neither for a password nor for a reply.
  void check_queue() {
    if (listener_.auth == ClientAuth::passthrough) {
      const Given* const auth = draft_.find("auth");
      if (auth == nullptr) {
        listener_.auth = ClientAuth::off;
      } else if (auth->is_understood) {
        problems_.add(
            draft_.place_of("auth"),
            "auth = passthrough does not go with delivery = queue, where the smarthost is "
            "asked only once the client has gone: write auth = off, any or file:PATH");
      }
    }
    if (is_given("early_replies") && !listener_.early_replies) {
      warnings_.add(draft_.place_of("early_replies"),
                    "early_replies = no has no effect with delivery = queue: every reply is ours");
    }
  }

  [[nodiscard]] bool has_tls() const { return listener_.tls != ClientTls::none; }
  [[nodiscard]] bool is_given(std::string_view key) const { return draft_.find(key) != nullptr; }

  // Somebody believes to have switched TLS on.
  void check_unused() {
    for (const std::string_view key :
         {"certificate", "key", "key_passphrase_file", "key_passphrase_command", "client_ca"}) {
      if (!is_given(key)) continue;
      problems_.add(draft_.place_of(key), std::string(key) + " needs TLS toward clients, and " +
                                              setting_ +
                                              ": write tls = may, encrypt or implicit as well");
    }
  }

  void check_certificate() {
    if (!is_given("certificate")) {
      problems_.add(draft_.place_of("tls"),
                    setting_ +
                        " needs certificate = FILE, the certificate we show clients, in PEM, and "
                        "key = FILE, its private key");
    }
    if (is_given("key_passphrase_file") && is_given("key_passphrase_command")) {
      problems_.add(draft_.place_of("key_passphrase_command"),
                    "key_passphrase_command and key_passphrase_file do not go together");
    }
  }

  void check_ports() {
    constexpr std::array<std::uint16_t, 2> kStartTlsPorts = {25, 587};
    constexpr std::uint16_t kImplicitPort = 465;  // RFC 8314 7.3
    const bool is_implicit = listener_.tls == ClientTls::implicit;
    for (const base::Endpoint& endpoint : listener_.listen) {
      const std::uint16_t port = endpoint.address.port;
      const bool is_odd = is_implicit
                              ? std::count(kStartTlsPorts.begin(), kStartTlsPorts.end(), port) > 0
                              : port == kImplicitPort;
      if (!is_odd) continue;
      warnings_.add(
          draft_.place_of("listen"),
          "listen = " + endpoint.to_string() + " with " + setting_ +
              (is_implicit ? ": clients expect plaintext and STARTTLS there (tls = may or "
                             "encrypt), TLS from the first byte on 465"
                           : ": clients expect TLS from the first byte there (tls = implicit), "
                             "STARTTLS on 25 or 587"));
      return;
    }
  }

  void check_auth() {
    const bool is_demanded = listener_.auth_requires_tls;
    if (!is_given("auth_requires_tls")) return;
    const Place& place = draft_.place_of("auth_requires_tls");
    if (is_demanded && !has_tls()) {
      problems_.add(place, "auth_requires_tls = yes needs TLS toward clients, and " + setting_ +
                               ": nobody could authenticate; auth = off says so, if that is meant");
    } else if (!is_demanded &&
               (listener_.tls == ClientTls::encrypt || listener_.tls == ClientTls::implicit)) {
      warnings_.add(place, "auth_requires_tls = no has no effect with " + setting_ +
                               ": nothing is taken before TLS is up");
    }
  }

  // Those of users of ours are said in private only; see smtp::mechanisms_of_users().
  void check_passwords() {
    const bool may_be_clear =
        !has_tls() || (listener_.tls == ClientTls::may && !listener_.auth_requires_tls);
    if (listener_.auth != ClientAuth::file || !may_be_clear) return;
    for (const base::Endpoint& endpoint : listener_.listen) {
      if (!endpoint.is_reachable()) continue;
      warnings_.add(draft_.place_of("auth"),
                    "auth = file: without TLS, clients of other machines can authenticate on " +
                        endpoint.to_string() +
                        " by SCRAM-SHA-256 alone, since PLAIN and LOGIN would show their "
                        "passwords to anyone on the way" +
                        (has_tls() ? "" : " (tls = may, encrypt or implicit)"));
      return;
    }
  }

  Draft& draft_;
  Listener& listener_;
  std::string setting_;
  ProblemList& problems_;
  ProblemList& warnings_;
};

}  // namespace

void resolve_client_tls(Draft& listener, ProblemList& problems, ProblemList& warnings) {
  ClientTlsResolver(listener, problems, warnings).run();
}

}  // namespace config
