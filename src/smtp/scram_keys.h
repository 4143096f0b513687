// The keys of SCRAM that come of a password, for both sides (RFC 5802 3).
#pragma once

#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/result.h"
#include "base/secret.h"

namespace smtp {

struct ScramKeys {
  base::Secret client_key;  // to prove that one knows the password
  std::string stored_key;   // to see that somebody does
  std::string server_key;   // to prove that one can see it
};

// Slow by intention: `iterations` rounds of PBKDF2. Errors are the library's.
[[nodiscard]] base::Result<ScramKeys> derive_scram_keys(base::Hash hash, std::string_view password,
                                                        std::string_view salt, unsigned iterations,
                                                        const base::Crypto& crypto);

}  // namespace smtp
