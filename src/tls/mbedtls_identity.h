// A certificate of our own and its key, as the library wants them.
#pragma once

#include "tls/mbedtls_certificates.h"

namespace tls::mbed {

// Must live as long as the configuration it is put into.
struct OwnIdentity {
  Certificates certificate;
  Key key;

  // From PEM into `config`. Fault::config saying which of the two is wrong, and why.
  [[nodiscard]] base::Result<void> load(const std::string& certificate_pem,
                                        const std::string& key_pem, mbedtls_ssl_config& config);
};

}  // namespace tls::mbed
