// Cryptography for everybody: the base::Crypto of the TLS library.
#pragma once

#include "base/crypto.h"

namespace tls {

// Lives as long as the program.
[[nodiscard]] const base::Crypto& crypto();

}  // namespace tls
