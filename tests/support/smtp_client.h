// A plain SMTP client for tests: the ordinary steps of a conversation, in one word each.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/smtp_socket.h"

namespace support {

// How far a mail got, and the reply that decided it.
struct Attempt {
  enum class Step { greeting, hello, mail, rcpt, data, end_of_data };
  Step step = Step::greeting;
  Reply reply;

  [[nodiscard]] bool is_accepted() const {
    return step == Step::end_of_data && reply.is_positive();
  }
  // The mail was put off, as our own trouble demands.
  [[nodiscard]] bool is_deferred() const { return reply.is_transient(); }
};
void PrintTo(const Attempt& attempt, std::ostream* out);

class SmtpClient : public SmtpSocket {
 public:
  explicit SmtpClient(std::uint16_t port) : SmtpSocket(port) {}
  explicit SmtpClient(const std::string& path) : SmtpSocket(path) {}

  // A command without CRLF, and its reply.
  Reply command(std::string_view line, Milliseconds patience = kPatience);
  // The greeting and EHLO; throws Failure unless both are positive. Returns the EHLO reply.
  Reply hello(std::string_view verb_and_name = "EHLO client.test");
  // MAIL, RCPT and DATA, which must be accepted, then `data` (stuffed already, with its final
  // CRLF) and the lone dot; returns the final reply.
  Reply mail(std::string_view data, std::string_view from = "sender@client.test",
             const std::vector<std::string>& to = {"rcpt@example.test"});
  // MAIL and RCPT, which must be accepted.
  void envelope(std::string_view from = "sender@client.test",
                const std::vector<std::string>& to = {"rcpt@example.test"});
  // Mail data after 354: `data`, the lone dot, and the final reply.
  Reply finish(std::string_view data, Milliseconds patience = kPatience);
  // STARTTLS, which must be accepted, and the handshake.
  void starttls(tls::ClientContext& context);
  // QUIT: 221 and the end of the connection, with nothing behind it.
  void quit();
  // From the greeting on, as far as it goes. Stops at the first reply that is not positive.
  Attempt attempt(std::string_view data, Milliseconds patience = kPatience);

  // Throws Failure, naming the reply, when the code is another.
  static const Reply& require(const Reply& reply, int code);
};

// Whether an EHLO reply offers this (keyword and parameters, exactly).
[[nodiscard]] bool offers(const Reply& ehlo, std::string_view keyword);

// Header, empty line and body; a Subject that no other mail has.
[[nodiscard]] std::string make_mail(std::string_view body = "Hello.\r\n");

}  // namespace support
