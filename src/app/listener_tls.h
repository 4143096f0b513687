// The TLS context of a listener, made from its configuration.
#pragma once

#include <memory>
#include <optional>

#include "app/own_identity.h"
#include "base/result.h"
#include "config/config.h"
#include "smtp/extensions.h"
#include "tls/tls_engine.h"

namespace app {

// Reads the certificate, its key and the authorities of clients; null with tls = none.
[[nodiscard]] base::Result<std::unique_ptr<tls::ServerContext>> make_listener_tls(
    const config::Listener& listener, OwnIdentities& identities);

// The same, only to see whether it can be made: the certificate that clients are shown; nothing
// with tls = none.
[[nodiscard]] base::Result<std::optional<tls::CertificateFacts>> examine_listener_tls(
    const config::Listener& listener, OwnIdentities& identities);

// What a client may be offered of what the smarthost has, before TLS is up or inside it.
[[nodiscard]] smtp::OfferPolicy offer_policy(const config::Listener& listener, bool is_encrypted);

// An error of make_listener_tls() at the line that names the file which cannot be used.
[[nodiscard]] config::Problem locate_tls_trouble(const config::Config& config,
                                                 const config::Listener& listener,
                                                 const base::Error& error);

}  // namespace app
