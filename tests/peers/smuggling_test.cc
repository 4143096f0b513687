// No byte of a client becomes a second mail, a command or a header field more at the smarthost:
// hostile clients in front of smtpseal, and behind it a real Postfix, Exim or OpenSMTPD whose queue
// is read afterwards (SMTP smuggling, CVE-2023-51764 to 51766 and kin; CRLF injection; BDAT).
//
// Three oracles: the client's replies, one a command, are those of an independent reading of its
// bytes; the server holds that reading's mails, field by field, and no other; what smtpseal said to
// the server is well-formed and names nobody whom the client did not.
#include <initializer_list>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "peers/accounts.h"
#include "peers/hostile_bytes.h"
#include "peers/smuggling_fixture.h"
#include "support/smtp_client.h"

namespace support {
namespace {

class Smuggling : public SmugglingTest {
 protected:
  void end_mail_data_oddly(std::initializer_list<Cut> cuts) {
    for (const std::string& separator : separators()) {
      for (const Cut cut : cuts) {
        const std::string token = next_token();
        say(envelope_of(token) + "DATA\r\n" + smuggled(token, separator) + "QUIT\r\n", cut);
      }
    }
  }

  void send_chunks() {
    for (const std::string& separator : separators()) {
      const std::string token = next_token();
      const std::string data = smuggled(token, separator);
      const std::size_t half = hostile_header(token).size() + 4 + separator.size() / 2;
      const std::string size = std::to_string(data.size());
      say(envelope_of(token) + "BDAT " + size + " LAST\r\n" + data + "QUIT\r\n");
      if (!is_chunking_offered()) continue;
      const std::string cut_token = next_token();
      say(envelope_of(cut_token) + "BDAT " + std::to_string(half) + "\r\n" + data.substr(0, half) +
              "BDAT " + std::to_string(data.size() - half) + " LAST\r\n" + data.substr(half) +
              "QUIT\r\n",
          Cut::everywhere);
    }
  }

