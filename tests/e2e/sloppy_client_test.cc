// Clients that get the protocol wrong, and devices that are known for it, over real sockets.
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

class SloppyClient : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    config_.set("smtpseal", "log_level", "debug");
  }

  std::vector<std::string> tolerated() {
    std::vector<std::string> all;
    for (const LogLine& line : seal().events("tolerated")) all.push_back(line.field("what"));
    return all;
  }

  // The smarthost greets nobody, and so nobody is greeted, until this is let go.
  std::shared_ptr<std::promise<void>> hold_greeting() {
    auto gate = std::make_shared<std::promise<void>>();
    smarthost().on(Point::greeting,
                   [future = std::shared_future<void>(gate->get_future())](
                       const Situation&) -> std::optional<Answer> {
                     future.wait_for(kPatience);
                     return std::nullopt;
                   });
    return gate;
  }
};

TEST_F(SloppyClient, IsUnderstoodAndNamedOnceInTheLog) {
  SmtpClient client = connect();
  client.hello("HELO Scan Station");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(client.command("MAIL FROM: ilo.@c.test SIZE=10").code, 250);
    EXPECT_EQ(client.command("RCPT TO : r@u.test").code, 250);
    EXPECT_EQ(client.command("DATA").code, 354);
    EXPECT_EQ(client.finish(make_mail()).code, 250);
  }
  client.quit();
  EXPECT_EQ(smarthost().wait_for_mails(2).at(1).mail, "MAIL FROM:<ilo.@c.test> SIZE=10");
  seal().wait_for("session-close");
  EXPECT_EQ(tolerated(), (std::vector<std::string>{
                             "odd name behind HELO or EHLO", "use of an extension after HELO",
                             "space after the colon", "no angle brackets",
                             "stray dot in the local part", "space before the colon"}));
  EXPECT_EQ(seal().events("tolerated").at(0).id, seal().events("session-open").at(0).id);
}

TEST_F(SloppyClient, IsTheOnlyOneOfWhomTheLogSaysSo) {
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  seal().wait_for("session-close");
  EXPECT_EQ(seal().count("tolerated"), 0u);
}

TEST_F(SloppyClient, IsRefusedWhenStrict) {
  config_.set("listener", "syntax", "strict");
  SmtpClient client = connect();
  client.read_reply();
  EXPECT_EQ(client.command("MAIL FROM:<s@c.test>").code, 503);
  EXPECT_EQ(client.command("HELO Scan Station").code, 501);
  EXPECT_EQ(client.command("EHLO c.test").code, 250);
  EXPECT_EQ(client.command("MAIL FROM: <s@c.test>").code, 501);
  EXPECT_EQ(client.command("MAIL FROM:s@c.test").code, 501);
  EXPECT_EQ(client.command("MAIL FROM:<ilo.@c.test>").code, 501);
  EXPECT_EQ(client.mail(make_mail()).code, 250) << "who makes no mistake is served";
  client.send("NOOP\n");
  EXPECT_EQ(client.read_reply().raw, "500 5.5.2 line ends in a bare LF (syntax = strict)\r\n");
  EXPECT_EQ(client.read_until_closed(), "");
  EXPECT_EQ(seal().count("tolerated"), 0u);
}

TEST_F(SloppyClient, MayTalkBeforeTheGreeting) {
  const auto gate = hold_greeting();
  SmtpClient client = connect();
  client.send("EHLO client.test\r\nMAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\nDATA\r\n");
  seal().wait_for("tolerated");
  EXPECT_FALSE(client.has_input_within(std::chrono::milliseconds(0)));
  gate->set_value();
  for (const int code : {220, 250, 250, 250, 354}) EXPECT_EQ(client.read_reply().code, code);
  EXPECT_EQ(client.finish(make_mail()).code, 250);
  client.quit();
  EXPECT_EQ(tolerated().front(), "talk before the greeting");
}

TEST_F(SloppyClient, ThatTalksBeforeTheGreetingIsRefusedWhenStrict) {
  config_.set("listener", "syntax", "strict");
  const auto gate = hold_greeting();
  SmtpClient client = connect();
  client.send("EHLO client.test\r\n");
  EXPECT_EQ(client.read_reply().raw, "554 5.5.0 you spoke before the greeting\r\n");
  EXPECT_EQ(client.read_until_closed(), "");
  gate->set_value();
  smarthost().be_healthy();
  EXPECT_TRUE(attempt().is_accepted());
}

