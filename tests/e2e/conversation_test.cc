// The conversation: what clients may say, what reaches the smarthost, what comes back.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

class Conversation : public SealTest {};

TEST_F(Conversation, CarriesAMailByteForByteBehindOneTraceLine) {
  const std::string mail = make_mail("..stuffed\r\n\r\nlast\r\n");
  EXPECT_TRUE(attempt(mail).is_accepted());
  const StoredMail stored = smarthost().wait_for_mails(1).at(0);
  std::string plain = mail;
  plain.replace(plain.find("..stuffed"), 2, ".");
  EXPECT_EQ(stored.without_trace(), plain);
  EXPECT_EQ(stored.mail, "MAIL FROM:<sender@client.test>");
  EXPECT_EQ(stored.rcpts, std::vector<std::string>{"RCPT TO:<rcpt@example.test>"});
  const std::string trace = stored.trace();
  EXPECT_EQ(trace.find("Received: from client.test ([127.0.0.1])"), 0u) << trace;
  EXPECT_NE(trace.find("by " + std::string(kSealName) + " "), std::string::npos) << trace;
  EXPECT_NE(trace.find("with ESMTP id "), std::string::npos) << trace;
}

TEST_F(Conversation, LeavesTheTraceLineOutWhenToldTo) {
  config_.set("listener", "received_header", "no");
  const std::string mail = make_mail();
  EXPECT_TRUE(attempt(mail).is_accepted());
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).data, mail);
}

TEST_F(Conversation, ServesAClientThatOnlyKnowsHelo) {
  SmtpClient client = connect();
  client.hello("HELO fax");
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_NE(smarthost().wait_for_mails(1).at(0).trace().find("with SMTP id"), std::string::npos);
}

TEST_F(Conversation, ShowsOnlyExtensionsItCarries) {
  Behavior behavior = smarthost().behavior();
  behavior.keywords = {"PIPELINING",
                       "SIZE 1000000",
                       "8BITMIME",
                       "DSN",
                       "SMTPUTF8",
                       "ENHANCEDSTATUSCODES",
                       "XCLIENT NAME",
                       "XFORWARD NAME",
                       "ETRN",
                       "PRDR",
                       "REQUIRETLS",
                       "BURL",
                       "LIMITS RCPTMAX=10",
                       "CHUNKING",
                       "BINARYMIME",
                       "AUTH PLAIN SCRAM-SHA-256-PLUS"};
  smarthost().set_behavior(behavior);
  SmtpClient client = connect();
  const Reply ehlo = client.hello();
  for (std::size_t i = 1; i < ehlo.lines.size(); ++i) {
    const std::string word = ehlo.lines[i].substr(0, ehlo.lines[i].find(' '));
    EXPECT_TRUE(word == "PIPELINING" || word == "SIZE" || word == "8BITMIME" || word == "DSN" ||
                word == "SMTPUTF8" || word == "ENHANCEDSTATUSCODES" || word == "CHUNKING" ||
                word == "BINARYMIME" || word == "AUTH")
        << ehlo.lines[i];
  }
  EXPECT_FALSE(ehlo.has_text("-PLUS"));
  EXPECT_TRUE(offers(ehlo, "SIZE 1000000"));
  client.quit();
}

TEST_F(Conversation, TakesAWholeSessionInOneWrite) {
  SmtpClient client = connect();
  const std::string mail = make_mail();
  client.send(
      "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@example.test>\r\n"
      "RCPT TO:<c@example.test>\r\nDATA\r\n" +
      mail + ".\r\nQUIT\r\n");
  client.shut_down_writing();
  for (const int code : {220, 250, 250, 250, 250, 354, 250, 221}) {
    EXPECT_EQ(client.read_reply().code, code);
  }
  EXPECT_EQ(client.read_until_closed(), "");
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(), mail);
}

TEST_F(Conversation, GivesTheSameWhenSentInSingleOctets) {
  SmtpClient client = connect();
  client.send_in_pieces(
      "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\n"
      "RCPT TO:<b@example.test>\r\nDATA\r\nSubject: x\r\n\r\n..y\r\n.\r\nQUIT\r\n",
      1);
  for (const int code : {220, 250, 250, 250, 354, 250, 221}) {
    EXPECT_EQ(client.read_reply().code, code);
  }
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(), "Subject: x\r\n\r\n.y\r\n");
}

