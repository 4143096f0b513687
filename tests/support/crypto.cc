#include "support/crypto.h"

#include "tls/crypto.h"

namespace support {

const base::Crypto& crypto() { return tls::crypto(); }

}  // namespace support
