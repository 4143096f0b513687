// The server's side: engines toward clients, and the context with certificate, key and tickets.
#include <cstdint>
#include <string>
#include <utility>

#include "tls/alerts.h"
#include "tls/extensions.h"
#include "tls/mbedtls_chain.h"
#include "tls/mbedtls_engine.h"
#include "tls/mbedtls_identity.h"

namespace tls {

namespace {

using namespace mbed;  // this file is one of its family
using base::Error;
using base::Fault;

struct ServerShared {
  SslConfig config;
  OwnIdentity identity;
  TicketKeys tickets;
  Certificates trust;        // of clients' certificates
  std::string trust_source;  // empty: clients are asked for none
};

class ServerEngine final : public EngineBase {
 public:
  explicit ServerEngine(const ServerShared& shared)
      : EngineBase(shared.config.raw, "client"),
        trust_source_(shared.trust_source),
        judge_(Verdict(shared.trust_source), kClientAuth) {
    mbedtls_ssl_set_verify(&ssl(), ChainJudge::on_certificate, &judge_);
  }

  // The library calls this once the ClientHello was read.
  static int on_client_hello(mbedtls_ssl_context* ssl) noexcept {
    auto* const self = static_cast<ServerEngine*>(mbedtls_ssl_get_user_data_p(ssl));
    std::size_t length = 0;
    const unsigned char* const name = mbedtls_ssl_get_hs_sni(ssl, &length);
    if (name != nullptr) {
      self->info_.server_name.assign(reinterpret_cast<const char*>(name), length);
    }
    return 0;
  }

 private:
  // A client that has sent its mail may end its side, and wait for the verdict.
  [[nodiscard]] bool owes_last_words() const override { return true; }

  void on_established() override {
    if (!judge_.has_seen_leaf()) return;
    info_.chain = judge_.chain();
    info_.faults = judge_.verdict().faults();
    // The library has rules of its own on what a client's key may be used for.
    const bool is_good = info_.faults.empty() && mbedtls_ssl_get_verify_result(&ssl()) == 0;
    info_.verification = is_good ? Verification::verified : Verification::unverified;
    if (is_good) info_.verified_by = trust_source_;
  }

  void on_failed_handshake(int code) override {
    const bool is_tls12 = mbedtls_ssl_get_version_number(&ssl()) == MBEDTLS_SSL_VERSION_TLS1_2;
    if (code != MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE || !is_tls12) return;
    // RFC 5246 7.4.6; the library tells the client of everything but this. Whether it arrives does
    // not matter any more.
    static_cast<void>(mbedtls_ssl_send_alert_message(&ssl(), MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                                     MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE));
  }

  [[nodiscard]] std::string meaning_of(int alert) const override {
    return client_alert_meaning(alert);
  }

  [[nodiscard]] Error handshake_error(int code) const override {
    if (code == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE) {
      return {Fault::tls, "client showed no certificate"};
    }
    if (!judge_.verdict().faults().empty()) {
      return {Fault::tls, "client's " + summary_of(judge_.verdict().faults())};
    }
    switch (code) {
      case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
        return {Fault::tls, "client knows no TLS version that is accepted (1.2 and 1.3)"};
      case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
        return {Fault::tls,
                "client knows no cipher, group or kind of certificate that is accepted (AEAD with "
                "forward secrecy)"};
      case MBEDTLS_ERR_SSL_INVALID_RECORD:
      case MBEDTLS_ERR_SSL_UNEXPECTED_RECORD:
        return {Fault::tls, "client sent something that is not TLS"};
      default: return library_error(Fault::tls, "TLS handshake failed", code);
    }
  }

  const std::string& trust_source_;
  ChainJudge judge_;
};

class MbedServerContext final : public ServerContext {
 public:
  explicit MbedServerContext(std::unique_ptr<ServerShared> shared) : shared_(std::move(shared)) {}
  [[nodiscard]] std::unique_ptr<Engine> make_engine() override {
    return std::make_unique<ServerEngine>(*shared_);
  }

 private:
  std::unique_ptr<ServerShared> shared_;
};

// Clients may resume their sessions, unless they are asked for a certificate: a ticket of TLS 1.3
// does not tell whose it was. The keys of tickets change as often as the tickets run out.
base::Result<void> offer_tickets(ServerShared& shared) {
  if (!shared.trust_source.empty()) return {};
  constexpr std::uint32_t kLifetime = 3600;  // seconds; RFC 8446 4.6.1 allows seven days
  const int code = set_up_tickets(shared.tickets.raw, kLifetime);
  if (code != 0) return library_error(Fault::local, "cannot make keys for session tickets", code);
  mbedtls_ssl_conf_session_tickets_cb(&shared.config.raw, mbedtls_ssl_ticket_write,
                                      mbedtls_ssl_ticket_parse, &shared.tickets.raw);
  return {};
}

// Which clients are asked for a certificate, and what becomes of those without a good one.
base::Result<void> ask_for_certificate(ServerShared& shared, const ServerOptions& options) {
  mbedtls_ssl_config& config = shared.config.raw;
  mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
  if (options.client_ca_files.empty()) return {};
  auto source = load_authorities(options.client_ca_files, "client_ca",
                                 adder_to(shared.trust.raw, on_unknown_extension));
  if (!source) return source.error();
  shared.trust_source = std::move(source).value();
  mbedtls_ssl_conf_ca_chain(&config, &shared.trust.raw, nullptr);
  mbedtls_ssl_conf_authmode(&config, options.is_client_certificate_demanded
                                         ? MBEDTLS_SSL_VERIFY_REQUIRED
                                         : MBEDTLS_SSL_VERIFY_OPTIONAL);
  return {};
}

}  // namespace

base::Result<std::unique_ptr<ServerContext>> make_server_context(const ServerOptions& options) {
  if (const auto started = start_library(); !started) return started.error();
  auto shared = std::make_unique<ServerShared>();
  mbedtls_ssl_config& config = shared->config.raw;
  const auto done = configure(config, MBEDTLS_SSL_IS_SERVER, options.min_version);
  if (!done) return done.error();
  if (options.max_version) {
    mbedtls_ssl_conf_max_tls_version(&config, version_number(*options.max_version));
  }
  mbedtls_ssl_conf_cert_cb(&config, ServerEngine::on_client_hello);
  const auto loaded = shared->identity.load(options.certificate_pem, options.key_pem, config);
  if (!loaded) return loaded.error();
  if (const auto asked = ask_for_certificate(*shared, options); !asked) return asked.error();
  if (const auto offered = offer_tickets(*shared); !offered) return offered.error();
  return std::unique_ptr<ServerContext>(std::make_unique<MbedServerContext>(std::move(shared)));
}

}  // namespace tls
