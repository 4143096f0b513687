// The fixture of tests of TLS toward clients: a certificate for the listener in files, and clients
// that trust its authority.
#pragma once

#include <memory>
#include <string>

#include "support/seal_test.h"

namespace support {

class ClientTlsTest : public SealTest {
 protected:
  // In SetUp; `tls` as in the configuration.
  void set_up(const std::string& tls);

  // For kSealName, valid now.
  [[nodiscard]] static tls::CertificateRequest seal_request();
  // Puts a new certificate and its key where the listener's are.
  void write_certificate(const tls::CertificateRequest& request,
                         tls::Authority& authority = trusted_authority());
  // A file that its owner alone can read.
  std::string write_private(const std::string& name, std::string_view content) const;

  // Of a client that trusts trusted_authority() and wants kSealName.
  [[nodiscard]] tls::ClientOptions trusting_options() const;
  // The same context for a whole test, so that sessions can be resumed.
  [[nodiscard]] tls::ClientContext& trusting_context();

  // The smarthost got at least one.
  [[nodiscard]] StoredMail last_mail();

  std::string certificate_file_;
  std::string key_file_;
  std::string ca_file_;

 private:
  std::unique_ptr<tls::ClientContext> context_;
};

[[nodiscard]] std::unique_ptr<tls::ClientContext> client_context(const tls::ClientOptions& options);

}  // namespace support
