// Commands (RFC 5321 4.1): a line from the client, split and checked.
//
// Parsing a command yields either a typed value or the Reply that refuses it, so that no caller
// invents refusals of its own. Formatting one yields the line that goes to the smarthost: built
// from checked parts only, never the client's line passed on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "smtp/extensions.h"
#include "smtp/path.h"
#include "smtp/reply.h"
#include "smtp/tolerance.h"

namespace smtp {

enum class Verb {
  helo,
  ehlo,
  mail,
  rcpt,
  data,
  bdat,
  rset,
  noop,
  quit,
  vrfy,
  expn,
  help,
  etrn,
  auth,
  starttls,
  unimplemented,  // known and refused with 502: TURN, ATRN, SEND, SOML, SAML, XCLIENT, XFORWARD,
                  // ONEX, VERB, DEBUG, WIZ
  foreign,        // another protocol or a header: GET, POST, CONNECT, "Subject:", TLS, SSH
  unknown,
};

// The verb of a line and what follows it.
struct SplitCommand {
  Verb verb = Verb::unknown;
  std::string_view argument;  // after the verb and one space; trailing white space removed
};

// tolerant: verbs in any case (the RFC demands that) and "MAIL FROM: <a>" with spaces.
[[nodiscard]] SplitCommand split_command(std::string_view line);

// One ESMTP parameter, keyword upper-cased.
struct Parameter {
  std::string keyword;
  std::optional<std::string> value;

  friend bool operator==(const Parameter&, const Parameter&) = default;
};

// MAIL (RFC 5321 4.1.1.2) with the parameters we carry: SIZE (RFC 1870), BODY (RFC 6152, 3030),
// SMTPUTF8 (RFC 6531), RET and ENVID (RFC 3461), AUTH (RFC 4954 5).
struct MailCommand {
  std::string reverse_path;  // "<a@b>" or "<>"
  std::vector<Parameter> parameters;
  std::optional<std::uint64_t> size;
  bool is_eight_bit = false;  // BODY=8BITMIME
  bool is_binary = false;     // BODY=BINARYMIME
  bool is_utf8 = false;       // SMTPUTF8
  bool asks_dsn = false;      // RET or ENVID present
  Tolerances tolerated;       // in the client's line
};

// RCPT (RFC 5321 4.1.1.3) with NOTIFY and ORCPT (RFC 3461).
struct RcptCommand {
  std::string forward_path;
  std::vector<Parameter> parameters;
  bool asks_dsn = false;
  Tolerances tolerated;
};

// HELO and EHLO (RFC 5321 4.1.1.1).
struct HelloCommand {
  std::string name;  // fit for a Received line: printable ASCII without spaces, at most 255 octets
  Tolerances tolerated;
};

// `argument` is SplitCommand::argument. Only parameters of extensions in `offered` are accepted
// (others: 555 5.5.4); doubled or malformed ones are 501 5.5.4; SIZE above the offered one is
// 552 5.3.4; an address with octets above 127 without SMTPUTF8 is 553 5.6.7.
[[nodiscard]] std::variant<MailCommand, Reply> parse_mail(std::string_view argument,
                                                          const Extensions& offered, Syntax syntax);
// `is_utf8`: the transaction's MAIL asked for SMTPUTF8.
[[nodiscard]] std::variant<RcptCommand, Reply> parse_rcpt(std::string_view argument,
                                                          const Extensions& offered, bool is_utf8,
                                                          Syntax syntax);
// tolerant: a name that is missing or no host name is made fit; strict: it is refused (501 5.5.2).
[[nodiscard]] std::variant<HelloCommand, Reply> parse_hello(std::string_view argument,
                                                            Syntax syntax);

// "MAIL FROM:<a@b> SIZE=10", without CRLF.
[[nodiscard]] std::string format(const MailCommand& command);
[[nodiscard]] std::string format(const RcptCommand& command);

}  // namespace smtp
