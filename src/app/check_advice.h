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

[[nodiscard]] std::string advise_on_trust_store(const config::Smarthost& smarthost);
[[nodiscard]] std::string advise_on_level(tls::Level level);
[[nodiscard]] std::string advise_on_lookup(const std::string& host);
[[nodiscard]] std::string advise_on_slow_lookup();
// `is_reached`: another address of the smarthost could be connected to.
[[nodiscard]] std::string advise_on_connect(const config::Smarthost& smarthost,
                                            ConnectTrouble trouble, bool is_reached);
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
[[nodiscard]] std::string advise_on_handshake(const CheckFindings& findings);
[[nodiscard]] std::string advise_on_trust(const CheckFindings& findings);
[[nodiscard]] std::string advise_on_name(const config::Smarthost& smarthost,
                                         const tls::CertificateFacts& leaf);
[[nodiscard]] std::string advise_on_expired(base::WallTime now);
[[nodiscard]] std::string advise_on_not_yet_valid(base::WallTime now);
[[nodiscard]] std::string advise_on_expiry(base::WallTime not_after);
// A conversation that broke off, at whatever command.
[[nodiscard]] std::string advise_on_failure(const base::Error& error);

}  // namespace app
