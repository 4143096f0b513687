// Several [listener NAME], each with its own smarthost and rules.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

using ::testing::HasSubstr;

// One in front of a verified smarthost, one in front of another in plaintext, as it is written
// down.
class Listeners : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    Behavior behavior;
    behavior.is_tls_wanted = false;
    behavior.clear_keywords = behavior.keywords;
    plain_ = std::make_unique<ScriptedSmarthost>(std::move(behavior));
    config_ = ConfigText();
    const std::string ca = directory_.write("ca.pem", trusted_authority().certificate_pem());
    config_.set("smtpseal", "hostname", kSealName)
        .set("smtpseal", "log_format", "text")
        .set("listener verified", "listen", "127.0.0.1:0")
        .set("listener verified", "smarthost", "verified")
        .set("listener plain", "listen", "127.0.0.1:0, 127.0.0.2:0")
        .set("listener plain", "smarthost", "plain")
        .set("smarthost verified", "host", "127.0.0.1")
        .set("smarthost verified", "port", std::to_string(smarthost_->port()))
        .set("smarthost verified", "verify_name", kSmarthostName)
        .set("smarthost verified", "ca_file", ca)
        .set("smarthost plain", "host", "127.0.0.1")
        .set("smarthost plain", "port", std::to_string(plain_->port()))
        .set("smarthost plain", "tls", "none");
  }
  void TearDown() override {
    SealTest::TearDown();
    plain_->stop();
  }

  Reply send_through(std::size_t listener) {
    SmtpClient client = connect(listener);
    client.hello();
    Reply reply = client.mail(make_mail());
    client.quit();
    return reply;
  }

  std::unique_ptr<ScriptedSmarthost> plain_;
};

TEST_F(Listeners, HandMailToTheirOwnSmarthostAndNoOther) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(send_through(0).code, 250);
    EXPECT_EQ(send_through(1).code, 250);
    EXPECT_EQ(send_through(1).code, 250);
  }
  EXPECT_EQ(smarthost().mails().size(), 4u);
  EXPECT_EQ(plain_->mails().size(), 8u);
  // Each kept one connection open for all that came one after another.
  EXPECT_EQ(smarthost().connections(), 1u);
  EXPECT_EQ(plain_->connections(), 1u);
}

TEST_F(Listeners, ShareNoConnectionEvenToOneAndTheSameServer) {
  Behavior behavior = smarthost().behavior();
  behavior.is_tls_wanted = false;
  smarthost().set_behavior(std::move(behavior));
  config_.set("smarthost plain", "port", std::to_string(smarthost_->port()));
  is_clear_allowed_ = true;
  EXPECT_EQ(send_through(0).code, 250);
  EXPECT_EQ(send_through(1).code, 250);
  EXPECT_EQ(send_through(0).code, 250);
  EXPECT_EQ(send_through(1).code, 250);
  EXPECT_EQ(smarthost().connections(), 2u);
  ASSERT_EQ(smarthost().mails().size(), 4u);
  EXPECT_EQ(smarthost().mails()[0].connection, smarthost().mails()[2].connection);
  EXPECT_EQ(smarthost().mails()[1].connection, smarthost().mails()[3].connection);
  EXPECT_NE(smarthost().mails()[0].connection, smarthost().mails()[1].connection);
}

TEST_F(Listeners, SayOutLoudWhereMailTravelsUnencrypted) {
  start();
  const LogLine weak = seal().wait_for("tls-weak");
  EXPECT_THAT(weak.text, HasSubstr("warn"));
  EXPECT_EQ(weak.field("tls"), "none");
  EXPECT_EQ(seal().count("tls-weak"), 1u);
  EXPECT_EQ(send_through(1).code, 250);
  const LogLine open = seal().wait_for("smarthost-open");
  EXPECT_THAT(open.text, HasSubstr("warn"));
  EXPECT_EQ(open.field("tls"), "none");
  EXPECT_EQ(send_through(0).code, 250);
  const LogLine sealed = seal().wait_for("smarthost-open", 2);
  EXPECT_THAT(sealed.text, HasSubstr("info"));
  EXPECT_EQ(sealed.field("verify"), "verified");
}

TEST_F(Listeners, HaveTheirOwnAllowLists) {
  config_.set("listener plain", "allow", "192.0.2.0/24");
  EXPECT_EQ(send_through(0).code, 250);
  const Reply refused = connect(1).read_reply();
  EXPECT_EQ(refused.code, 554);
  EXPECT_THAT(refused.raw, HasSubstr("5.7.1"));
  EXPECT_THAT(seal().wait_for("session-open", 2).text, HasSubstr("refused="));
}

TEST_F(Listeners, HaveTheirOwnAnswersAndLimits) {
  for (ScriptedSmarthost* each : {smarthost_.get(), plain_.get()}) {
    Behavior behavior = each->behavior();
    behavior.keywords.emplace_back("AUTH PLAIN LOGIN");
    behavior.clear_keywords.emplace_back("AUTH PLAIN LOGIN");
    each->set_behavior(std::move(behavior));
  }
  config_.set("listener plain", "auth", "off")
      .set("listener plain", "early_replies", "no")
      .set("listener plain", "max_sessions", "1");
  SmtpClient verified = connect(0);
  EXPECT_TRUE(offers(verified.hello(), "AUTH PLAIN LOGIN"));
  SmtpClient plain = connect(1);
  EXPECT_EQ(plain.hello().raw.find("AUTH"), std::string::npos);
  EXPECT_EQ(connect(1).read_reply().code, 421);
  EXPECT_EQ(connect(0).read_reply().code, 220);
}

}  // namespace
}  // namespace support
