// Senders: under whose address the smarthost sees mail.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

class Sender : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    config_.set("listener", "sender", "app@example.edu");
  }

  void allow(std::string_view who) {
    config_.set("listener", "sender_mode", "if-unauthorized");
    config_.set("listener", "authorized_senders", std::string(who));
  }
  // MAIL as the smarthost had it of a mail that the client sent with `argument`.
  std::string mail_for(const std::string& argument) {
    SmtpClient client = connect();
    client.hello();
    EXPECT_EQ(client.command("MAIL FROM:" + argument).code, 250);
    EXPECT_EQ(client.command("RCPT TO:<rcpt@example.test>").code, 250);
    EXPECT_EQ(client.command("DATA").code, 354);
    EXPECT_EQ(client.finish(make_mail()).code, 250);
    client.quit();
    return smarthost().wait_for_mails(++mails_).back().mail;
  }
  LogLine last_transaction() { return seal().wait_for("transaction", mails_); }

  std::size_t mails_ = 0;
};

TEST_F(Sender, IsForcedOnTheEnvelopeWhateverTheClientSays) {
  EXPECT_EQ(mail_for("<ups@device.test>"), "MAIL FROM:<app@example.edu>");
  EXPECT_EQ(mail_for(" root@localhost"), "MAIL FROM:<app@example.edu>");
  EXPECT_EQ(mail_for("<app@example.edu>"), "MAIL FROM:<app@example.edu>");
}

TEST_F(Sender, TakesTheParametersOverThatTheClientGave) {
  EXPECT_EQ(mail_for("<ups@device.test> SIZE=100 BODY=8BITMIME RET=HDRS"),
            "MAIL FROM:<app@example.edu> SIZE=100 BODY=8BITMIME RET=HDRS");
}

TEST_F(Sender, LeavesNoticesWithoutASender) { EXPECT_EQ(mail_for("<>"), "MAIL FROM:<>"); }

TEST_F(Sender, LeavesTheHeaderAloneByDefault) {
  const std::string mail = "From: ups@device.test\r\n" + make_mail();
  EXPECT_TRUE(attempt(mail).is_accepted());
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(), mail);
}

TEST_F(Sender, LetsAuthorisedOnesStay) {
  allow("boss@example.edu, @lab.example.edu");
  EXPECT_EQ(mail_for("<Boss@example.edu>"), "MAIL FROM:<Boss@example.edu>");
  EXPECT_EQ(mail_for("<printer@lab.example.edu>"), "MAIL FROM:<printer@lab.example.edu>");
  EXPECT_EQ(mail_for("<app@example.edu>"), "MAIL FROM:<app@example.edu>");
  EXPECT_EQ(mail_for("<other@example.edu>"), "MAIL FROM:<app@example.edu>");
  EXPECT_EQ(mail_for("<>"), "MAIL FROM:<>");
}

TEST_F(Sender, IsLoggedWithTheClientsOwnWhereThatIsAnother) {
  allow("@lab.example.edu");
  mail_for("<ups@device.test>");
  EXPECT_EQ(last_transaction().field("from"), "<app@example.edu>");
  EXPECT_EQ(last_transaction().field("client-from"), "<ups@device.test>");
  mail_for("<ups@lab.example.edu>");
  EXPECT_EQ(last_transaction().field("from"), "<ups@lab.example.edu>");
  EXPECT_EQ(last_transaction().text.find("client-from"), std::string::npos);
}

TEST_F(Sender, IsForcedWhereEveryReplyIsTheSmarthosts) {
  config_.set("listener", "early_replies", "no");
  smarthost().on(Point::mail, once("451 4.7.1 not now\r\n"));
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("MAIL FROM:<ups@device.test>").code, 451);
  client.quit();
  EXPECT_EQ(mail_for("<ups@device.test>"), "MAIL FROM:<app@example.edu>");
}

// Under whose From.
class HeaderFrom : public Sender {
 protected:
  void SetUp() override {
    Sender::SetUp();
    config_.set("listener", "header_from", "force");
  }

