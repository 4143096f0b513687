// `smtpseal check` with probes: a login whose password goes nowhere else, an envelope without mail.
#include <string>

#include "base/base64.h"
#include "e2e/check_fixture.h"

namespace support {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kPassword = "correct horse";

class Probe : public CheckTest {
 protected:
  void SetUp() override {
    CheckTest::SetUp();
    is_probed_ = true;
  }

  void offer(const std::string& mechanisms) {
    change([&](Behavior& behavior) { behavior.keywords.push_back("AUTH " + mechanisms); });
  }

  // What the smarthost was told inside TLS on its first connection.
  std::string told() {
    smarthost_->wait_until_idle();
    return smarthost_->journal().records().at(0).received(true);
  }
};

TEST_F(Probe, TriesSenderAndRecipientsAndEndsInRset) {
  const json value =
      report({"--mail-from", "a@x.test", "--rcpt-to", "b@y.test", "--rcpt-to", "<c@y.test>"});
  EXPECT_EQ(value["exit_status"], 0);
  EXPECT_EQ(status_of(value, "mail-from"), "PASS");
  EXPECT_EQ(status_of(value, "rcpt-to"), "PASS");
  EXPECT_EQ(told(),
            "EHLO seal.client.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n"
            "RCPT TO:<c@y.test>\r\nRSET\r\nQUIT\r\n");
  EXPECT_TRUE(smarthost_->mails().empty());
}

TEST_F(Probe, ShowsARecipientThatIsRefused) {
  smarthost_->on(Point::rcpt, always("550 5.7.1 relaying denied\r\n"));
  const json value = report({"--mail-from", "a@x.test", "--rcpt-to", "b@y.test"});
  EXPECT_EQ(value["exit_status"], 69);
  EXPECT_EQ(text_of(value, "rcpt-to", "detail"), "<b@y.test>: 550 5.7.1 relaying denied");
  EXPECT_THAT(text_of(value, "rcpt-to", "advice"), HasSubstr("--auth-user NAME"));
}

TEST_F(Probe, SaysSoWhereTheConnectionIsCutAtTheSender) {
  smarthost_->on(Point::mail, always("", Then::close));
  const json value = report({"--mail-from", "a@x.test", "--rcpt-to", "b@y.test"});
  EXPECT_EQ(value["exit_status"], 69);
  EXPECT_EQ(status_of(value, "mail-from"), "FAIL");
}

TEST_F(Probe, WantsBothSenderAndRecipient) {
  EXPECT_EQ(check({"--mail-from", "a@x.test"}).status, 64);
  EXPECT_EQ(check({"--rcpt-to", "a@x.test"}).status, 64);
  const Finished finished = check({"--mail-from", "a@x.test", "--rcpt-to", "b c"});
  EXPECT_EQ(finished.status, 64);
  EXPECT_THAT(finished.errors, HasSubstr("--rcpt-to: b c is no mail address"));
}

TEST_F(Probe, LogsInWithPlain) {
  offer("LOGIN PLAIN");
  smarthost_->on(Point::auth, always("235 2.7.0 welcome\r\n"));
  const json value = report({"--auth-user", "joe"}, std::string(kPassword) + "\n");
  EXPECT_EQ(value["exit_status"], 0);
  EXPECT_EQ(text_of(value, "login", "detail"), "AUTH PLAIN: 235 2.7.0 welcome");
  const std::string response = std::string("\0joe\0", 5) + kPassword;
  EXPECT_THAT(told(), HasSubstr("AUTH PLAIN " + base::encode_base64(response) + "\r\n"));
}

TEST_F(Probe, LogsInWithLogin) {
  offer("LOGIN");
  smarthost_->on(Point::auth, [](const Situation& now) -> std::optional<Answer> {
    now.wire.send("334 VXNlcm5hbWU6\r\n");
    static_cast<void>(now.wire.read_line());
    now.wire.send("334 UGFzc3dvcmQ6\r\n");
    static_cast<void>(now.wire.read_line());
    return Answer{"235 2.7.0 welcome\r\n"};
  });
  const json value = report({"--auth-user", "joe"}, std::string(kPassword) + "\n");
  EXPECT_EQ(value["exit_status"], 0);
  EXPECT_EQ(status_of(value, "login"), "PASS");
  EXPECT_THAT(told(), HasSubstr("AUTH LOGIN\r\n" + base::encode_base64("joe") + "\r\n" +
                                base::encode_base64(kPassword) + "\r\n"));
}

TEST_F(Probe, ExitsWithRefusedForAWrongPassword) {
  offer("PLAIN");
  smarthost_->on(Point::auth, always("535 5.7.8 no such luck\r\n"));
  const Finished finished = check({"--auth-user", "joe"}, std::string(kPassword) + "\n");
  EXPECT_EQ(finished.status, 77);
  EXPECT_THAT(finished.output, HasSubstr("535 5.7.8 no such luck"));
  EXPECT_THAT(finished.output, HasSubstr("User name or password is wrong"));
}

TEST_F(Probe, NeverShowsThePassword) {
  offer("PLAIN");
  smarthost_->on(Point::auth, always("235 2.7.0 welcome\r\n"));
  const std::string response = base::encode_base64(std::string("\0joe\0", 5) + kPassword);
  for (const char* format : {"--json", "--tls=verify"}) {
    const Finished finished = check({"--auth-user", "joe", format}, std::string(kPassword) + "\n");
    EXPECT_EQ(finished.status, 0);
    for (const std::string& secret : {std::string(kPassword), response}) {
      EXPECT_THAT(finished.output + finished.errors, Not(HasSubstr(secret)));
    }
  }
}

TEST_F(Probe, GivesNoPasswordAwayWithoutVerifying) {
  offer("PLAIN");
  config_.set("smarthost", "tls", "encrypt").unset("smarthost", "ca_file");
  config_.unset("smarthost", "verify_name");
  const json value = report({"--auth-user", "joe"}, std::string(kPassword) + "\n");
  EXPECT_EQ(value["exit_status"], 77);
  EXPECT_THAT(text_of(value, "login", "detail"), HasSubstr("not tried"));
  EXPECT_THAT(told(), Not(HasSubstr("AUTH")));
}

TEST_F(Probe, SaysWhatIsOfferedWhereItIsNothingItCanDo) {
  offer("XOAUTH2 GSSAPI");
  const json value = report({"--auth-user", "joe"}, std::string(kPassword) + "\n");
  EXPECT_EQ(value["exit_status"], 77);
  EXPECT_THAT(text_of(value, "login", "detail"), HasSubstr("XOAUTH2, GSSAPI"));
}

TEST_F(Probe, WantsAPasswordBeforeAnythingElse) {
  const Finished finished = check({"--auth-user", "joe"});
  EXPECT_EQ(finished.status, 64);
  EXPECT_THAT(finished.errors, HasSubstr("first line of standard input"));
  EXPECT_EQ(smarthost_->connections(), 0U);
}

TEST_F(Probe, TriesTheEnvelopeAfterTheLogin) {
  offer("PLAIN");
  smarthost_->on(Point::auth, always("235 2.7.0 welcome\r\n"));
  const json value =
      report({"--auth-user", "joe", "--mail-from", "a@x.test", "--rcpt-to", "b@y.test"},
             std::string(kPassword) + "\n");
  EXPECT_EQ(value["exit_status"], 0);
  EXPECT_EQ(status_of(value, "login"), "PASS");
  EXPECT_EQ(status_of(value, "rcpt-to"), "PASS");
}

}  // namespace
}  // namespace support
