// See login_trouble.h.
#include "app/login_trouble.h"

#include <cstdlib>
#include <string>
#include <utility>

#include "app/load_config.h"
#include "app/login_secret.h"

namespace app {

std::optional<config::Problem> login_trouble(const config::Config& config,
                                             const config::Smarthost& smarthost, Fetch fetch) {
  for (const auto& [key, member] : {std::pair{"password_file", &config::Login::password_file},
                                    std::pair{"token_file", &config::Login::token_file}}) {
    const std::string& path = smarthost.login.*member;
    if (path.empty()) continue;
    const bool is_credential = path.starts_with(config::kCredentialPrefix);
    if (is_credential && fetch == Fetch::later && std::getenv("CREDENTIALS_DIRECTORY") == nullptr) {
      continue;
    }
    config::Login alone;
    alone.*member = path;
    const auto fetched = fetch_credentials(alone);
    if (fetched) continue;
    return problem_at(config, config::section_label("smarthost", smarthost.name), key,
                      fetched.error().detail);
  }
  return std::nullopt;
}

}  // namespace app
