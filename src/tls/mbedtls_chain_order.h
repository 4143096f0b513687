// Chains whose certificates stand in another order than they were issued in. A peer may send them
// so (RFC 8446 4.4.2), and mbedTLS looks for an issuer only behind what it issued.
#pragma once

#include <memory>

#include "tls/mbedtls_library.h"

namespace tls::mbed {

// The same certificates, leaf first, every issuer behind what it issued, and in the end whatever is
// none; nothing where they stand so already, or cannot be read.
[[nodiscard]] std::unique_ptr<Certificates> in_order(const mbedtls_x509_crt& chain);

}  // namespace tls::mbed
