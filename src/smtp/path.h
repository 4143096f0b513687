// Paths (RFC 5321 4.1.2, 3.3): the address in MAIL FROM:<...> and RCPT TO:<...>.
//
// A path is checked just enough to be carried safely: its end is found with regard to quoted
// strings, and no octet in it can end a line, a path or a command. It is never rewritten; whether
// the mailbox exists is the smarthost's business.
#pragma once

#include <string>
#include <string_view>

#include "smtp/reply.h"
#include "smtp/tolerance.h"

namespace smtp {

enum class Syntax { tolerant, strict };

// What stood between the angle brackets, plus what follows.
struct ParsedPath {
  std::string path;       // with angle brackets, as it goes to the smarthost: "<a@b>", "<>"
  std::string_view rest;  // the parameters, leading spaces removed
  Tolerances tolerated;
};

// Either a path or the refusal to answer with (501 5.1.7 or 5.1.3, 553 5.6.7).
//
// `text` is what follows the colon. tolerant: spaces around the path and inside its brackets (they
// are left out), a path without angle brackets (it is sent on with them), and dots in the local
// part where none may stand (sent on as they are). `is_reverse` allows "<>"; a forward path may be
// "<postmaster>". Octets above 127 are accepted when they are valid UTF-8 (the caller checks that
// SMTPUTF8 was asked for); control characters (C0, DEL, C1) are always refused.
[[nodiscard]] std::variant<ParsedPath, Reply> parse_path(std::string_view text, bool is_reverse,
                                                         Syntax syntax);

}  // namespace smtp