// The order of the day of many: QUIT behind the mail data, and gone.
TEST_F(SloppyClient, ThatDoesNotWaitForTheReplyToQuitHasSentItsMail) {
  const std::string whole = "HELO fax\r\nMAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\nDATA\r\n" +
                            make_mail() + ".\r\nQUIT\r\n";
  {
    SmtpClient client = connect();
    client.send(whole);
    client.shut_down_writing();
    for (const int code : {220, 250, 250, 250, 354, 250, 221}) {
      EXPECT_EQ(client.read_reply().code, code);
    }
    EXPECT_EQ(client.read_until_closed(), "");
  }
  {
    SmtpClient client = connect();
    client.send(whole);
    smarthost().wait_for_mails(2);
    client.close();
  }
  seal().wait_for("session-close", 2);
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(smarthost().mails().size(), 3u);
}

// It resets the connection instead of reading "221", and would send again what it thought failed.
TEST_F(SloppyClient, ThatChokesOnTheReplyToQuitSentItsMailOnce) {
  SmtpClient client = connect();
  client.hello("HELO device");
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.send("QUIT\r\nQUIT\r\n\r\n");
  EXPECT_EQ(client.read_reply().raw, "221 2.0.0 " + std::string(kSealName) + " closing\r\n");
  client.reset();
  EXPECT_EQ(seal().wait_for("session-close").field("why"), "quit");
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(smarthost().mails().size(), 2u);
}

TEST_F(SloppyClient, GetsTheSameInSingleOctetsWithBareLineFeeds) {
  SmtpClient client = connect();
  client.send_in_pieces(
      "helo\nmail from: s@c.test\nrcpt to: r@u.test\ndata\nSubject: x\n\nbody\r\n.\r\nquit\n", 1);
  for (const int code : {220, 250, 250, 250, 354, 250, 221}) {
    EXPECT_EQ(client.read_reply().code, code);
  }
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(), "Subject: x\r\n\r\nbody\r\n");
}

TEST_F(SloppyClient, MayKeepItsConnectionAndAskWhetherItIsThere) {
  SmtpClient client = connect();
  client.hello();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 90; ++i) EXPECT_EQ(client.command(i % 2 == 0 ? "NOOP" : "RSET").code, 250);
    EXPECT_EQ(client.mail(make_mail()).code, 250);
  }
  client.quit();
}

// Connection resets at every octet of the end of data: nothing is delivered.
TEST_F(SloppyClient, ThatResetsInsideTheEndOfDataHasSentNothing) {
  for (const char* tail : {"half a line", "line\r\n", "line\r\n.", "line\r\n.\r"}) {
    SmtpClient client = connect();
    client.hello();
    client.envelope();
    EXPECT_EQ(client.command("DATA").code, 354);
    client.send("Subject: x\r\n\r\n" + std::string(tail));
    client.reset();
  }
  seal().wait_for("session-close", 4);
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(smarthost().mails().size(), 1u);
}

// RFC 5321 4.5.3.1.6 ends lines at 1000 octets, and 6152 wants 8BITMIME: clients do neither.
TEST_F(SloppyClient, SendsLinesOfAnyLengthAndAllOctetsAndTheyArrive) {
  std::string mail = "Subject: x\r\n\r\n";
  for (const std::size_t length : {998u, 999u, 1000u, 4096u, 65537u, 10u * 1024 * 1024}) {
    mail.append(length, 'x').append("\r\n");
  }
  for (int c = 1; c < 256; ++c) {
    if (c != '\r' && c != '\n') mail.push_back(static_cast<char>(c));
  }
  mail.append("\r\n");
  EXPECT_TRUE(attempt(mail).is_accepted());
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(), mail);
}

// Our trace line must not swallow what looks like its continuation, nor be forged by it.
TEST_F(SloppyClient, WhoseMailBeginsWithWhiteSpaceLosesNoneOfIt) {
  std::size_t count = 0;
  for (const std::string& mail :
       std::vector<std::string>{" by evil.test\r\nSubject: x\r\n", "\tx\r\n"}) {
    EXPECT_TRUE(attempt(mail).is_accepted());
    const StoredMail stored = smarthost().wait_for_mails(++count).back();
    EXPECT_EQ(stored.without_trace(), "\r\n" + mail);
  }
}

// Whichever way it ends its lines, a client that stuffs them is understood.
TEST_F(SloppyClient, MayStuffDotsBehindBareLineFeeds) {
  EXPECT_TRUE(attempt("Subject: x\n\n..stuffed\n...\n.plain\r\n").is_accepted());
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(),
            "Subject: x\r\n\r\n.stuffed\r\n..\r\n.plain\r\n");
}

