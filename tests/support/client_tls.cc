// See client_tls.h.
#include "support/client_tls.h"

#include <filesystem>

namespace support {

void ClientTlsTest::set_up(const std::string& tls) {
  SealTest::SetUp();
  ca_file_ = directory_.path("ca.pem");
  write_certificate(seal_request());
  config_.set("listener", "tls", tls)
      .set("listener", "certificate", certificate_file_)
      .set("listener", "key", key_file_);
}

tls::CertificateRequest ClientTlsTest::seal_request() {
  tls::CertificateRequest request = good_request();
  request.common_name = "test listener";
  request.dns_names = {kSealName};
  return request;
}

void ClientTlsTest::write_certificate(const tls::CertificateRequest& request,
                                      tls::Authority& authority) {
  auto issued = authority.issue(request);
  if (!issued) throw Failure("no certificate: " + issued.error().detail);
  certificate_file_ = directory_.write("listener.pem", issued->certificate_pem);
  key_file_ = write_private("listener.key", issued->key_pem);
}

std::string ClientTlsTest::write_private(const std::string& name, std::string_view content) const {
  const std::string path = directory_.write(name, content);
  std::filesystem::permissions(
      path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return path;
}

tls::ClientOptions ClientTlsTest::trusting_options() const {
  tls::ClientOptions options;
  options.verify_name = kSealName;
  options.ca_files = {ca_file_};
  return options;
}

tls::ClientContext& ClientTlsTest::trusting_context() {
  if (!context_) context_ = client_context(trusting_options());
  return *context_;
}

StoredMail ClientTlsTest::last_mail() {
  const auto mails = smarthost().mails();
  if (mails.empty()) throw Failure("the smarthost has no mail");
  return mails.back();
}

std::unique_ptr<tls::ClientContext> client_context(const tls::ClientOptions& options) {
  auto made = tls::make_client_context(options);
  if (!made) throw Failure("no client context: " + made.error().detail);
  return std::move(made).value();
}

}  // namespace support
