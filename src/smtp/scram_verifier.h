// A password as a server may keep it (RFC 5803): enough to tell whether somebody knows it, by
// SCRAM-SHA-256 (RFC 7677) or by having it said, and nothing that could be said in its stead.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/result.h"

namespace smtp {

// RFC 7677 4: at least 4096.
inline constexpr unsigned kMinIterations = 4096;
// Nobody waits longer for a server to calculate (not in the RFC).
inline constexpr unsigned kMaxIterations = 10'000'000;
// Of verifiers that are made here: about a tenth of a second for whoever guesses.
inline constexpr unsigned kOwnIterations = 100'000;
inline constexpr std::size_t kOwnSaltSize = 16;
// Salts of others.
inline constexpr std::size_t kMaxSaltSize = 256;

// All but the number are octets.
struct ScramVerifier {
  unsigned iterations = 0;
  std::string salt;
  std::string stored_key;
  std::string server_key;

  friend bool operator==(const ScramVerifier&, const ScramVerifier&) = default;
};

// "SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY", base64 but for the number. Fault::config
// with what is wrong, which repeats nothing of the text.
[[nodiscard]] base::Result<ScramVerifier> parse_verifier(std::string_view text);
[[nodiscard]] std::string format_verifier(const ScramVerifier& verifier);

// Slow by intention, as is the next. The password counts octet by octet: text beyond ASCII is not
// normalised (RFC 4013), so it must always be typed in the same form.
[[nodiscard]] base::Result<ScramVerifier> make_verifier(std::string_view password, std::string salt,
                                                        unsigned iterations,
                                                        const base::Crypto& crypto);
[[nodiscard]] base::Result<bool> is_password_of(const ScramVerifier& verifier,
                                                std::string_view password,
                                                const base::Crypto& crypto);

}  // namespace smtp