  void offer_chunking() {
    Behavior behavior = smarthost().behavior();
    behavior.keywords.insert(behavior.keywords.end(), {"CHUNKING", "BINARYMIME"});
    smarthost().set_behavior(behavior);
  }
  // What the smarthost stored, behind our trace line, of a mail whose mail data is `data`
  // (stuffed).
  std::string stored(std::string_view data) {
    SmtpClient client = connect();
    client.hello();
    EXPECT_EQ(client.mail(data).code, 250);
    client.quit();
    const StoredMail mail = smarthost().wait_for_mails(++mails_).back();
    EXPECT_EQ(mail.trace().find("Received: from client.test"), 0U);
    EXPECT_EQ(mail.mail, "MAIL FROM:<app@example.edu>");
    return mail.without_trace();
  }

  static std::string big_body() {
    std::string body;
    while (body.size() < std::size_t{2} << 20) {
      body += "From: body@device.test " + std::to_string(body.size()) + "\r\n..stuffed\r\n\r\n";
    }
    return body;
  }
  static std::string unstuffed(const std::string& text) {
    std::string plain;
    for (const char c : text) {
      if (c != '.' || !plain.ends_with("\n.")) plain.push_back(c);
    }
    return plain;
  }

  void expect_rewritten_with_its_body_untouched() {
    const std::string body = big_body();
    EXPECT_EQ(stored("Subject: x\r\nFrom: The UPS <ups@device.test>\r\n\r\n" + body),
              "Subject: x\r\nFrom: The UPS <app@example.edu>\r\n"
              "X-Original-From: The UPS <ups@device.test>\r\n"
              "Reply-To: The UPS <ups@device.test>\r\n\r\n" +
                  unstuffed(body));
    EXPECT_EQ(stored("Hello.\r\n..\r\n"), "From: app@example.edu\r\n\r\nHello.\r\n.\r\n");
    EXPECT_EQ(stored(""), "From: app@example.edu\r\n");
    EXPECT_EQ(stored(" From: x@y.test\r\n"), "From: app@example.edu\r\n\r\n From: x@y.test\r\n");
  }

  // A From so long is refused, at the end of the mail data; and the connection to the smarthost, or
  // another, serves the next mail.
  void expect_refusal_of_what_cannot_be_held() {
    std::string from = "From: a@b.test";
    while (from.size() < 20000) from += ",\r\n a@b.test";
    SmtpClient client = connect();
    client.hello();
    const Reply reply = client.mail(from + "\r\n\r\n" + big_body());
    EXPECT_EQ(reply.code, 554);
    EXPECT_TRUE(reply.has_text("5.6.0 the header field that names the sender")) << reply.raw;
    EXPECT_EQ(client.mail("From: ups@device.test\r\n\r\n").code, 250);
    client.quit();
    const std::vector<StoredMail> mails = smarthost().wait_for_mails(1);
    EXPECT_EQ(mails.size(), 1U);
    EXPECT_EQ(mails.at(0).without_trace().find("From: app@example.edu\r\n"), 0U);
  }
};

TEST_F(HeaderFrom, IsForcedWithDataAndTheBodyIsUntouched) {
  expect_rewritten_with_its_body_untouched();
}

TEST_F(HeaderFrom, IsForcedWithChunksAndTheBodyIsUntouched) {
  offer_chunking();
  expect_rewritten_with_its_body_untouched();
}

TEST_F(HeaderFrom, IsForcedWhereEveryReplyIsTheSmarthosts) {
  config_.set("listener", "early_replies", "no");
  expect_rewritten_with_its_body_untouched();
}

TEST_F(HeaderFrom, IsForcedHoweverTheClientCutsIt) {
  SmtpClient client = connect();
  client.hello();
  client.envelope();
  SmtpClient::require(client.command("DATA"), 354);
  client.send_in_pieces("From: Jane\r\n <jane@device.test>\r\n\r\nbody\r\n.\r\n", 1);
  EXPECT_EQ(client.read_reply().code, 250);
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(),
            "From: Jane <app@example.edu>\r\nX-Original-From: Jane <jane@device.test>\r\n"
            "Reply-To: Jane <jane@device.test>\r\n\r\nbody\r\n");
}

TEST_F(HeaderFrom, IsForcedInChunksOfTheClients) {
  offer_chunking();
  SmtpClient client = connect();
  client.hello();
  client.envelope();
  client.send("BDAT 3\r\nFroBDAT 10\r\nm: a@b.tesBDAT 9 LAST\r\nt\r\n\r\nbody");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.read_reply().code, 250);
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(),
            "From: app@example.edu\r\nX-Original-From: a@b.test\r\nReply-To: a@b.test\r\n\r\nbody");
}

