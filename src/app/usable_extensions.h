// What mail can rely on at a smarthost, of all that it offers.
#pragma once

#include "config/config.h"
#include "smtp/extensions.h"

namespace app {

// Without what the configuration does not use (chunking = off), and without AUTH where there is no
// TLS, for credentials never go in the clear, or where smtpseal logs in itself.
[[nodiscard]] smtp::Extensions usable_extensions(smtp::Extensions offered,
                                                 const config::Smarthost& smarthost, bool has_tls);

}  // namespace app
