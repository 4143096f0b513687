// See smarthost_tls.h.
#include "app/smarthost_tls.h"

#include <utility>

#include "app/load_config.h"
#include "config/hosts.h"

namespace app {

base::Result<std::unique_ptr<tls::ClientContext>> make_smarthost_tls(
    const config::Smarthost& smarthost, OwnIdentities& identities) {
  if (smarthost.tls.level == tls::Level::none) return std::unique_ptr<tls::ClientContext>();
  tls::ClientOptions options = smarthost.tls;
  options.judge = tls::system_judge();
  options.verify_name = config::certificate_name(smarthost, smarthost.hosts.front());
  const auto& identity = identities.load(smarthost.client_identity, tls::Purpose::client);
  if (!identity) return identity.error();
  options.identity = *identity;
  auto context = tls::make_client_context(options);
  if (!context) return context;
  for (const std::string& host : smarthost.hosts) {
    const auto own = (*context)->for_peer(config::certificate_name(smarthost, host));
    if (!own) return own.error();
  }
  return context;
}

config::Problem locate_tls_trouble(const config::Config& config, const config::Smarthost& smarthost,
                                   const base::Error& error) {
  const std::string section = config::section_label("smarthost", smarthost.name);
  for (const auto& [key, paths] : {std::pair{"ca_file", &smarthost.tls.ca_files},
                                   std::pair{"ca_dir", &smarthost.tls.ca_dirs}}) {
    for (const std::string& path : *paths) {
      if (!is_about(error, path)) continue;
      return problem_at(config, section, key, key + (" = " + error.detail));
    }
  }
  const tls::IdentityFiles& own = smarthost.client_identity;
  for (const auto& [key, path] :
       {std::pair{"client_certificate", &own.certificate}, std::pair{"client_key", &own.key},
        std::pair{"client_key_passphrase_file", &own.passphrase_file}}) {
    if (path->empty() || !is_about(error, *path)) continue;
    return problem_at(config, section, key, key + (" = " + error.detail));
  }
  if (is_about(error, std::string(kPassphraseCommand))) {
    constexpr const char* kKey = "client_key_passphrase_command";
    return problem_at(config, section, kKey, kKey + error.detail.substr(kPassphraseCommand.size()));
  }
  return {'[' + section + ']', error.detail, false, false};
}

}  // namespace app
