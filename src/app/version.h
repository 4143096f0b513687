// Name and versions.
#pragma once

#include <string>

namespace app {

// "smtpseal 0.1.0 (Mbed TLS 3.6.7, libuv 1.44.2)"
[[nodiscard]] std::string version_text();

}  // namespace app
