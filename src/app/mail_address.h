// Mail addresses as they are given on a command line.
#pragma once

#include <string>

#include "base/result.h"

namespace app {

// "a@example.org" or "<a@example.org>" as a path with angle brackets; a reverse path may be "<>".
// Fault::config otherwise: "x y is no mail address".
[[nodiscard]] base::Result<std::string> parse_mail_address(const std::string& text,
                                                           bool is_reverse);

}  // namespace app
