// See check_advice.h.
#include "app/check_advice.h"

#include <algorithm>

#include "app/format.h"
#include "base/text.h"
#include "platform/platform.h"

namespace app {

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// "smtpseal check smtp.example.edu:587"
std::string check_command_for(const std::string& host, std::uint16_t port, bool is_implicit) {
  const bool is_v6 = host.find(':') != std::string::npos;
  return "smtpseal check " + (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port) +
         (is_implicit ? " --mode implicit" : "");
}

// "587 and 465"
std::string tried_ports(const CheckFindings& findings) {
  std::vector<std::string> ports;
  for (const CheckAlternative& one : findings.alternatives) {
    if (one.smarthost.port != findings.smarthost.port) {
      ports.push_back(std::to_string(one.smarthost.port));
    }
  }
  std::string text;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (i > 0) text += i + 1 == ports.size() ? " and " : ", ";
    text += ports[i];
  }
  return text;
}

// Where else the smarthost may be waiting: what was tried, else what to try.
std::string other_ports(const CheckFindings& findings) {
  if (const CheckAlternative* remedy = findings.remedy()) {
    const bool is_implicit = remedy->smarthost.mode == config::Mode::implicit;
    return "Use port = " + std::to_string(remedy->smarthost.port) +
           " with mode = " + (is_implicit ? "implicit" : "starttls") + ": that works, see below.";
  }
  if (const std::string ports = tried_ports(findings); !ports.empty()) {
    const auto& all = findings.alternatives;
    const bool is_any_open = std::any_of(all.begin(), all.end(), [&](const CheckAlternative& one) {
      return !one.connect_error && one.smarthost.port != findings.smarthost.port;
    });
    if (is_any_open) return "What was found at ports " + ports + " of it stands below.";
    return "No connection can be made to its ports " + ports +
           " either. Ask the smarthost's administrator which host and port serve this machine.";
  }
  const std::string& host = findings.smarthost.hosts.front();
  const std::string at_587 = "`" + check_command_for(host, 587, false) + "`";
  const std::string at_465 = "`" + check_command_for(host, 465, true) + "`";
  if (findings.smarthost.port == 587) return "Try " + at_465 + ".";
  if (findings.smarthost.port == 465) return "Try " + at_587 + ".";
  return "Try " + at_587 + " or " + at_465 + ".";
}

// Some firewalls overwrite what they do not like with X and *.
bool is_masked(const CheckFindings& findings) {
  for (const CheckExchange& exchange : findings.conversation.exchanges) {
    if (!exchange.reply || exchange.is_sealed) continue;
    for (const std::string& line : exchange.reply->lines) {
      if (contains(line, "XXXX") || contains(line, "****")) return true;
    }
  }
  return false;
}

std::string advise_on_other_protocol(PeerKind kind) {
  switch (kind) {
    case PeerKind::ssh: return "This is an SSH server. Check the host and the port.";
    case PeerKind::pop3: return "This is a POP3 server, where mail is fetched. Check the port.";
    case PeerKind::imap: return "This is an IMAP server, where mail is read. Check the port.";
    case PeerKind::http: return "This is a web server. Check the host and the port.";
    case PeerKind::unknown:
    case PeerKind::smtp:
    case PeerKind::tls: break;
  }
  return {};
}

// Whether the other mode was tried at the same port, and would fail over more than a certificate.
bool is_other_mode_futile(const CheckFindings& findings) {
  const auto& all = findings.alternatives;
  return std::any_of(all.begin(), all.end(), [&](const CheckAlternative& one) {
    return one.smarthost.port == findings.smarthost.port && !one.works() &&
           !one.conversation.has_identity_failure();
  });
}

std::string mode_change(const CheckFindings& findings) {
  const bool is_implicit = findings.smarthost.mode == config::Mode::implicit;
  const std::string port = is_implicit ? "the port for implicit TLS, usually 465."
                                       : "the port for STARTTLS, usually 587 or 25.";
  if (is_other_mode_futile(findings)) return "Use " + port;
  const std::string mode = is_implicit ? "starttls" : "implicit";
  return "Use mode = " + mode + " (--mode " + mode + ") with this port, or " + port;
}

}  // namespace

