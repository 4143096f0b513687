// The server's side: engines toward clients, and the context with certificate, key and tickets.
#include <cstdint>
#include <utility>

#include "tls/mbedtls_certificates.h"
#include "tls/mbedtls_engine.h"

namespace tls {

namespace {

using namespace mbed;  // this file is one of its family
using base::Error;
using base::Fault;

struct ServerShared {
  SslConfig config;
  Certificates certificate;
  Key key;
  TicketKeys tickets;
};

class ServerEngine final : public EngineBase {
 public:
  explicit ServerEngine(const ServerShared& shared) : EngineBase(shared.config.raw, "client") {}

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
  [[nodiscard]] Error handshake_error(int code) const override {
    return library_error(Fault::tls, "TLS handshake failed", code);
  }
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

// Clients may resume their sessions. The keys of tickets change as often as the tickets run out.
base::Result<void> offer_tickets(ServerShared& shared) {
  constexpr std::uint32_t kLifetime = 3600;  // seconds; RFC 8446 4.6.1 allows seven days
  const int code = set_up_tickets(shared.tickets.raw, kLifetime);
  if (code != 0) return library_error(Fault::local, "cannot make keys for session tickets", code);
  mbedtls_ssl_conf_session_tickets_cb(&shared.config.raw, mbedtls_ssl_ticket_write,
                                      mbedtls_ssl_ticket_parse, &shared.tickets.raw);
  return {};
}

base::Result<void> load_identity(ServerShared& shared, const ServerOptions& options) {
  const auto added = add_certificates(options.certificate_pem, "the certificate",
                                      adder_to(shared.certificate.raw, on_own_extension));
  if (!added) return added;
  int code = parse_key(shared.key.raw, options.key_pem);
  if (code != 0) return library_error(Fault::config, "the key", code);
  code = check_pair(shared.certificate.raw.pk, shared.key.raw);
  if (code != 0) return Error{Fault::config, "the key is not that of the certificate"};
  code = mbedtls_ssl_conf_own_cert(&shared.config.raw, &shared.certificate.raw, &shared.key.raw);
  if (code != 0) return library_error(Fault::config, "the certificate", code);
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
  mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
  mbedtls_ssl_conf_cert_cb(&config, ServerEngine::on_client_hello);
  if (const auto loaded = load_identity(*shared, options); !loaded) return loaded.error();
  if (const auto offered = offer_tickets(*shared); !offered) return offered.error();
  return std::unique_ptr<ServerContext>(std::make_unique<MbedServerContext>(std::move(shared)));
}

}  // namespace tls