TEST_F(HeaderFrom, BinaryBodyIsCarriedAsItIsAndAnAmbiguousHeaderRefused) {
  offer_chunking();
  SmtpClient client = connect();
  client.hello();
  const auto send_binary = [&client](const std::string& content) {
    EXPECT_EQ(client.command("MAIL FROM:<a@b.test> BODY=BINARYMIME").code, 250);
    EXPECT_EQ(client.command("RCPT TO:<rcpt@example.test>").code, 250);
    client.send("BDAT " + std::to_string(content.size()) + " LAST\r\n" + content);
    return client.read_reply();
  };
  const std::string body = std::string("\0\n\r.\r\n\xff", 7);
  EXPECT_EQ(send_binary("From: a@b.test\r\n\r\n" + body).code, 250);
  EXPECT_EQ(
      smarthost().wait_for_mails(1).at(0).without_trace(),
      "From: app@example.edu\r\nX-Original-From: a@b.test\r\nReply-To: a@b.test\r\n\r\n" + body);
  const Reply refusal = send_binary("Subject: x\nFrom: a@b.test\r\n\r\n");
  EXPECT_EQ(refusal.code, 554);
  EXPECT_TRUE(refusal.has_text("CR or LF alone")) << refusal.raw;
  EXPECT_EQ(send_binary("From: app@example.edu\r\n\r\n").code, 250);
  EXPECT_EQ(smarthost().wait_for_mails(2).size(), 2U);
}

TEST_F(HeaderFrom, OfNoticesIsForcedTooThoughTheyHaveNoSender) {
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.mail("From: MAILER-DAEMON@device.test\r\n\r\n", "").code, 250);
  const StoredMail mail = smarthost().wait_for_mails(1).at(0);
  EXPECT_EQ(mail.mail, "MAIL FROM:<>");
  EXPECT_EQ(mail.without_trace().find("From: app@example.edu\r\n"), 0U);
}

TEST_F(HeaderFrom, StaysWhereItIsAuthorised) {
  allow("boss@example.edu");
  config_.set("listener", "header_from", "if-unauthorized");
  const std::string allowed = "From: The Boss <boss@example.edu>\r\n\r\nbody\r\n";
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.mail(allowed, "boss@example.edu").code, 250);
  EXPECT_EQ(client.mail("From: x@y.test\r\n\r\nbody\r\n", "boss@example.edu").code, 250);
  const std::vector<StoredMail> mails = smarthost().wait_for_mails(2);
  EXPECT_EQ(mails.at(0).mail, "MAIL FROM:<boss@example.edu>");
  EXPECT_EQ(mails.at(0).without_trace(), allowed);
  EXPECT_EQ(mails.at(1).without_trace().find("From: app@example.edu\r\n"), 0U);
}

TEST_F(HeaderFrom, TooLongToBeHeldIsRefusedWithData) { expect_refusal_of_what_cannot_be_held(); }

TEST_F(HeaderFrom, TooLongToBeHeldIsRefusedWithChunks) {
  offer_chunking();
  expect_refusal_of_what_cannot_be_held();
}

TEST_F(HeaderFrom, IsForcedInTheMailBehindOneThatWasGivenUpInsideItsHeader) {
  offer_chunking();
  SmtpClient client = connect();
  client.hello();
  client.envelope();
  client.send("BDAT 16\r\nFrom: app@exampl");
  EXPECT_EQ(client.read_reply().code, 250);
  EXPECT_EQ(client.command("RSET").code, 250);
  EXPECT_EQ(client.mail(" e.edu\r\nx\r\n").code, 250);
  client.quit();
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(),
            "From: app@example.edu\r\n\r\n e.edu\r\nx\r\n");
}

TEST_F(HeaderFrom, IsForcedAfterASmarthostThatFailed) {
  smarthost().on(Point::end_of_data, once("451 4.3.0 not now\r\n"));
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.mail("From: a@b.test\r\n").code, 451);  // in the middle of the header
  EXPECT_EQ(client.mail("x\r\n").code, 250);
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(),
            "From: app@example.edu\r\n\r\nx\r\n");
}

}  // namespace
}  // namespace support
