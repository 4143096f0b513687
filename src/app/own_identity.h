// A certificate of our own with its key, as the configuration names them: with the passphrase from
// where it is to come from.
#pragma once

#include <deque>

#include "base/instant.h"
#include "base/result.h"
#include "tls/identity_files.h"

namespace app {

// How long a command may take to print a passphrase.
inline constexpr base::Duration kPassphrasePatience = std::chrono::seconds(10);
// What errors of the command begin with; others begin with the file that they are about.
inline constexpr std::string_view kPassphraseCommand = "passphrase command";

// Those of one configuration. Each is loaded once, by whoever wants it first; commands that print
// passphrases take their time, and a prompt may stand behind them. One thread at a time.
class OwnIdentities {
 public:
  // Empty when no certificate is named.
  [[nodiscard]] const base::Result<tls::Identity>& load(const tls::IdentityFiles& files,
                                                        tls::Purpose purpose);

 private:
  struct Loaded {
    tls::IdentityFiles files;
    tls::Purpose purpose;
    base::Result<tls::Identity> identity;
  };
  std::deque<Loaded> loaded_;
};

}  // namespace app
