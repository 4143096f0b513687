// See login_secret.h.
#include "app/login_secret.h"

#include <cstdlib>
#include <utility>

#include "platform/command.h"
#include "tls/identity_files.h"

namespace app {

using base::Error;
using base::Fault;
using base::Result;
using base::Secret;

namespace {

Result<Secret> checked(std::string_view text) {
  if (text.empty()) return Error{Fault::login, "is empty"};
  if (const auto fit = smtp::check_credential(text); !fit) {
    return Error{Fault::login, fit.error().detail};
  }
  return Secret(std::string(text));
}

// "credential:NAME" in the folder that systemd made for this service.
Result<std::string> path_of(const std::string& configured) {
  if (!configured.starts_with(config::kCredentialPrefix)) return configured;
  const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr || *folder == '\0') {
    return Error{Fault::login,
                 "$CREDENTIALS_DIRECTORY is not set: the service manager gave this process no "
                 "credentials (systemd: LoadCredential=)"};
  }
  const std::string name = configured.substr(config::kCredentialPrefix.size());
  return std::string(folder) + "/" + name;
}

// Errors begin with the path that was opened.
Result<Secret> read_secret(const std::string& configured) {
  const auto path = path_of(configured);
  if (!path) return Error{Fault::login, configured + ": " + path.error().detail};
  auto content = tls::read_secret_file(path.value());
  if (!content) return Error{Fault::login, content.error().detail};
  auto secret = secret_of_file(content.value());
  base::wipe(content.value());
  if (!secret) return Error{Fault::login, path.value() + ": " + secret.error().detail};
  return secret;
}

Result<Secret> run_command(const std::string& command) {
  auto output = platform::output_of(command, kSecretPatience);
  if (!output) return Error{Fault::login, output.error().detail};
  auto secret = secret_of_output(output.value());
  base::wipe(output.value());
  return secret;
}

}  // namespace

Result<Secret> secret_of_file(std::string_view content) {
  if (content.ends_with('\n')) content.remove_suffix(content.ends_with("\r\n") ? 2 : 1);
  return checked(content);
}

Result<Secret> secret_of_output(std::string_view output) {
  std::string_view line = output.substr(0, output.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return Error{Fault::login, "printed nothing in its first line"};
  auto secret = checked(line);
  if (!secret) return Error{Fault::login, "what it printed " + secret.error().detail};
  return secret;
}

Result<smtp::Credentials> fetch_credentials(const config::Login& login) {
  smtp::Credentials credentials;
  credentials.username = login.username;
  credentials.kind = login.kind();
  for (const auto& [key, path] : {std::pair{"password_file", &login.password_file},
                                  std::pair{"token_file", &login.token_file}}) {
    if (path->empty()) continue;
    auto secret = read_secret(*path);
    if (!secret) return Error{Fault::login, key + (" = " + secret.error().detail)};
    credentials.secret = std::move(secret).value();
  }
  for (const auto& [key, command] : {std::pair{"password_command", &login.password_command},
                                     std::pair{"token_command", &login.token_command}}) {
    if (command->empty()) continue;
    auto secret = run_command(*command);
    if (!secret) return Error{Fault::login, key + (": " + secret.error().detail)};
    credentials.secret = std::move(secret).value();
  }
  return credentials;
}

}  // namespace app