PeerKind recognise_peer(std::string_view first_octets) {
  const auto is_digit = [&](std::size_t at) {
    return first_octets[at] >= '0' && first_octets[at] <= '9';
  };
  if (first_octets.starts_with("SSH-")) return PeerKind::ssh;
  if (first_octets.starts_with("+OK") || first_octets.starts_with("-ERR")) return PeerKind::pop3;
  if (first_octets.starts_with("* OK") || first_octets.starts_with("* BYE")) return PeerKind::imap;
  if (first_octets.starts_with("HTTP/") || first_octets.starts_with("<")) return PeerKind::http;
  // Handshakes and alerts begin so (RFC 8446 5.1).
  const bool is_record = first_octets.size() >= 2 && first_octets[1] == 0x03 &&
                         (first_octets[0] == 0x16 || first_octets[0] == 0x15);
  if (is_record) return PeerKind::tls;
  const bool is_reply = first_octets.size() >= 4 && is_digit(0) && is_digit(1) && is_digit(2) &&
                        (first_octets[3] == ' ' || first_octets[3] == '-');
  return is_reply ? PeerKind::smtp : PeerKind::unknown;
}

bool is_with_smtpseal(const CheckConversation& held) {
  if (!held.is_on_this_machine || !held.farewell) return false;
  if (held.exchanges.empty() || !held.exchanges.front().reply) return false;
  const std::string greeting = held.exchanges.front().reply->summary();
  const std::string_view begin = "220 ", end = " ESMTP";
  if (!greeting.starts_with(begin) || !greeting.ends_with(end)) return false;
  const std::string name =
      greeting.substr(begin.size(), greeting.size() - begin.size() - end.size());
  return held.farewell->summary() == "221 2.0.0 " + name + " closing";
}

ConnectTrouble classify_connect_trouble(const base::Error& error) {
  if (contains(error.detail, "refused")) return ConnectTrouble::refused;
  if (contains(error.detail, "unreachable") || contains(error.detail, "not available")) {
    return ConnectTrouble::no_route;
  }
  if (contains(error.detail, "no answer") || contains(error.detail, "timed out")) {
    return ConnectTrouble::timed_out;
  }
  return ConnectTrouble::other;
}

std::string advise_setting(const config::Smarthost& smarthost, std::string_view key,
                           std::string_view value) {
  const std::string section = "smarthost" + (smarthost.name.empty() ? "" : " " + smarthost.name);
  std::string variable = base::uppered("SMTPSEAL_" + section + "_" + std::string(key));
  for (char& c : variable) {
    const bool is_plain = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_plain) c = '_';
  }
  return std::string(key) + " = " + std::string(value) + " in [" + section + "] (or " + variable +
         "=" + std::string(value) + " in the environment)";
}

std::string advise_on_trust_store(const config::Smarthost& smarthost, const base::Error& error) {
  const tls::IdentityFiles& own = smarthost.client_identity;
  for (const std::string& file : {own.certificate, own.key, own.passphrase_file}) {
    if (!file.empty() && error.detail.starts_with(file)) {
      return "Correct client_certificate and client_key, or leave them out where the smarthost "
             "asks for no certificate.";
    }
  }
  if (!own.passphrase_command.empty() && contains(error.detail, "passphrase")) {
    return "Correct client_key_passphrase_command, which must print the passphrase.";
  }
  if (!smarthost.tls.ca_files.empty() || !smarthost.tls.ca_dirs.empty()) {
    return "Correct ca_file or ca_dir, or leave both out to use the system's trust store.";
  }
  return "Install the system's CA certificates (the package is often called ca-certificates), or "
         "set " +
         advise_setting(smarthost, "ca_file", "FILE") + ".";
}