TEST_F(Conversation, PassesEachRecipientsVerdictOnInItsOwnWords) {
  smarthost().on(Point::rcpt, [](const Situation& at) -> std::optional<Answer> {
    switch (at.count) {
      case 1: return Answer{"250 2.1.5 yes\r\n"};
      case 2: return Answer{"450 4.2.1 later\r\n"};
      case 3: return Answer{"550-5.1.1 no such user\r\n550 5.1.1 here\r\n"};
      default: return Answer{"251 2.1.5 forwarded\r\n"};
    }
  });
  SmtpClient client = connect();
  client.hello();
  client.send(
      "MAIL FROM:<a@b.test>\r\nRCPT TO:<1@b.test>\r\nRCPT TO:<2@b.test>\r\n"
      "RCPT TO:<3@b.test>\r\nRCPT TO:<4@b.test>\r\n");
  for (const std::string& raw :
       {std::string("250 2.1.0 sender OK\r\n"), std::string("250 2.1.5 yes\r\n"),
        std::string("450 4.2.1 later\r\n"),
        std::string("550-5.1.1 no such user\r\n550 5.1.1 here\r\n"),
        std::string("251 2.1.5 forwarded\r\n")}) {
    EXPECT_EQ(client.read_reply().raw, raw);
  }
  EXPECT_EQ(client.command("DATA").code, 354);
  EXPECT_EQ(client.finish(make_mail()).code, 250);
  client.quit();
}

TEST_F(Conversation, TellsARefusedSenderAtRcpt) {
  smarthost().on(Point::mail, once("550 5.7.1 not you\r\n"));
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("MAIL FROM:<a@b.test>").code, 250);
  EXPECT_EQ(client.command("RCPT TO:<c@d.test>").raw, "550 5.7.1 not you\r\n");
  EXPECT_EQ(client.command("RCPT TO:<e@d.test>").raw, "550 5.7.1 not you\r\n");
  EXPECT_EQ(client.command("DATA").code, 554);
  EXPECT_EQ(client.command("RSET").code, 250);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
}

TEST_F(Conversation, LeavesEveryReplyToTheSmarthostWhenToldTo) {
  config_.set("listener", "early_replies", "no");
  smarthost().on(Point::mail, once("550 5.7.1 not you\r\n"));
  smarthost().on(Point::data, once("354 from the smarthost\r\n"));
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("MAIL FROM:<a@b.test>").raw, "550 5.7.1 not you\r\n");
  client.envelope();
  EXPECT_EQ(client.command("DATA").raw, "354 from the smarthost\r\n");
  EXPECT_EQ(client.finish(make_mail()).code, 250);
  client.quit();
}

TEST_F(Conversation, ReusesTheSessionAfterResetAndAfterMail) {
  SmtpClient client = connect();
  client.hello();
  client.envelope("lost@client.test");
  EXPECT_EQ(client.command("RSET").code, 250);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  EXPECT_EQ(client.mail(make_mail(), "second@client.test").code, 250);
  client.envelope("lost@client.test");
  EXPECT_EQ(client.command("EHLO again").code, 250);
  EXPECT_EQ(client.command("RCPT TO:<x@y.test>").code, 503);
  client.quit();
  const auto mails = smarthost().wait_for_mails(2);
  EXPECT_EQ(mails.at(1).mail, "MAIL FROM:<second@client.test>");
  EXPECT_EQ(mails.at(1).rcpts.size(), 1u);
}

TEST_F(Conversation, SharesOneConnectionBetweenSessions) {
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(smarthost().handshakes(), 1u);
}

TEST_F(Conversation, ShowsNobodyElsesTransactionToTheNextClient) {
  {
    SmtpClient first = connect();
    first.hello();
    first.envelope("first@client.test", {"first@example.test"});
    first.quit();
  }
  EXPECT_TRUE(attempt().is_accepted());
  const StoredMail stored = smarthost().wait_for_mails(1).at(0);
  EXPECT_EQ(stored.rcpts, std::vector<std::string>{"RCPT TO:<rcpt@example.test>"});
  EXPECT_EQ(stored.mail, "MAIL FROM:<sender@client.test>");
}

