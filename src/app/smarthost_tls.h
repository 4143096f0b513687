// The TLS context of a smarthost, made from its configuration.
#pragma once

#include <memory>

#include "base/result.h"
#include "config/config.h"
#include "tls/tls_engine.h"

namespace app {

// Reads the trust files and those of our own certificate, for which it may run a command; null with
// tls = none.
[[nodiscard]] base::Result<std::unique_ptr<tls::ClientContext>> make_smarthost_tls(
    const config::Smarthost& smarthost);

// An error of make_smarthost_tls() at the line that names the file which cannot be used:
// "FILE:LINE: ca_file = PATH: why".
[[nodiscard]] config::Problem locate_tls_trouble(const config::Config& config,
                                                 const config::Smarthost& smarthost,
                                                 const base::Error& error);

}  // namespace app
