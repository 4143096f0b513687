// What `smtpseal check` found out on its way to the smarthost: facts only, no judgement.
//
// check_walk fills it in, stage after stage; check_steps turns it into a report. Texts of the
// smarthost stand here as they came: whoever shows them makes them printable.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/instant.h"
#include "base/result.h"
#include "config/config.h"
#include "smtp/extensions.h"
#include "smtp/reply.h"
#include "tls/tls_engine.h"

namespace app {

// What check is asked to try once mail could be sent (--auth-user, --mail-from, --rcpt-to). Ends in
// RSET: no mail data is ever sent.
struct CheckProbes {
  std::string user;  // empty: no login is tried
  std::string password;
  std::string reverse_path;  // with angle brackets; empty: no envelope is tried
  std::vector<std::string> forward_paths;
};

// A command, or the greeting, and what the smarthost answered.
struct CheckExchange {
  // Without CRLF, and of AUTH without what is secret; empty for the greeting.
  std::string sent;
  bool is_sealed = false;            // inside TLS
  std::optional<smtp::Reply> reply;  // nothing: none came, or none that could be understood
  long long milliseconds = 0;        // until the reply, or until it was given up
};

struct CheckHandshake {
  std::optional<base::Error> error;  // nothing: established
  tls::SessionInfo info;             // with an error: the chain and the faults at most
  long long milliseconds = 0;
};

// From the first byte to QUIT, on one connection.
struct CheckConversation {
  // Octets kept of what the smarthost said first, to recognise another protocol by.
  static constexpr std::size_t kFirstOctets = 256;

  std::vector<CheckExchange> exchanges;        // the greeting first
  std::optional<CheckHandshake> handshake;     // when TLS was begun
  std::optional<smtp::Extensions> extensions;  // of the EHLO that counts, once mail could be sent
  std::optional<base::Error> failure;          // why no mail could be sent
  std::optional<base::Error> probe_failure;    // why a probe was not answered, or not even begun
  std::string first_octets;                    // as they came, TLS or not
  std::string first_words;          // the same of what was said inside TLS, where it began with TLS
  bool is_on_this_machine = false;  // the address is one of this machine's own
  std::optional<smtp::Reply> farewell;  // to QUIT, where it was asked for on this machine

  [[nodiscard]] bool is_ready() const { return extensions.has_value(); }
  // TLS failed over the smarthost's certificate, and over nothing else.
  [[nodiscard]] bool has_identity_failure() const {
    return handshake && handshake->error && !handshake->info.faults.empty();
  }
};

struct CheckConnect {
  base::SocketAddress address;
  std::optional<base::Error> error;  // nothing: connected
  long long milliseconds = 0;
};

// Another configuration that was tried because the one in question cannot work here: the other mode
// at the same port, or another port.
struct CheckAlternative {
  config::Smarthost smarthost;
  std::optional<base::Error> connect_error;  // nothing: connected, and spoken with
  CheckConversation conversation;

  [[nodiscard]] bool works() const { return !connect_error && conversation.is_ready(); }
};

// An address that our listener is to have.
struct CheckListener {
  config::Listener listener;
  base::SocketAddress address;
  std::string place;  // "FILE:LINE" where it is written; empty: it is one of the default
  std::optional<config::Problem> tls_problem;        // why `run` would refuse its TLS
  std::optional<config::Problem> users_problem;      // the same of its users (auth = file:PATH)
  std::optional<tls::CertificateFacts> certificate;  // that its clients are shown, with TLS
  std::optional<base::Error> bind_error;             // nothing: it is free
  std::optional<CheckConversation> conversation;     // with whoever answers there
};

// A second connection to the same address.
struct CheckAgain {
  std::optional<base::Error> connect_error;
  CheckConversation conversation;
};

struct CheckFindings {
  config::Smarthost smarthost;
  std::string config_file;                 // where it was read from; may be empty
  std::vector<std::string> warnings;       // of the configuration, about this smarthost
  base::WallTime now;                      // to judge dates by
  std::optional<base::Error> trust_error;  // the trust store cannot be used
  std::string trust_source;                // empty with tls = none

  std::optional<base::Error> lookup_error;
  long long lookup_milliseconds = 0;
  std::vector<base::SocketAddress> addresses;
  std::vector<CheckConnect> connects;  // one an address, in the same order

  std::optional<base::SocketAddress> walked;  // the address the conversation was held with
  CheckConversation conversation;
  // No greeting came, but an answer to a TLS handshake.
  bool is_tls_where_plaintext_was_expected = false;
  // After a failed handshake: once more, asking for less, to see what is behind it.
  std::optional<CheckConversation> second_look;
  // After one that was in order: once more, offering to resume its TLS session.
  std::optional<CheckAgain> again;
  std::vector<CheckAlternative> alternatives;
  std::vector<CheckListener> listeners;  // that this smarthost serves

  // The first alternative that works; null when none does.
  [[nodiscard]] const CheckAlternative* remedy() const {
    for (const CheckAlternative& one : alternatives) {
      if (one.works()) return &one;
    }
    return nullptr;
  }

  // The smarthost as one would name it: "smtp.example.edu:587", "[2001:db8::1]:25".
  [[nodiscard]] std::string target() const {
    const std::string& host = smarthost.hosts.front();
    const bool is_v6 = host.find(':') != std::string::npos;
    return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(smarthost.port);
  }
};

}  // namespace app
