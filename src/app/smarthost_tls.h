// The TLS context of a smarthost, made from its configuration.
#pragma once

#include <memory>

#include "app/own_identity.h"
#include "base/result.h"
#include "config/config.h"
#include "tls/tls_engine.h"

namespace app {

// Reads the trust files and those of our own certificate, for which it may run a command; null with
// tls = none. Without `identities`: of this smarthost alone.
[[nodiscard]] base::Result<std::unique_ptr<tls::ClientContext>> make_smarthost_tls(
    const config::Smarthost& smarthost, OwnIdentities& identities);
[[nodiscard]] inline base::Result<std::unique_ptr<tls::ClientContext>> make_smarthost_tls(
    const config::Smarthost& smarthost) {
  OwnIdentities identities;
  return make_smarthost_tls(smarthost, identities);
}

// An error of make_smarthost_tls() at the line that names the file which cannot be used:
// "FILE:LINE: ca_file = PATH: why".
[[nodiscard]] config::Problem locate_tls_trouble(const config::Config& config,
                                                 const config::Smarthost& smarthost,
                                                 const base::Error& error);

}  // namespace app
