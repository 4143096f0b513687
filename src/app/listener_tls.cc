// See listener_tls.h.
#include "app/listener_tls.h"

#include <string>
#include <utility>
#include <vector>

#include "app/load_config.h"
#include "smtp/sasl_server.h"
#include "tls/own_certificate.h"

namespace app {

base::Result<std::unique_ptr<tls::ServerContext>> make_listener_tls(
    const config::Listener& listener, OwnIdentities& identities) {
  if (listener.tls == config::ClientTls::none) return std::unique_ptr<tls::ServerContext>();
  const auto& identity = identities.load(listener.identity, tls::Purpose::server);
  if (!identity) return identity.error();
  tls::ServerOptions options;
  options.certificate_pem = identity->certificate_pem;
  options.key_pem = identity->key_pem;
  options.client_ca_files = listener.client_ca;
  options.is_client_certificate_demanded = !listener.client_ca.empty();
  return tls::make_server_context(options);
}

base::Result<std::optional<tls::CertificateFacts>> examine_listener_tls(
    const config::Listener& listener, OwnIdentities& identities) {
  using Facts = std::optional<tls::CertificateFacts>;
  if (listener.tls == config::ClientTls::none) return Facts();
  if (const auto made = make_listener_tls(listener, identities); !made) return made.error();
  const auto& identity = identities.load(listener.identity, tls::Purpose::server);
  if (!identity) return identity.error();
  const auto own = tls::examine_own(identity->certificate_pem, listener.identity.certificate,
                                    identity->key_pem, tls::Purpose::server);
  if (!own) return own.error();
  return Facts(own->facts);
}

smtp::OfferPolicy offer_policy(const config::Listener& listener, const ClientPath& path) {
  const bool is_missing = !path.is_encrypted && listener.tls != config::ClientTls::none;
  smtp::OfferPolicy policy;
  policy.max_message_size = listener.max_message_size;
  const bool may_authenticate = path.is_encrypted || !listener.auth_requires_tls;
  policy.is_auth_offered = may_authenticate && listener.auth == config::ClientAuth::passthrough;
  if (may_authenticate && listener.auth == config::ClientAuth::any) {
    policy.own_mechanisms = smtp::mechanisms_of_any();
  } else if (may_authenticate && listener.auth == config::ClientAuth::file) {
    policy.own_mechanisms = smtp::mechanisms_of_users(path.is_encrypted || path.is_local);
  }
  policy.is_starttls_offered = is_missing;
  policy.is_tls_missing = is_missing && listener.tls == config::ClientTls::encrypt;
  return policy;
}

config::Problem locate_tls_trouble(const config::Config& config, const config::Listener& listener,
                                   const base::Error& error) {
  const std::string section = config::section_label("listener", listener.name);
  const tls::IdentityFiles& own = listener.identity;
  std::vector<std::pair<std::string, std::string>> files = {
      {"key", own.key},
      {"certificate", own.certificate},
      {"key_passphrase_file", own.passphrase_file}};
  for (const std::string& file : listener.client_ca) files.emplace_back("client_ca", file);
  for (const auto& [key, file] : files) {
    if (file.empty() || !is_about(error, file)) continue;
    return problem_at(config, section, key, key + " = " + error.detail);
  }
  if (error.detail.starts_with(kPassphraseCommand)) {
    const std::string key = "key_passphrase_command";
    return problem_at(config, section, key, key + error.detail.substr(kPassphraseCommand.size()));
  }
  return {'[' + section + ']', error.detail, false, false};
}

}  // namespace app
