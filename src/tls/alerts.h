// TLS alerts in words (RFC 8446 6, with those of RFC 5246 and earlier). Pure.
#pragma once

#include <string>

namespace tls {

// "handshake_failure"; "number 200" when it has no name.
[[nodiscard]] std::string alert_name(int description);

// What a smarthost that breaks a handshake off with it usually means; empty when that is
// anybody's guess.
[[nodiscard]] std::string alert_meaning(int description);
// The same of a client.
[[nodiscard]] std::string client_alert_meaning(int description);

}  // namespace tls
