// The client's context: trust, policy and the tickets of one smarthost.
#include <string>
#include <utility>

#include "tls/mbedtls_client.h"

namespace tls {

namespace {

using namespace mbed;  // this file is one of its family
using base::Error;
using base::Fault;

class MbedClientContext final : public ClientContext {
 public:
  explicit MbedClientContext(std::unique_ptr<ClientShared> shared) : shared_(std::move(shared)) {}
  using ClientContext::make_engine;
  [[nodiscard]] std::unique_ptr<Engine> make_engine(Resumption resumption) override {
    return std::make_unique<ClientEngine>(*shared_, resumption);
  }
  [[nodiscard]] base::Result<std::unique_ptr<ClientContext>> for_peer(
      const std::string& verify_name) const override;
  [[nodiscard]] const std::string& trust_source() const override {
    return shared_->policy->trust_source;
  }
  [[nodiscard]] const SystemJudge* judge() const override {
    return shared_->has_judge() ? shared_->options.judge : nullptr;
  }

 private:
  std::unique_ptr<ClientShared> shared_;
};

base::Result<void> check_options(const ClientOptions& options, const ReferenceName& reference) {
  constexpr std::size_t kMaxName = 253;  // RFC 1035 2.3.4, without the dots at both ends
  if (options.level == Level::pin && options.pins.empty()) {
    return Error{Fault::config, "tls = pin needs a pin"};
  }
  if (options.level == Level::verify && reference.dns.empty() && !reference.is_ip()) {
    return Error{Fault::config, "verify_name: there is no name to verify"};
  }
  if (reference.dns.size() > kMaxName) {
    return Error{Fault::config, "verify_name: is longer than a host name can be"};
  }
  return {};
}

base::Result<std::unique_ptr<ClientContext>> MbedClientContext::for_peer(
    const std::string& verify_name) const {
  auto shared = std::make_unique<ClientShared>();
  shared->options = shared_->options;
  shared->options.verify_name = verify_name;
  shared->reference = parse_reference_name(verify_name);
  const auto checked = check_options(shared->options, shared->reference);
  if (!checked) return checked.error();
  shared->policy = shared_->policy;
  return std::unique_ptr<ClientContext>(std::make_unique<MbedClientContext>(std::move(shared)));
}

}  // namespace

base::Result<std::unique_ptr<ClientContext>> make_client_context(const ClientOptions& options) {
  if (const auto started = start_library(); !started) return started.error();
  auto shared = std::make_unique<ClientShared>();
  shared->options = options;
  shared->reference = parse_reference_name(options.verify_name);
  const auto checked = check_options(options, shared->reference);
  if (!checked) return checked.error();
  shared->policy = std::make_shared<ClientPolicy>();
  ClientPolicy& policy = *shared->policy;
  mbedtls_ssl_config& config = policy.config.raw;
  const auto done = configure(config, MBEDTLS_SSL_IS_CLIENT, options.min_version);
  if (!done) return done.error();
  // RFC 9325 3.5: a TLS 1.2 server must know RFC 5746, or somebody may have talked before us. As a
  // server, which renegotiates with nobody, smtpseal need not mind.
  mbedtls_ssl_conf_legacy_renegotiation(&config, MBEDTLS_SSL_LEGACY_BREAK_HANDSHAKE);
  mbedtls_ssl_conf_session_tickets(&config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
  mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
      &config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
  if (!options.identity.is_empty()) {
    const Identity& own = options.identity;
    const auto loaded = policy.identity.load(own.certificate_pem, own.key_pem, config);
    if (!loaded) return loaded.error();
    shared->options.identity = {};  // the library has it; one copy of a key is enough
  }
  mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
  // With pins alone, trust stays empty, and our own rules overrule that nothing can be trusted.
  if (shared->is_demanding()) {
    mbedtls_ssl_conf_ca_chain(&config, &policy.trust.raw, nullptr);
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
  }
  if (options.level == Level::pin) {
    const std::size_t count = options.pins.size();
    policy.trust_source = std::to_string(count) + (count == 1 ? " pin" : " pins");
  }
  if (shared->has_judge()) {
    policy.trust_source = std::string(options.judge->name);
  } else if (options.level == Level::verify) {
    auto source = load_trust(options.ca_files, options.ca_dirs,
                             adder_to(policy.trust.raw, on_unknown_extension));
    if (!source) return source.error();
    policy.trust_source = std::move(source).value();
  }
  return std::unique_ptr<ClientContext>(std::make_unique<MbedClientContext>(std::move(shared)));
}

}  // namespace tls