std::string advise_on_level(tls::Level level) {
  if (level == tls::Level::verify || level == tls::Level::pin) return {};
  return "Use tls = verify (--tls verify), the default, unless this smarthost really cannot do "
         "it.";
}

std::string advise_on_lookup(const std::string& host) {
  return "Check the spelling of " + host +
         ". If it is right, this machine's name servers do not know the name, or cannot be asked "
         "from here (/etc/resolv.conf, a VPN, a firewall).";
}

std::string advise_on_domain(const std::string& domain) {
  return "Ask whoever runs " + domain + " for the name of its server, and write that as host.";
}

std::string advise_on_slow_lookup() {
  return "Every new connection waits for it. Often the first name server in /etc/resolv.conf is "
         "dead; put a living one first.";
}

std::string advise_on_connect(const CheckFindings& findings, ConnectTrouble trouble) {
  if (findings.walked) {
    return trouble == ConnectTrouble::no_route
               ? std::string()
               : "Mail goes by the other addresses. Tell the smarthost's administrator if this one "
                 "should work.";
  }
  switch (trouble) {
    case ConnectTrouble::refused:
      return "Nothing accepts connections there, or a firewall refuses them. " +
             other_ports(findings);
    case ConnectTrouble::timed_out:
      if (findings.smarthost.port != 25) {
        return "A firewall on the way drops the connection, or the machine is down. " +
               other_ports(findings);
      }
      return (findings.remedy() != nullptr
                  ? std::string("Port 25 is blocked on the way out, as in many networks. ")
                  : std::string("Many networks block port 25 on the way out. ")) +
             other_ports(findings);
    case ConnectTrouble::no_route:
      return "This machine has no route there: check its network connection, and its VPN if the "
             "smarthost is only reachable through one.";
    case ConnectTrouble::other: break;
  }
  return "Check this machine's network connection and firewall.";
}

std::string advise_on_greeting(const CheckFindings& findings) {
  const CheckConversation& held = findings.conversation;
  if (findings.is_tls_where_plaintext_was_expected) return mode_change(findings);
  const bool is_sealed = !held.exchanges.empty() && held.exchanges.front().is_sealed;
  if (is_sealed && !held.exchanges.front().reply && held.failure) {
    const PeerKind behind = recognise_peer(held.first_words);
    if (std::string other = advise_on_other_protocol(behind); !other.empty()) return other;
    std::string own = advise_on_own_certificate(findings.smarthost, *held.failure);
    return own.empty() ? advise_on_failure(*held.failure) : own;
  }
  const PeerKind kind = recognise_peer(held.first_octets);
  if (std::string other = advise_on_other_protocol(kind); !other.empty()) return other;
  const bool has_reply = !held.exchanges.empty() && held.exchanges.front().reply;
  if (has_reply && held.exchanges.front().reply->is_permanent()) {
    return "The smarthost does not serve this machine's address. Its administrator can say why "
           "(the text above may), and may have another server for you. " +
           other_ports(findings);
  }
  if (has_reply && held.exchanges.front().reply->is_transient()) {
    return "Wait and try again; the smarthost is busy or wants to slow us down.";
  }
  if (has_reply) return advise_on_failure({base::Fault::peer_protocol, {}});
  if (!held.first_octets.empty()) {
    return "This does not look like a mail server. Check the host and the port.";
  }
  if (held.failure && contains(held.failure->detail, "closed")) {
    return "The connection was accepted and closed without a word: the smarthost is overloaded, or "
           "does not serve this machine's address. Try again later. " +
           other_ports(findings);
  }
  return "The connection was accepted but nobody spoke: the smarthost is overloaded, or a firewall "
         "in between keeps the words back. Try again later. " +
         other_ports(findings);
}

std::string advise_on_slow_greeting() {
  return "Some smarthosts wait on purpose, others look this machine's address up first, in vain. "
         "smtpseal keeps connections open, so that only the first mail waits.";
}

std::string advise_on_own_greeting() {
  return "Mail would go in a circle. The smarthost is the server that smtpseal hands mail to: name "
         "that host, or its port.";
}