  void converse_at_random() {
    for (const std::string& bytes : random_conversations(300, "r")) say(bytes);
  }
};

TEST_P(Smuggling, OnlyCrLfDotCrLfEndsMailData) {
  end_mail_data_oddly({Cut::none, Cut::after_data_replies, Cut::everywhere});
}

TEST_P(Smuggling, RandomSeparatorsEndNoMailData) {
  for (const std::string& separator : random_separators(200, 9)) {
    const std::string token = next_token();
    say(envelope_of(token) + "DATA\r\n" + smuggled(token, separator) + "QUIT\r\n");
  }
}

// Where buffers, TLS records and chunks end.
TEST_P(Smuggling, NoEdgeOfABufferEndsMailData) {
  for (const std::size_t edge : {4096U, 16384U, 65536U}) {
    for (std::size_t at = edge - 4; at <= edge + 4; ++at) {
      const std::string token = next_token();
      std::string data = hostile_header(token);
      while (data.size() + 72 < at) data += std::string(70, 'x') + "\r\n";
      data += std::string(at - data.size(), 'y');
      const std::string separator = at % 2 == 0 ? "\n.\r\n" : "\r\n.\n";
      say(envelope_of(token) + "DATA\r\n" + data + separator + contraband(token) + "QUIT\r\n");
    }
  }
}

TEST_P(Smuggling, MailCutOffIsNoMail) {
  for (const std::string end : {"", "\r", "\r\n", "\r\n.", "\r\n.\r", "\n.\n", "\r\n.\n"}) {
    const std::string token = next_token();
    const std::string bytes =
        envelope_of(token) + "DATA\r\n" + hostile_header(token) + "body" + end;
    say(bytes);
    SmtpSocket client(seal().port());
    client.send(kHello + bytes);
    for (int replies = 0; replies < 5; ++replies) static_cast<void>(client.read_reply());
    client.reset();
    if (!is_chunking_offered()) continue;
    say(envelope_of(token) + "BDAT 1000 LAST\r\n" + hostile_header(token) + "body" + end);
  }
}

TEST_P(Smuggling, ChunksHoldNoCommands) { send_chunks(); }

TEST_P(Smuggling, ChunksOfNoMailAreSwallowed) {
  const auto chunk = [](const std::string& bytes, const std::string& marker) {
    return "BDAT " + std::to_string(bytes.size()) + marker + "\r\n" + bytes;
  };
  const auto payload = [&] { return contraband(next_token()); };
  const std::string token = next_token();
  const std::string mail = hostile_header(token) + "body\r\n";
  const std::string sender = "MAIL FROM:<" + token + "@client.test>\r\n";
  const std::string whole = envelope_of(token) + chunk(mail, " LAST");
  // Without MAIL, without RCPT, behind a refused chunk; then an ordinary mail.
  say(chunk(payload(), " LAST") + whole + "QUIT\r\n");
  say(sender + chunk(payload(), " LAST") + whole + "QUIT\r\n");
  say(sender + chunk(payload(), "") + chunk(payload(), " LAST") + whole + "QUIT\r\n");
  const std::string nul = hostile_header(token) + std::string("a\0b", 3);
  say(envelope_of(token) + chunk(nul, "") + chunk(payload(), "") + chunk(payload(), " LAST") +
      whole + "QUIT\r\n");
  say(envelope_of(token) + chunk(nul, " LAST") + whole + "QUIT\r\n");
  // Of nothing; in many pieces; with what would stand between the pieces of another mail.
  say(envelope_of(token) + chunk(mail, "") + chunk("", " LAST") + "QUIT\r\n");
  say(envelope_of(token) + chunk(mail, "") + chunk("", "") + chunk(payload(), " LAST") +
      "QUIT\r\n");
  say(envelope_of(token) + chunk(mail, "") + envelope_of(next_token()) + chunk("more", " LAST") +
      "QUIT\r\n");
  say(envelope_of(token) + chunk(mail, "") + "RSET\r\n" + chunk(payload(), " LAST") + "QUIT\r\n");
  say(envelope_of(token) + chunk(mail, "") + "DATA\r\n" + payload() + "QUIT\r\n");
}

TEST_P(Smuggling, ChunksWithoutASizeEndTheSession) {
  for (const std::string argument :
       {"", "-1", "+1", "0x10", "1e3", "18446744073709551616", "10 LASTX", "10 LAST x", "10,5"}) {
    const std::string token = next_token();
    const std::string bytes =
        envelope_of(token) + "BDAT " + argument + "\r\n" + contraband(token) + "QUIT\r\n";
    SCOPED_TRACE(shown(bytes));
    SmtpSocket client(seal().port());
    client.send(kHello + bytes);
    for (const int code : {220, 250, 250, 250}) EXPECT_EQ(client.read_reply().code, code);
    EXPECT_EQ(client.read_reply().code / 100, 5);
    EXPECT_EQ(client.read_until_closed(), "");
    expect_addresses(token);
  }
}

TEST_P(Smuggling, MailDataBehindARefusedDataIsNothing) {
  const std::string token = next_token();
  const std::string sender = "MAIL FROM:<" + token + "@client.test>\r\n";
  const std::string data = hostile_header(token) + contraband(token) + ".\r\n";
  say("DATA\r\n" + data + "QUIT\r\n");
  say(sender + "DATA\r\n" + data + "QUIT\r\n");
  say(sender + "DATA\r\n" + contraband(token) + "QUIT\r\n");
  say(envelope_of(token) + "RSET\r\nDATA\r\n" + data + "QUIT\r\n");
}

TEST_P(Smuggling, BatchesKeepTheirEnvelopes) {
  const std::string one = next_token();
  const std::string two = next_token();
  const auto data = [](const std::string& token) {
    return "DATA\r\n" + hostile_header(token) + "of " + token + "\r\n.\r\n";
  };
  const std::string both = envelope_of(one) + data(one) + envelope_of(two) + data(two);
  for (const Cut cut : {Cut::none, Cut::everywhere}) {
    say(envelope_of(one) + "RSET\r\n" + envelope_of(two) + data(two) + "QUIT\r\n", cut);
    say(both + "QUIT\r\n", cut);
    say(both + both + "NOOP\r\nRSET\r\nRSET\r\nQUIT\r\n", cut);
    say(envelope_of(one) + "EHLO client.test\r\n" + envelope_of(two) + data(two) + "QUIT\r\n", cut);
    say(envelope_of(one) + "MAIL FROM:<other@client.test>\r\nNOOP\r\n" + data(one) + "QUIT\r\n",
        cut);
    say(envelope_of(one) + envelope_of(two) + data(two) + "QUIT\r\n", cut);
    say(envelope_of(one) + "QUIT\r\n" + data(one), cut);
    // The first mail is refused at its end; what follows must not profit from its envelope.
    say(envelope_of(one) + "DATA\r\n" + hostile_header(one) + std::string("a\0b", 3) +
            "\r\n.\r\nRCPT TO:<victim@example.test>\r\n" + both + "QUIT\r\n",
        cut);
  }
}

TEST_P(Smuggling, CommandsHoldNoOtherCommands) {
  const std::string nul(1, '\0');
  for (const std::string& line : {
           std::string("MAIL FROM:<s@client.test>\rRCPT TO:<victim@evil.test>\r\n"),
           std::string("MAIL FROM:<s@client.test> BODY=8BITMIME\rX-Smuggled: 1\r\n"),
           "MAIL FROM:<s" + nul + "@client.test>\r\n",
           std::string("MAIL FROM:<s@client.test> AUTH=<>+0D+0AX-Smuggled:+201\r\n"),
           std::string("MAIL FROM:<s@client.test> ENVID=a+0D+0ARCPT+20TO:<victim@evil.test>\r\n"),
           std::string("MAIL FROM:<s@client.test> SIZE=1\rRCPT\r\n"),
           std::string("MAIL FROM:<s@client.test\x0b>\r\n"),
           std::string("MAIL FROM:<\"s\rRCPT TO:<victim@evil.test>\"@client.test>\r\n"),
           std::string("RCPT TO:<victim@evil.test>\rDATA\r\n"),
           std::string("NOOP\rMAIL FROM:<smuggled@evil.test>\r\n"),
           "NOOP " + nul + "\r\n",
           std::string("EHLO client.test\rX-Smuggled: 1\r\n"),
           std::string("EHLO client.test\x0bX-Smuggled: 1\r\n"),
           std::string("EHLO a b\tX-Smuggled: 1\r\n"),
           std::string("EHLO (comment\\\r\n"),
           std::string("EHLO client.test) (X-Smuggled: 1\r\n"),
           std::string("HELO client.test; X-Smuggled: 1\r\n"),
           std::string("VRFY victim@evil.test\rDATA\r\n"),
           std::string("XCLIENT ADDR=127.0.0.1 LOGIN=root\r\n"),
           std::string("XFORWARD NAME=evil.test\r\n"),
           std::string("STARTTLS\rMAIL\r\n"),
           std::string("ETRN evil.test\r\n"),
           std::string("Subject: smuggled\r\n"),
           std::string("GET / HTTP/1.1\r\n"),
           std::string("\x85MAIL FROM:<smuggled@evil.test>\r\n"),
           std::string("\xe2\x80\xa8MAIL FROM:<smuggled@evil.test>\r\n"),
           std::string(3000, 'x') + " MAIL FROM:<smuggled@evil.test>\r\n",
       }) {
    say_before_mail(line);
  }
}

// Quotes hold no line end (RFC 5321 4.1.2): each of the lines is judged alone.
TEST_P(Smuggling, QuotesHoldNoLineEnd) {
  for (const std::string end : {"\r\n", "\n"}) {
    const std::string token = next_token();
    SmtpClient client(seal().port());
    client.hello();
    client.send("MAIL FROM:<\"a" + end + "RCPT TO:<victim@evil.test>\"@client.test>\r\n");
    EXPECT_EQ(client.read_reply().code / 100, 5);
    EXPECT_EQ(client.read_reply().code / 100, 5);
    EXPECT_EQ(client
                  .mail(hostile_header(token) + "x\r\n", token + "@client.test",
                        {token + "@example.test"})
                  .code,
              250);
    expect_mail(token, hostile_header(token) + "x\r\n");
  }
}

// What an address or a name of the client's holds must not get out of it: not on its way to the
// server, and not in the Received line.
TEST_P(Smuggling, NoControlCharacterIsCarriedInAnAddress) {
  for (int octet = 0; octet <= 128; ++octet) {
    const char c = static_cast<char>(octet < 32 ? octet : octet == 32 ? 127 : octet);
    if (octet > 32 && octet < 127) continue;
    if (c == '\n') continue;  // ends the line
    const std::string odd(1, c);
    say_before_mail("MAIL FROM:<s" + odd + "x@client.test>\r\n");
    say_before_mail("MAIL FROM:<\"s" + odd + "x\"@client.test>\r\n");
    say_before_mail("EHLO client" + odd + "x.test\r\n");
    const std::string token = next_token();
    SmtpClient client(seal().port());
    client.hello();
    client.command("MAIL FROM:<" + token + "@client.test>");
    client.send("RCPT TO:<r" + odd + "x@example.test>\r\n");
    EXPECT_EQ(client.read_reply().code / 100, 5) << octet;
    EXPECT_EQ(client.command("RCPT TO:<" + token + "@example.test>").code, 250);
    EXPECT_EQ(client.command("DATA").code, 354);
    EXPECT_EQ(client.finish(hostile_header(token) + "x\r\n").code, 250);
    expect_mail(token, hostile_header(token) + "x\r\n");
  }
}

TEST_P(Smuggling, RandomConversationsMeanWhatTheySay) { converse_at_random(); }

// The server's own TLS: nobody listens, and its queue alone tells.
class SealedSmuggling : public Smuggling {};

TEST_P(SealedSmuggling, OnlyCrLfDotCrLfEndsMailData) { end_mail_data_oddly({Cut::none}); }
TEST_P(SealedSmuggling, ChunksHoldNoCommands) { send_chunks(); }
TEST_P(SealedSmuggling, RandomConversationsMeanWhatTheySay) { converse_at_random(); }

std::string name_of(const testing::TestParamInfo<Setting>& one) {
  return std::string(to_string(one.param.make)) +
         (one.param.is_chunking ? "WithChunking" : "WithData");
}

// OpenSMTPD offers no CHUNKING.
INSTANTIATE_TEST_SUITE_P(Servers, Smuggling,
                         testing::Values(Setting{Make::postfix, true, true},
                                         Setting{Make::postfix, false, true},
                                         Setting{Make::exim, true, true},
                                         Setting{Make::exim, false, true},
                                         Setting{Make::opensmtpd, true, true}),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Servers, SealedSmuggling,
                         testing::Values(Setting{Make::postfix, false, false},
                                         Setting{Make::exim, true, false},
                                         Setting{Make::opensmtpd, false, false}),
                         name_of);

// The other way round: the same bytes without smtpseal between, so that these tests can fail.
class DirectSmuggling : public testing::TestWithParam<Make> {
 protected:
  static void TearDownTestSuite() { stop_shared_servers(); }

