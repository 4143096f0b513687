// What to do about it: the advice of `smtpseal check`, from what was found. Pure; whole sentences.
//
// Advice is for somebody who runs an application, not a mail server: it says what to write where,
// or whom to ask for what. An empty text means that there is nothing to do.
#pragma once

#include <string>
#include <string_view>

#include "app/check_findings.h"

namespace app {

// What a peer is, as far as the first bytes it sends tell.
enum class PeerKind { unknown, smtp, tls, ssh, pop3, imap, http };
[[nodiscard]] PeerKind recognise_peer(std::string_view first_octets);

// How connecting failed, as far as it matters for what to do.
enum class ConnectTrouble { refused, timed_out, no_route, other };
[[nodiscard]] ConnectTrouble classify_connect_trouble(const base::Error& error);

// Whether what answers on this machine greets and parts as smtpseal does.
[[nodiscard]] bool is_with_smtpseal(const CheckConversation& held);

// "ca_file = FILE in [smarthost] (or SMTPSEAL_SMARTHOST_CA_FILE=FILE in the environment)"
[[nodiscard]] std::string advise_setting(const config::Smarthost& smarthost, std::string_view key,
                                         std::string_view value);

[[nodiscard]] std::string advise_on_trust_store(const config::Smarthost& smarthost,
                                                const base::Error& error);
[[nodiscard]] std::string advise_on_level(tls::Level level);
[[nodiscard]] std::string advise_on_lookup(const std::string& host);
// The DNS names no server of it.
[[nodiscard]] std::string advise_on_domain(const std::string& domain);
[[nodiscard]] std::string advise_on_slow_lookup();
[[nodiscard]] std::string advise_on_connect(const CheckFindings& findings, ConnectTrouble trouble);
// No greeting, or one that is no 220.
[[nodiscard]] std::string advise_on_greeting(const CheckFindings& findings);
[[nodiscard]] std::string advise_on_slow_greeting();
// It is smtpseal that greets.
[[nodiscard]] std::string advise_on_own_greeting();
[[nodiscard]] std::string advise_on_refused_hello(const config::Smarthost& smarthost);
[[nodiscard]] std::string advise_on_clear_auth();
// STARTTLS is offered where the configuration wants none.
[[nodiscard]] std::string advise_on_unused_starttls();
// STARTTLS is not offered; it is refused.
[[nodiscard]] std::string advise_on_missing_starttls(const CheckFindings& findings);
[[nodiscard]] std::string advise_on_refused_starttls(const CheckFindings& findings);
// The smarthost ended TLS over the certificate that we showed, or did not show; empty otherwise.
[[nodiscard]] std::string advise_on_own_certificate(const config::Smarthost& smarthost,
                                                    const base::Error& error);
// A sentence more, where the alert may mean that it wants one; empty otherwise.
[[nodiscard]] std::string advise_on_wanted_certificate(const config::Smarthost& smarthost,
                                                       const base::Error& error);
[[nodiscard]] std::string advise_on_handshake(const CheckFindings& findings);
[[nodiscard]] std::string advise_on_trust(const CheckFindings& findings);
// None of the pinned keys was shown.
[[nodiscard]] std::string advise_on_pin(const config::Smarthost& smarthost);
[[nodiscard]] std::string advise_on_name(const config::Smarthost& smarthost,
                                         const tls::CertificateFacts& leaf);
[[nodiscard]] std::string advise_on_expired(const CheckFindings& findings,
                                            const tls::CertificateFacts& certificate);
[[nodiscard]] std::string advise_on_not_yet_valid(const CheckFindings& findings,
                                                  const tls::CertificateFacts& certificate);
// A clock that is wrong, or that the smarthost's contradicts.
[[nodiscard]] std::string advise_on_clock();
[[nodiscard]] std::string advise_on_expiry(base::WallTime not_after);
// A login, a sender or a recipient that was refused (--auth-user, --mail-from, --rcpt-to).
[[nodiscard]] std::string advise_on_login(const smtp::Reply& refusal);
[[nodiscard]] std::string advise_on_envelope(const smtp::Reply& refusal, bool is_logged_in);
// A login that was not tried, or a probe without an answer.
[[nodiscard]] std::string advise_on_probe(const base::Error& error);
// A second connection that failed where the first did not.
[[nodiscard]] std::string advise_on_again();
// An address of the listener that somebody else has, or that needs a privilege.
[[nodiscard]] std::string advise_on_taken_address(const base::SocketAddress& address);
// One that may be smtpseal itself.
[[nodiscard]] std::string advise_on_unknown_listener(const base::SocketAddress& address);
[[nodiscard]] std::string advise_on_forbidden_address(const base::SocketAddress& address);
// A conversation that broke off, at whatever command.
[[nodiscard]] std::string advise_on_failure(const base::Error& error);

}  // namespace app
