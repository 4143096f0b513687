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

// What lies between a client and us.
struct ClientPath {
  bool is_encrypted = false;
  bool is_local = false;  // nothing of a network: nobody on the way
};
// What a client may be offered of what the smarthost has, and of what we have.
[[nodiscard]] smtp::OfferPolicy offer_policy(const config::Listener& listener,
                                             const ClientPath& path);

// An error of make_listener_tls() at the line that names the file which cannot be used.
[[nodiscard]] config::Problem locate_tls_trouble(const config::Config& config,
                                                 const config::Listener& listener,
                                                 const base::Error& error);

}  // namespace app