TEST_F(Conversation, CarriesParametersThatWereOfferedAndRefusesOthers) {
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client
                .command("MAIL FROM:<j\xc3\xb6@c.test> SIZE=10 BODY=8BITMIME SMTPUTF8 "
                         "RET=HDRS ENVID=x1")
                .code,
            250);
  EXPECT_EQ(client.command("RCPT TO:<a@b.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b.test").code,
            250);
  EXPECT_EQ(client.command("DATA").code, 354);
  EXPECT_EQ(client.finish(make_mail("\xc3\xb6\r\n")).code, 250);
  const StoredMail stored = smarthost().wait_for_mails(1).at(0);
  EXPECT_EQ(stored.mail,
            "MAIL FROM:<j\xc3\xb6@c.test> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=HDRS "
            "ENVID=x1");
  EXPECT_EQ(stored.rcpts.at(0), "RCPT TO:<a@b.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b.test");
  EXPECT_EQ(client.command("MAIL FROM:<a@b.test> REQUIRETLS").code, 555);
  EXPECT_EQ(client.command("MAIL FROM:<a@b.test> SIZE=99999999999").code, 552);
  client.quit();
}

TEST_F(Conversation, OffersNothingTheSmarthostLacks) {
  Behavior behavior = smarthost().behavior();
  behavior.keywords = {};
  smarthost().set_behavior(behavior);
  SmtpClient client = connect();
  EXPECT_FALSE(client.hello().has_text("DSN"));
  EXPECT_EQ(client.command("MAIL FROM:<a@b.test> RET=HDRS").code, 555);
  EXPECT_EQ(client.command("MAIL FROM:<a@b.test> BODY=8BITMIME").code, 555);
  EXPECT_EQ(client.mail(make_mail()).code, 250) << "without PIPELINING";
  client.quit();
}

TEST_F(Conversation, AnswersWhatNeedsNobodyElse) {
  SmtpClient client = connect();
  client.hello();
  const std::vector<std::pair<const char*, int>> expected = {
      {"NOOP", 250},          {"NOOP hi there", 250},
      {"RSET ", 250},         {"VRFY x", 252},
      {"HELP", 214},          {"EXPN x", 502},
      {"ETRN x", 502},        {"XCLIENT ADDR=127.0.0.1", 502},
      {"STARTTLS", 502},      {"XYZZY", 500},
      {" NOOP", 500},         {"MAILFROM:<a>", 500},
      {"RCPT TO:<a@b>", 503}, {"DATA", 503}};
  for (const auto& [line, code] : expected) EXPECT_EQ(client.command(line).code, code) << line;
  client.quit();
  for (const ConnectionRecord& record : smarthost().journal().records()) {
    EXPECT_EQ(record.received(true).find("XCLIENT"), std::string::npos);
  }
}

TEST_F(Conversation, UnderstandsBareLineFeedsAndSpacesOfOldDevices) {
  SmtpClient client = connect();
  client.send("helo fax\nmail from: ups@client.test\nrcpt to: <op@example.test>\ndata\n");
  for (const int code : {220, 250, 250, 250, 354}) EXPECT_EQ(client.read_reply().code, code);
  // Only CRLF.CRLF ends mail data.
  EXPECT_EQ(client.finish("Subject: x\n\nline\r\n").code, 250);
  const StoredMail stored = smarthost().wait_for_mails(1).at(0);
  EXPECT_EQ(stored.mail, "MAIL FROM:<ups@client.test>");
  EXPECT_EQ(stored.without_trace(), "Subject: x\r\n\r\nline\r\n");
}

TEST_F(Conversation, RefusesBareLineFeedsWhenStrict) {
  config_.set("listener", "line_endings", "strict");
  {
    SmtpClient client = connect();
    client.hello();
    client.send("NOOP\n");
    EXPECT_EQ(client.read_reply().code, 500);
    EXPECT_EQ(client.read_until_closed(), "");
  }
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.mail("Subject: x\n\nline\r\n").code, 550);
  client.quit();
  EXPECT_TRUE(smarthost().mails().empty());
}

TEST_F(Conversation, RefusesNulAndBareCr) {
  SmtpClient client = connect();
  client.hello();
  client.send(std::string("MAIL FROM:<a\0@b>\r\n", 18));
  EXPECT_EQ(client.read_reply().code, 500);
  client.send("MAIL FROM:<a@b>\rRCPT TO:<evil@x>\r\n");
  EXPECT_EQ(client.read_reply().code, 501);
  EXPECT_EQ(client.mail(std::string("a\0b\r\n", 5)).code, 554);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_EQ(smarthost().wait_for_mails(1).size(), 1u);
}

