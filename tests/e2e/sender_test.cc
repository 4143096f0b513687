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

}  // namespace
}  // namespace support
