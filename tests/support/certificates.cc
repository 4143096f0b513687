// See certificates.h.
#include "support/certificates.h"

#include "support/patience.h"

namespace support {

namespace {

using std::chrono::hours;

std::unique_ptr<tls::Authority> make_authority(const std::string& name) {
  auto made = tls::Authority::make(name, std::chrono::system_clock::now());
  if (!made) throw Failure("no certificate authority: " + made.error().detail);
  return std::move(made).value();
}

}  // namespace

tls::Authority& trusted_authority() {
  static const std::unique_ptr<tls::Authority> kAuthority = make_authority("Trusted Test CA");
  return *kAuthority;
}

tls::Authority& foreign_authority() {
  static const std::unique_ptr<tls::Authority> kAuthority = make_authority("Foreign Test CA");
  return *kAuthority;
}

tls::CertificateRequest good_request() {
  const base::WallTime now = std::chrono::system_clock::now();
  tls::CertificateRequest request;
  request.common_name = "test smarthost";
  request.dns_names = {kSmarthostName};
  request.not_before = now - hours(24);
  request.not_after = now + hours(24 * 30);
  return request;
}

std::shared_ptr<tls::ServerContext> server_context_of(const std::string& certificate_pem,
                                                      const std::string& key_pem,
                                                      ServerVersions versions) {
  tls::ServerOptions options;
  options.certificate_pem = certificate_pem;
  options.key_pem = key_pem;
  options.min_version = versions.min;
  options.max_version = versions.max;
  auto made = tls::make_server_context(options);
  if (!made) throw Failure("no server context: " + made.error().detail);
  return std::move(made).value();
}

std::shared_ptr<tls::ServerContext> server_context(const tls::CertificateRequest& request,
                                                   tls::Authority& authority,
                                                   ServerVersions versions) {
  auto issued = authority.issue(request);
  if (!issued) throw Failure("no certificate: " + issued.error().detail);
  return server_context_of(issued->certificate_pem, issued->key_pem, versions);
}

std::shared_ptr<tls::ServerContext> good_server_context() {
  static const std::shared_ptr<tls::ServerContext> kContext = server_context();
  return kContext;
}

}  // namespace support