TEST_F(Conversation, RefusesAMailThatIsLooping) {
  std::string hops;
  for (int i = 0; i < 51; ++i) hops += "Received: from a by b" + std::to_string(i) + "\r\n";
  SmtpClient client = connect();
  client.hello();
  const Reply reply = client.mail(hops + make_mail());
  EXPECT_EQ(reply.code, 554);
  EXPECT_TRUE(reply.has_text("5.4.6"));
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_EQ(smarthost().mails().size(), 1u);
}

TEST_F(Conversation, RefusesAMailAboveItsLimit) {
  config_.set("listener", "max_message_size", "1M");
  SmtpClient client = connect();
  EXPECT_TRUE(offers(client.hello(), "SIZE 1048576"));
  EXPECT_EQ(client.command("MAIL FROM:<a@b.test> SIZE=1048577").code, 552);
  client.envelope();
  EXPECT_EQ(client.command("DATA").code, 354);
  const Reply reply = client.finish(std::string(1200 * 1024, 'x') + "\r\n");
  EXPECT_EQ(reply.code, 552);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_EQ(smarthost().mails().size(), 1u);
}

TEST_F(Conversation, CarriesAnEmptyMessageAndOneWithoutAFinalLineEnd) {
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.mail("").code, 250);
  client.quit();
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(), "");
}

TEST_F(Conversation, ClosesOnOtherProtocolsWithoutRunningWhatFollows) {
  EXPECT_TRUE(attempt().is_accepted());
  for (const std::string& bytes :
       {std::string("POST / HTTP/1.1\r\nContent-Length: 90\r\n\r\nEHLO x\r\nMAIL FROM:<s@c>\r\n"),
        std::string("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), std::string("Subject: x\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)}) {
    SmtpClient client = connect();
    EXPECT_EQ(client.read_reply().code, 220);
    client.send(bytes);
    EXPECT_EQ(client.read_reply().code, 554);
    EXPECT_EQ(client.read_until_closed(), "");
  }
}

TEST_F(Conversation, EndsASessionOfErrors) {
  SmtpClient client = connect();
  client.hello();
  std::string bad;
  for (int i = 0; i < 30; ++i) bad += "BOGUS\r\n";
  client.send(bad + "MAIL FROM:<never@run.test>\r\n");
  int code = 0;
  int replies = 0;
  while (code != 421) {
    code = client.read_reply().code;
    ++replies;
  }
  EXPECT_LE(replies, 22);
  EXPECT_EQ(client.read_until_closed(), "");
}

// What public scanners send to make one mail two: exactly one transaction reaches the smarthost.
class Smuggling : public SealTest, public testing::WithParamInterface<std::string> {};

TEST_P(Smuggling, StaysOneMail) {
  SmtpClient client = connect();
  client.hello();
  client.envelope();
  EXPECT_EQ(client.command("DATA").code, 354);
  const Reply reply =
      client.finish("Subject: outer\r\n\r\nbody" + GetParam() +
                    "MAIL FROM:<smuggled@evil>\r\nRCPT TO:<victim@u.test>\r\nDATA\r\n"
                    "Subject: SMUGGLED\r\n\r\nx\r\n");
  if (GetParam().find('\0') == std::string::npos) {
    EXPECT_EQ(reply.code, 250);
    const auto mails = smarthost().wait_for_mails(1);
    EXPECT_NE(mails.at(0).data.find("smuggled@evil"), std::string::npos) << "it is mail data";
    EXPECT_EQ(mails.size(), 1u);
  } else {
    EXPECT_EQ(reply.code, 554);
    EXPECT_TRUE(smarthost().mails().empty());
  }
  client.quit();
  for (const ConnectionRecord& record : smarthost().journal().records()) {
    const std::string said = record.received(true);
    const std::size_t first = said.find("MAIL FROM:<sender");
    EXPECT_NE(first, std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(Sequences, Smuggling,
                         testing::Values("\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n",
                                         "\r\n.\r", "\r.\n", "\n.\r", "\r\r\n.\r\r\n", "\r\n .\r\n",
                                         "\r\n. \r\n", "\x0b.\x0b", "\x85.\x85",
                                         std::string("\r\n\0.\r\n", 6),
                                         std::string("\r\n.\0\r\n", 6)));

}  // namespace
}  // namespace support
