// A certificate of our own with its key, as the configuration names them: with the passphrase from
// where it is to come from.
#pragma once

#include "base/instant.h"
#include "base/result.h"
#include "tls/identity_files.h"

namespace app {

// How long a command may take to print a passphrase.
inline constexpr base::Duration kPassphrasePatience = std::chrono::seconds(10);
// What errors of the command begin with; others begin with the file that they are about.
inline constexpr std::string_view kPassphraseCommand = "passphrase command";

// Empty when no certificate is named.
[[nodiscard]] base::Result<tls::Identity> load_own_identity(const tls::IdentityFiles& files,
                                                            tls::Purpose purpose);

}  // namespace app