  // A client of its own, which waits for 354 and then for nothing.
  static void send(KeepingServer& server, const std::string& token, const std::string& data) {
    SmtpClient client(server.port());
    client.hello();
    client.envelope(token + "@client.test", {token + "@example.test"});
    SmtpClient::require(client.command("DATA"), 354);
    client.send(data + "QUIT\r\n");
    client.shut_down_writing();
    try {
      static_cast<void>(client.read_until_closed());
    } catch (const Failure&) {
      // Some end with a reset what they do not like.
    }
  }
};

TEST_P(DirectSmuggling, IsSeenInTheQueue) {
  if (const auto why = KeepingServer::why_not(GetParam())) GTEST_SKIP() << *why;
  KeepingServer& server = shared_server(GetParam());
  std::vector<ClientMail> sent;
  for (const std::string& separator : separators()) {
    const std::string token = "d" + std::to_string(sent.size());
    const std::string data = smuggled(token, separator);
    const Meaning meaning = read_client(envelope_of(token) + "DATA\r\n" + data, false);
    if (meaning.mails.size() > 1) continue;  // CRLF.CRLF
    sent.push_back({token + "@client.test", {token + "@example.test"}, meaning_of_data(data)});
    send(server, token, data);
  }
  std::size_t seconds = 0;
  const std::vector<QueuedMail> held = server.take_new();
  for (const QueuedMail& mail : held) seconds += mail.sender.starts_with("smuggled-") ? 1 : 0;
  std::cout << "smuggling | " << to_string(GetParam()) << " " << server.version() << " | "
            << seconds << " of " << sent.size() << " without smtpseal |\n";
  // A server that takes what it should not is how the tests above can be trusted.
  if (GetParam() != Make::postfix) return;
  EXPECT_GT(seconds, 0U);
  std::size_t found = 0;
  for (const std::string& each : differences(sent, held)) {
    found += each.starts_with("nobody sent from <smuggled-") ? 1 : 0;
  }
  EXPECT_EQ(found, seconds);
}

INSTANTIATE_TEST_SUITE_P(Servers, DirectSmuggling,
                         testing::Values(Make::postfix, Make::exim, Make::opensmtpd),
                         [](const auto& one) { return to_string(one.param); });

}  // namespace
}  // namespace support
