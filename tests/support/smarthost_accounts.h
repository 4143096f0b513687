// AUTH as a smarthost answers it: every mechanism that smtpseal knows, from the server's side.
#pragma once

#include <optional>
#include <string>

namespace support {

class SmarthostConnection;

// Who may log in, and with what.
struct Account {
  std::string username;
  std::string secret;  // password or token
};

// The dialogue that "AUTH MECHANISM [initial response]" begins, up to the last reply, which is not
// sent but returned: 235 when it was right, 535 when it was not, 504 for an unknown mechanism.
[[nodiscard]] std::string run_auth(SmarthostConnection& wire, const Account& account,
                                   const std::string& line);

}  // namespace support