std::string advise_on_refused_hello(const config::Smarthost& smarthost) {
  return "The smarthost does not like our name or our address; see what the text above says. Tell "
         "it this machine's full name in the DNS: set " +
         advise_setting(smarthost, "ehlo_name", "NAME") + ".";
}

std::string advise_on_clear_auth() {
  return "smtpseal gives no password away before TLS; other programs would. Tell the smarthost's "
         "administrator.";
}

std::string advise_on_unused_starttls() {
  return "The smarthost offers STARTTLS: use tls = verify (--tls verify).";
}

std::string advise_on_missing_starttls(const CheckFindings& findings) {
  std::string advice;
  if (is_masked(findings)) {
    advice =
        "Something on the way overwrites what the smarthost says; Cisco firewalls do "
        "(\"inspect esmtp\" must be switched off there). ";
  }
  return advice + "Ask for the smarthost's submission service with TLS. " + other_ports(findings);
}

std::string advise_on_refused_starttls(const CheckFindings& findings) {
  return "The smarthost's TLS is out of order; often its certificate or key cannot be read. Tell "
         "its administrator. " +
         other_ports(findings);
}

std::string advise_on_handshake(const CheckFindings& findings) {
  const CheckConversation& held = findings.conversation;
  const PeerKind kind = recognise_peer(held.first_octets);
  const bool is_implicit = findings.smarthost.mode == config::Mode::implicit;
  if (is_implicit && kind == PeerKind::smtp) return mode_change(findings);
  if (is_implicit) {
    if (std::string other = advise_on_other_protocol(kind); !other.empty()) return other;
  }
  const base::Error& error = *held.handshake->error;
  if (std::string own = advise_on_own_certificate(findings.smarthost, error); !own.empty()) {
    return own;
  }
  const auto& look = findings.second_look;
  const bool is_for_tls13 = findings.smarthost.tls.min_version == tls::Version::tls13;
  if (is_for_tls13 && look && look->handshake && !look->handshake->error) {
    return "The smarthost has " + look->handshake->info.version +
           " at best: its administrator should switch TLS 1.3 on. tls_min = 1.2, the default, "
           "would allow what it has.";
  }
  if (contains(error.detail, "protocol_version")) {
    return "The smarthost has TLS 1.1 at best, which is not safe any more: its administrator must "
           "switch TLS 1.2 or 1.3 on.";
  }
  return "smtpseal speaks TLS 1.2 and 1.3 with forward secrecy and modern ciphers only, and wants "
         "a certificate with an RSA or ECDSA key. The smarthost's administrator can see in its log "
         "why the handshake ended." +
         advise_on_wanted_certificate(findings.smarthost, error);
}

std::string advise_on_again() {
  return "The smarthost may allow few connections at a time, or in a row. smtpseal waits for its "
         "turn then; max_connections = 1 opens no more than one.";
}

std::string advise_on_failure(const base::Error& error) {
  switch (error.fault) {
    case base::Fault::connection:
      return "Try again. If it stays so, the smarthost's administrator can see in its log why the "
             "connection ended.";
    case base::Fault::peer_protocol:
      return "What came is not what RFC 5321 allows here. Check the host and the port; else tell "
             "the smarthost's administrator.";
    case base::Fault::peer_unable: return "Wait and try again.";
    case base::Fault::peer_refused:
      return "The smarthost's administrator can say why (the text above may).";
    case base::Fault::tls:
      return "Do not send mail this way: somebody on the way, or a flaw of the smarthost, puts "
             "words into the conversation. Tell its administrator.";
    case base::Fault::login:
      return "Check username and the password or token (the file, or what the command prints); the "
             "smarthost's administrator can say which AUTH mechanisms the account may use "
             "(auth_mechanism), and whether it is locked.";
    case base::Fault::tls_unavailable:
    case base::Fault::unreachable:
    case base::Fault::local:
    case base::Fault::config:
    case base::Fault::storage:
    case base::Fault::busy: break;
  }
  return {};
}

}  // namespace app
