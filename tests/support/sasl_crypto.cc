#include "support/sasl_crypto.h"

#include "tls/crypto.h"

namespace support {

const base::Crypto& true_crypto() { return tls::crypto(); }

}  // namespace support
