// The cryptography that there is, for tests of folders that know only its interface.
#pragma once

#include "base/crypto.h"

namespace support {

[[nodiscard]] const base::Crypto& crypto();

}  // namespace support
