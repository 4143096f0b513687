// How smtpseal itself logs in to a smarthost: where the secret is to come from, never the secret.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "smtp/sasl_client.h"

namespace config {

// "credential:NAME": a file of that name where the service manager puts credentials
// ($CREDENTIALS_DIRECTORY; systemd: LoadCredential=).
inline constexpr std::string_view kCredentialPrefix = "credential:";

struct Login {
  std::string username;
  // At most one is set. Files: a path, or "credential:NAME".
  std::string password_file;
  std::string password_command;
  std::string token_file;
  std::string token_command;
  std::optional<smtp::Mechanism> mechanism;  // nothing: auto

  // Whether there is one: else clients may log in through us.
  [[nodiscard]] bool is_configured() const {
    return !username.empty() || mechanism == smtp::Mechanism::external;
  }
  [[nodiscard]] smtp::SecretKind kind() const;

  friend bool operator==(const Login&, const Login&) = default;
};

// A path, or "credential:NAME" with a name that leads out of no folder.
[[nodiscard]] base::Result<std::string> parse_secret_path(std::string_view text);
[[nodiscard]] base::Result<std::string> parse_username(std::string_view text);

// What to say to a key or variable that would hold a secret itself ("password",
// "SMTPSEAL_SMARTHOST_TOKEN"): there is none. Empty for any other word.
[[nodiscard]] std::string hint_for_secret(std::string_view key);
[[nodiscard]] std::string hint_for_secret_variable(std::string_view name);

}  // namespace config
