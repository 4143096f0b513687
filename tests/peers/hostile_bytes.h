// What hostile clients send: ends of mail data that are none, and what is to be smuggled behind.
#pragma once

#include <string>
#include <vector>

namespace support {

// Header and empty line; the token makes it like no other.
[[nodiscard]] std::string hostile_header(const std::string& token);
// MAIL and RCPT for it.
[[nodiscard]] std::string envelope_of(const std::string& token);
// A whole transaction that nobody meant to send, ended by CRLF.CRLF.
[[nodiscard]] std::string contraband(const std::string& token);
// Mail data: header, a body, `separator`, and the contraband.
[[nodiscard]] std::string smuggled(const std::string& token, const std::string& separator);

// All that was ever taken for the end of mail data by somebody, and CRLF.CRLF among them.
[[nodiscard]] const std::vector<std::string>& separators();
// Strings of CR, LF, dot, NUL, a letter, of up to `most` octets; always the same ones.
[[nodiscard]] std::vector<std::string> random_separators(unsigned count, unsigned most);
// Conversations of well-formed commands, mail data, chunks and rubbish in any order, which end in
// QUIT; always the same ones.
[[nodiscard]] std::vector<std::string> random_conversations(unsigned count,
                                                            const std::string& token);

}  // namespace support
