// See smtp_client.h.
#include "support/smtp_client.h"

#include <atomic>
#include <ostream>

namespace support {

void PrintTo(const Attempt& attempt, std::ostream* out) {
  static constexpr const char* kSteps[] = {"greeting", "hello", "MAIL",
                                           "RCPT",     "DATA",  "end of data"};
  *out << "at " << kSteps[static_cast<int>(attempt.step)] << ": ";
  PrintTo(attempt.reply, out);
}

const Reply& SmtpClient::require(const Reply& reply, int code) {
  if (reply.code != code) {
    throw Failure("expected " + std::to_string(code) + ", got: " + reply.raw);
  }
  return reply;
}

Reply SmtpClient::command(std::string_view line, Milliseconds patience) {
  send(std::string(line) + "\r\n");
  return read_reply(patience);
}

Reply SmtpClient::hello(std::string_view verb_and_name) {
  require(read_reply(), 220);
  return require(command(verb_and_name), 250);
}

void SmtpClient::envelope(std::string_view from, const std::vector<std::string>& to) {
  require(command("MAIL FROM:<" + std::string(from) + ">"), 250);
  for (const std::string& each : to) require(command("RCPT TO:<" + each + ">"), 250);
}

Reply SmtpClient::finish(std::string_view data, Milliseconds patience) {
  send(data, patience);
  return command(".", patience);
}

Reply SmtpClient::mail(std::string_view data, std::string_view from,
                       const std::vector<std::string>& to) {
  envelope(from, to);
  require(command("DATA"), 354);
  return finish(data);
}

void SmtpClient::starttls(tls::ClientContext& context) {
  require(command("STARTTLS"), 220);
  start_tls(context);
}

void SmtpClient::quit() {
  require(command("QUIT"), 221);
  const std::string rest = read_until_closed();
  if (!rest.empty()) throw Failure("something came behind the reply to QUIT: " + rest);
}

Attempt SmtpClient::attempt(std::string_view data, Milliseconds patience) {
  using Step = Attempt::Step;
  Attempt out{Step::greeting, read_reply(patience)};
  const auto step = [&](Step next, std::string_view line) {
    out = {next, command(line, patience)};
    return out.reply.code < 400;
  };
  if (out.reply.is_positive() && step(Step::hello, "EHLO client.test") &&
      step(Step::mail, "MAIL FROM:<sender@client.test>") &&
      step(Step::rcpt, "RCPT TO:<rcpt@example.test>") && step(Step::data, "DATA")) {
    send(data, patience);
    step(Step::end_of_data, ".");
  }
  return out;
}

bool offers(const Reply& ehlo, std::string_view keyword) {
  for (std::size_t i = 1; i < ehlo.lines.size(); ++i) {
    if (ehlo.lines[i] == keyword) return true;
  }
  return false;
}

std::string make_mail(std::string_view body) {
  static std::atomic<int> number{0};
  return "From: sender@client.test\r\nSubject: test mail " + std::to_string(++number) + "\r\n\r\n" +
         std::string(body);
}

}  // namespace support
