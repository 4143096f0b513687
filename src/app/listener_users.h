// The users of a listener (auth = file:PATH), read from the file that its configuration names.
#pragma once

#include <memory>
#include <vector>

#include "app/client_login.h"
#include "base/result.h"
#include "config/config.h"
#include "net/loop.h"
#include "smtp/users.h"

namespace app {

// Everything that is wrong with the file, at its lines or at the key that names it. Nothing: the
// users are all there. A file that every user of this machine can read or change is refused.
[[nodiscard]] std::vector<config::Problem> read_users(const config::Config& config,
                                                      const config::Listener& listener,
                                                      smtp::Users& users);

// The same, only to see whether it can be used; nothing is wrong where no file is named.
[[nodiscard]] std::vector<config::Problem> examine_users(const config::Config& config,
                                                         const config::Listener& listener);

// What clients authenticate with; null where AUTH does not end here.
[[nodiscard]] base::Result<std::unique_ptr<LoginDesk>> make_login_desk(
    net::Loop& loop, const config::Config& config, const config::Listener& listener);

// Whether an error stands at a line of such a file.
[[nodiscard]] bool is_in_users_file(const base::Error& error, const config::Config& config);

}  // namespace app
