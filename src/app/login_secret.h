// The password or token that smtpseal presents, fetched from where the configuration says: a file,
// a credential of the service manager, or a command. Blocks: not for the loop's thread.
#pragma once

#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/result.h"
#include "config/login.h"
#include "smtp/sasl_client.h"

namespace app {

// How long a command may take to print a secret. A token may have to be asked for over the network.
inline constexpr base::Duration kSecretPatience = std::chrono::seconds(20);

// What an error of it begins with is the key: "password_file = PATH: No such file or directory".
// Fault::login: mail cannot go now, and may when the file has been mended.
[[nodiscard]] base::Result<smtp::Credentials> fetch_credentials(const config::Login& login);

// What a file says: everything but one end of line at its end (CR LF is one).
[[nodiscard]] base::Result<base::Secret> secret_of_file(std::string_view content);
// What a command prints: its first line.
[[nodiscard]] base::Result<base::Secret> secret_of_output(std::string_view output);

}  // namespace app
