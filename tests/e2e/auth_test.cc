// AUTH passed through: the dialogue is the smarthost's, and the connection is this client's alone.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

class Auth : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    Behavior behavior = smarthost().behavior();
    behavior.clear_keywords = {"STARTTLS", "AUTH DIGEST-MD5"};
    behavior.keywords = {"PIPELINING", "SIZE 1000000",
                         "AUTH PLAIN LOGIN CRAM-MD5 GSSAPI SCRAM-SHA-256-PLUS"};
    smarthost().set_behavior(behavior);
    secrets_ = {"AHVzZXIAc2VjcmV0", "c2VjcmV0", "Y2hhbGxlbmdl"};
  }

  // The smarthost answers AUTH and what follows with these, in order.
  void answer(std::vector<std::string> replies) {
    smarthost().on(Point::auth, [replies](const Situation& at) -> std::optional<Answer> {
      return Answer{replies.at(static_cast<std::size_t>(at.count - 1) % replies.size())};
    });
  }

  // The whole dialogue, written out: after TLS and EHLO.
  void dialogue(std::vector<std::pair<std::string, std::string>> lines) {
    smarthost().script([this, lines](SmarthostConnection& wire) {
      wire.send("220 u\r\n");
      wire.expect("EHLO");
      wire.send("250-u\r\n250 STARTTLS\r\n");
      wire.expect("STARTTLS");
      wire.send("220 go\r\n");
      wire.start_tls(*smarthost().behavior().tls);
      wire.expect("EHLO");
      wire.send("250-u\r\n250 AUTH PLAIN LOGIN CRAM-MD5 GSSAPI\r\n");
      for (const auto& [expected, reply] : lines) {
        wire.expect(expected);
        wire.send(reply);
      }
      wire.read_until_closed();
    });
  }
};

TEST_F(Auth, ShowsTheMechanismsOfferedInsideTlsWithoutChannelBinding) {
  SmtpClient client = connect();
  EXPECT_TRUE(offers(client.hello(), "AUTH PLAIN LOGIN CRAM-MD5 GSSAPI"));
  client.quit();
}

TEST_F(Auth, CarriesPlainWithItsInitialResponse) {
  dialogue({{"AUTH PLAIN AHVzZXIAc2VjcmV0", "235 2.7.0 welcome\r\n"},
            {"MAIL FROM:<a@b.test>", "250 ok\r\n"},
            {"RCPT TO:<c@d.test>", "250 ok\r\n"},
            {"DATA", "354 go\r\n"},
            {"Received: from client.test ([127.0.0.1])", ""},
            {"\tby seal.client.test", ""},
            {"\t", ""},
            {"x", ""},
            {".", "250 2.0.0 taken\r\n"}});
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0").raw, "235 2.7.0 welcome\r\n");
  EXPECT_EQ(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0").code, 503);
  EXPECT_EQ(client.command("MAIL FROM:<a@b.test>").code, 250);
  EXPECT_EQ(client.command("RCPT TO:<c@d.test>").code, 250);
  EXPECT_EQ(client.command("DATA").code, 354);
  EXPECT_EQ(client.finish("x\r\n").code, 250);
  client.quit();
}

TEST_F(Auth, CarriesADialogueOfSeveralRounds) {
  dialogue({{"AUTH GSSAPI", "334 \r\n"},
            {"dG9rZW4x", "334 Y2hhbGxlbmdl\r\n"},
            {"", "334 bW9yZQ==\r\n"},
            {"dG9rZW4y", "235 2.7.0 ok\r\n"}});
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("AUTH GSSAPI").raw.substr(0, 4), "334 ");
  EXPECT_EQ(client.command("dG9rZW4x").raw, "334 Y2hhbGxlbmdl\r\n");
  EXPECT_EQ(client.command("").raw, "334 bW9yZQ==\r\n");
  EXPECT_EQ(client.command("dG9rZW4y").code, 235);
  client.quit();
}

TEST_F(Auth, PassesARefusalOnAndNeverReusesTheConnection) {
  dialogue({{"AUTH PLAIN", "535 5.7.8 no\r\n"}});
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0").raw, "535 5.7.8 no\r\n");
  EXPECT_EQ(client.mail(make_mail()).code, 250) << "unauthenticated, on another connection";
  client.quit();
}

TEST_F(Auth, CancelsWhatIsNotBase64) {
  dialogue({{"AUTH LOGIN", "334 VXNlcm5hbWU6\r\n"}, {"*", "501 5.0.0 cancelled\r\n"}});
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("AUTH LOGIN").code, 334);
  EXPECT_EQ(client.command("MAIL FROM:<s@c.test>").code, 501);
  client.quit();
}

TEST_F(Auth, IsNotPassedToTheNextClient) {
  {
    dialogue({{"AUTH PLAIN", "235 2.7.0 welcome\r\n"}});
    SmtpClient client = connect();
    client.hello();
    EXPECT_EQ(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0").code, 235);
    client.quit();
  }
  EXPECT_TRUE(attempt().is_accepted());
  for (const ConnectionRecord& record : smarthost().journal().records()) {
    const std::string said = record.received(true);
    const bool has_both = said.find("AUTH") != std::string::npos &&
                          said.find("MAIL FROM:<sender") != std::string::npos;
    EXPECT_FALSE(has_both) << said;
  }
}

TEST_F(Auth, OfAMechanismThatIsNotOfferedIsRefusedHere) {
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("AUTH SCRAM-SHA-256-PLUS").code, 504);
  EXPECT_EQ(client.command("AUTH").code, 501);
  EXPECT_EQ(client.command("AUTH PLAIN not*base64").code, 501);
  client.envelope();
  EXPECT_EQ(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0").code, 503);
  client.quit();
}

TEST_F(Auth, IsOffWhenToldTo) {
  config_.set("listener", "auth", "off");
  SmtpClient client = connect();
  EXPECT_FALSE(client.hello().has_text("AUTH"));
  EXPECT_EQ(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0").code, 502);
  client.quit();
}

TEST_F(Auth, IsPutOffWhenTheSmarthostIsLostInTheDialogue) {
  smarthost().script([this](SmarthostConnection& wire) {
    wire.send("220 u\r\n");
    wire.expect("EHLO");
    wire.send("250-u\r\n250 STARTTLS\r\n");
    wire.expect("STARTTLS");
    wire.send("220 go\r\n");
    wire.start_tls(*smarthost().behavior().tls);
    wire.expect("EHLO");
    wire.send("250-u\r\n250 AUTH PLAIN\r\n");
    wire.expect("AUTH");
    wire.carry_out(Then::close);
  });
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0").code, 454);
  client.quit();
}

}  // namespace
}  // namespace support
