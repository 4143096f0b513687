// See mbedtls_identity.h.
#include "tls/mbedtls_identity.h"

namespace tls::mbed {

using base::Error;
using base::Fault;

base::Result<void> OwnIdentity::load(const std::string& certificate_pem, const std::string& key_pem,
                                     mbedtls_ssl_config& config) {
  const auto added =
      add_certificates(certificate_pem, "the certificate", adder_to(certificate.raw, let_pass));
  if (!added) return added;
  int code = parse_key(key.raw, key_pem);
  if (code != 0) return library_error(Fault::config, "the key", code);
  code = check_pair(certificate.raw.pk, key.raw);
  if (code != 0) return Error{Fault::config, "the key is not that of the certificate"};
  code = mbedtls_ssl_conf_own_cert(&config, &certificate.raw, &key.raw);
  if (code != 0) return library_error(Fault::config, "the certificate", code);
  return {};
}

}  // namespace tls::mbed