TEST_F(SloppyClient, MaySendOneChunkOfAnySize) {
  Behavior behavior = smarthost().behavior();
  behavior.keywords = {"PIPELINING", "CHUNKING"};
  smarthost().set_behavior(behavior);
  std::size_t count = 0;
  for (const std::size_t size : {1u, 65536u, 10u * 1024 * 1024}) {
    SmtpClient client = connect();
    client.hello("HELO fax");
    client.envelope();
    const std::string chunk(size, 'x');
    client.send("BDAT " + std::to_string(size) + " LAST\r\n" + chunk + "NOOP\r\n");
    EXPECT_EQ(client.read_reply().code, 250);
    EXPECT_EQ(client.read_reply().code, 250);
    client.quit();
    EXPECT_EQ(smarthost().wait_for_mails(++count).back().without_trace(), chunk);
  }
}

// RFC 2920 3.1 knows the deadlock: a client that says a million things and reads nothing.
TEST_F(SloppyClient, ThatNeverReadsIsCut) {
  SmtpClient client = connect();
  std::string noops;
  for (int i = 0; i < 1000; ++i) noops += "NOOP\r\n";
  bool is_taken = true;
  for (int i = 0; i < 1000 && is_taken; ++i) is_taken = client.try_send(noops);
  EXPECT_EQ(seal().wait_for("session-close").field("why"), "client made too many errors");
  EXPECT_TRUE(attempt().is_accepted());
}

class SloppyLogin : public SloppyClient {
 protected:
  void SetUp() override {
    SloppyClient::SetUp();
    Behavior behavior = smarthost().behavior();
    behavior.keywords = {"PIPELINING", "AUTH PLAIN LOGIN"};
    smarthost().set_behavior(behavior);
    secrets_ = {"dXNlcg==", "cGFzcw=="};
  }

  // What the smarthost must hear of AUTH, and its reply to each.
  void dialogue(const std::vector<std::pair<std::string, std::string>>& lines) {
    smarthost().on(Point::auth, [lines](const Situation& at) -> std::optional<Answer> {
      std::string line = at.line;
      for (const auto& [expected, reply] : lines) {
        if (line != expected) return Answer{"535 5.7.8 expected " + expected + "\r\n"};
        if (!reply.starts_with("334")) return Answer{reply};
        at.wire.send(reply);
        line = at.wire.read_line();
      }
      return Answer{"535 5.7.8 more than was expected\r\n"};
    });
  }
};

TEST_F(SloppyLogin, OfAXeroxSeesThePromptsItKnows) {
  dialogue({{"AUTH LOGIN", "334 VXNlciBOYW1lAA==\r\n"},
            {"dXNlcg==", "334 UGFzc3dvcmQA\r\n"},
            {"cGFzcw==", "235 2.7.0 welcome\r\n"}});
  SmtpClient client = connect();
  EXPECT_TRUE(offers(client.hello("EHLO XC-B8C463"), "AUTH PLAIN LOGIN"));
  EXPECT_EQ(client.command("AUTH LOGIN").raw, "334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(client.command("dXNlcg==").raw, "334 UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(client.command("cGFzcw==").code, 235);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_EQ(tolerated(), std::vector<std::string>{"odd prompt of the smarthost to AUTH LOGIN"});
}

TEST_F(SloppyLogin, OfAMinoltaOrVeeamMayHoldTheUser) {
  dialogue({{"AUTH LOGIN", "334 dXNlcm5hbWU6\r\n"},
            {"dXNlcg==", "334 cGFzc3dvcmQ6\r\n"},
            {"cGFzcw==", "235 2.7.0 welcome\r\n"}});
  SmtpClient client = connect();
  client.hello("HELO copier");
  EXPECT_EQ(client.command("AUTH LOGIN dXNlcg==").raw, "334 UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(client.command("cGFzcw==").code, 235);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
}

TEST_F(SloppyLogin, IsPassedThroughAsItIsWhenStrict) {
  config_.set("listener", "syntax", "strict");
  dialogue({{"AUTH LOGIN", "334 VXNlciBOYW1lAA==\r\n"}, {"*", "501 5.0.0 as you like\r\n"}});
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("AUTH LOGIN dXNlcg==").code, 501);
  EXPECT_EQ(client.command("AUTH LOGIN").raw, "334 VXNlciBOYW1lAA==\r\n");
  EXPECT_EQ(client.command("*").code, 501);
  client.quit();
}

}  // namespace
}  // namespace support
