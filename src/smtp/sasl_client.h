// SASL mechanisms, the client's side (RFC 4422): what proves to a server who we are.
//
// One object is one exchange. It deals in octets as they are before base64, and knows nothing of
// the commands that carry them (client_session_auth.cc does). Names and passwords are used octet
// for octet: SASLprep (RFC 4013) is not applied, but what it forbids outright is refused by
// check_credential(), so that no server can have stored them otherwise.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "base/secret.h"

namespace smtp {

enum class Mechanism {
  plain,          // RFC 4616
  login,          // draft-murchison-sasl-login
  cram_md5,       // RFC 2195
  scram_sha_1,    // RFC 5802
  scram_sha_256,  // RFC 7677
  xoauth2,        // Google's; Microsoft has it too
  oauthbearer,    // RFC 7628
  external,       // RFC 4422 appendix A: who the client certificate says
};
// As servers offer it: "SCRAM-SHA-256".
[[nodiscard]] std::string_view to_string(Mechanism mechanism);

enum class SecretKind { none, password, token };

struct Credentials {
  std::string username;
  SecretKind kind = SecretKind::none;
  base::Secret secret;
  // Whom the token is for (RFC 7628 3.1).
  std::string host;
  std::uint16_t port = 0;
};

// What no credential may hold: control characters (RFC 4013 2.3; CR, LF and NUL would end it on
// the way, 0x01 separates the fields of OAUTHBEARER). The error names the octet, never the text.
[[nodiscard]] base::Result<void> check_credential(std::string_view text);

// The mechanisms of `offered` (upper case) that can do with such credentials, strongest first.
[[nodiscard]] std::vector<Mechanism> usable_mechanisms(const std::vector<std::string>& offered,
                                                       SecretKind kind);
[[nodiscard]] bool is_fit(Mechanism mechanism, SecretKind kind);

// Iterations of SCRAM: fewer than this protect nothing (RFC 7677 4), more than that would keep
// everybody else waiting (RFC 5802 sets no bound).
inline constexpr unsigned kMinScramIterations = 4096;
inline constexpr unsigned kMaxScramIterations = 100'000;

class SaslClient {
 public:
  virtual ~SaslClient() = default;
  // What may go out with the command; nothing where the server speaks first.
  [[nodiscard]] virtual base::Result<std::optional<std::string>> begin() = 0;
  // The answer to a challenge. An error: the exchange is to be cancelled. Fault::login where the
  // server failed to prove that it knows the password.
  [[nodiscard]] virtual base::Result<std::string> respond(std::string_view challenge) = 0;
  // The server says that we are in: whether it has proved all that it has to prove.
  [[nodiscard]] virtual base::Result<void> finish() { return {}; }
  // What the server said to be wrong inside the exchange, for people; mostly nothing.
  [[nodiscard]] virtual std::string complaint() const { return {}; }
  // Challenges of LOGIN are prompts, which some servers do not even encode: only their number
  // counts.
  [[nodiscard]] virtual bool has_opaque_challenges() const { return false; }
};

// `crypto` must outlive it. The credentials are copied where they are needed later.
[[nodiscard]] std::unique_ptr<SaslClient> make_sasl_client(Mechanism mechanism,
                                                           const Credentials& credentials,
                                                           const base::Crypto& crypto);

}  // namespace smtp
