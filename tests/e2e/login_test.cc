// smtpseal logs in to the smarthost with credentials of its own.
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "support/seal_test.h"

namespace support {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPassword = "pässwörd = with, spaces";
constexpr const char* kToken = "ya29.a-token-that-is-nobodys-business";

class LoginTest : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    offer("AUTH PLAIN LOGIN");
    secrets_ = {kPassword, base::encode_base64(kPassword), kToken, base::encode_base64(kToken),
                base::encode_base64(std::string("\0joe\0", 5) + kPassword)};
    config_.set("smtpseal", "log_level", "debug")
        .set("smarthost", "username", "joe")
        .set("smarthost", "password_file", write_secret("password", std::string(kPassword) + "\n"));
  }

  std::string write_secret(std::string_view name, std::string_view content) {
    const std::string path = directory_.write(name, content);
    std::filesystem::permissions(path, std::filesystem::perms(0600));
    return path;
  }

  // What the smarthost's EHLO says inside TLS, and whom it lets in.
  void offer(const std::string& auth, Account account = {"joe", kPassword}) {
    Behavior behavior = smarthost().behavior();
    behavior.keywords = {"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"};
    if (!auth.empty()) behavior.keywords.push_back(auth);
    behavior.account = std::move(account);
    smarthost().set_behavior(behavior);
  }

  void use_token(const std::string& token = kToken) {
    config_.unset("smarthost", "password_file")
        .set("smarthost", "token_file", write_secret("token", token + "\n"));
  }

  // Of all that smtpseal said inside TLS.
  std::size_t count_said(std::string_view what) {
    std::size_t count = 0;
    for (const ConnectionRecord& record : smarthost().journal().records()) {
      const std::string said = record.received(true);
      for (std::size_t at = said.find(what); at != std::string::npos;
           at = said.find(what, at + 1)) {
        ++count;
      }
    }
    return count;
  }

  void expect_mail_by(std::string_view mechanism) {
    const Attempt mail = attempt();
    EXPECT_TRUE(mail.is_accepted()) << ::testing::PrintToString(mail);
    EXPECT_EQ(seal().wait_for("smarthost-open").field("auth"), mechanism);
  }

  // Put off for this reason, and nothing of the mail was said.
  void expect_put_off(std::string_view reason) {
    const Attempt mail = attempt();
    EXPECT_TRUE(mail.is_deferred()) << ::testing::PrintToString(mail);
    EXPECT_TRUE(mail.reply.has_text(reason)) << ::testing::PrintToString(mail);
    EXPECT_TRUE(mail.reply.has_text("4.7.0")) << ::testing::PrintToString(mail);
    EXPECT_EQ(count_said("MAIL FROM"), 0u);
  }
};

// --- mechanisms

class MechanismTest : public LoginTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(MechanismTest, GetsMailThrough) {
  offer(std::string("AUTH ") + GetParam());
  expect_mail_by(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Passwords, MechanismTest,
                         ::testing::Values("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1",
                                           "SCRAM-SHA-256"),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::erase(name, '-');
                           return name;
                         });

class TokenTest : public LoginTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(TokenTest, GetsMailThroughHoweverLongTheTokenIs) {
  // AUTH-12: what does not fit into a command waits for the challenge.
  for (const std::size_t size : {40u, 4096u}) {
    const std::string token(size, 't');
    secrets_.push_back(token);
    offer(std::string("AUTH PLAIN ") + GetParam(), {"joe", token});
    use_token(token);
    start();
    expect_mail_by(GetParam());
    EXPECT_EQ(stop_seal(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Tokens, TokenTest, ::testing::Values("XOAUTH2", "OAUTHBEARER"),
                         [](const auto& each) { return std::string(each.param); });

TEST_F(LoginTest, TakesTheStrongestThatIsOfferedInsideTls) {
  Behavior behavior = smarthost().behavior();
  behavior.clear_keywords = {"STARTTLS", "AUTH PLAIN LOGIN"};
  smarthost().set_behavior(behavior);
  offer("AUTH LOGIN PLAIN CRAM-MD5 SCRAM-SHA-256 GSSAPI");
  expect_mail_by("SCRAM-SHA-256");
}

TEST_F(LoginTest, TriesTheNextMechanismWhereOneIsRefusedAsSuch) {
  offer("AUTH PLAIN CRAM-MD5");
  smarthost().on(Point::auth, [](const Situation& at) -> std::optional<Answer> {
    if (at.line != "AUTH CRAM-MD5") return std::nullopt;
    return Answer{"504 5.7.4 Unrecognized authentication type\r\n"};
  });
  expect_mail_by("PLAIN");
}

TEST_F(LoginTest, TakesTheMechanismThatIsConfigured) {
  offer("AUTH LOGIN PLAIN CRAM-MD5 SCRAM-SHA-256");
  config_.set("smarthost", "auth_mechanism", "login");
  expect_mail_by("LOGIN");
}

TEST_F(LoginTest, LogsInOnceForManyMailsOverOneConnection) {
  start();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(count_said("AUTH PLAIN"), 1u);
}

// --- no login, no mail

// AUTH-03, AUTH-04.
TEST_F(LoginTest, SendsNothingWhereNoAuthIsOfferedInsideTls) {
  Behavior behavior = smarthost().behavior();
  behavior.clear_keywords = {"STARTTLS", "AUTH PLAIN LOGIN"};
  smarthost().set_behavior(behavior);
  offer("");
  start();
  expect_put_off("the smarthost offers no AUTH");
  EXPECT_EQ(count_said("AUTH"), 0u);
}

// AUTH-06, AUTH-07.
TEST_F(LoginTest, AsksThreeTimesAMinuteAtMostWhateverClientsWant) {
  write_secret("password", "wrong");
  start();
  for (int i = 0; i < 6; ++i) expect_put_off("the smarthost refused our login: 535 5.7.8 Error");
  expect_put_off("it is not asked again for ");
  EXPECT_EQ(count_said("AUTH PLAIN"), 3u);
  for (const ConnectionRecord& record : smarthost().journal().records()) {
    EXPECT_TRUE(record.received(true).ends_with("\r\n"));
    EXPECT_THAT(record.received(true), Not(HasSubstr("QUIT")));
  }
  // Somebody mends the password and says so.
  write_secret("password", kPassword);
  seal().reload(config_);
  seal().wait_for("reload");
  EXPECT_TRUE(attempt().is_accepted());
}

// AUTH-08.
TEST_F(LoginTest, TakesNothingButTwoHundredThirtyFiveForYes) {
  smarthost().on(Point::auth, always("250 2.0.0 ok\r\n"));
  start();
  const Attempt mail = attempt();
  EXPECT_TRUE(mail.is_deferred());
  EXPECT_TRUE(mail.reply.has_text("AUTH was answered with 250"));
  EXPECT_EQ(count_said("MAIL FROM"), 0u);
}

// AUTH-09.
TEST_F(LoginTest, CancelsADialogueWithoutEnd) {
  offer("AUTH LOGIN");
  smarthost().on(Point::auth, [](const Situation& at) -> std::optional<Answer> {
    for (int i = 0; i < 3; ++i) {
      at.wire.send("334 UGFzc3dvcmQ6\r\n");
      static_cast<void>(at.wire.read_line());
    }
    return Answer{"501 5.7.0 cancelled\r\n"};
  });
  start();
  EXPECT_TRUE(attempt().is_deferred());
  EXPECT_EQ(count_said("\r\n*\r\n"), 1u);
  EXPECT_EQ(count_said("MAIL FROM"), 0u);
}

TEST_F(LoginTest, WaitsWhereTheSmarthostCannotTell) {
  smarthost().on(Point::auth, once("454 4.7.0 Temporary authentication failure\r\n"));
  start();
  expect_put_off("the smarthost cannot check our login now: 454 4.7.0");
  EXPECT_TRUE(attempt().is_accepted());
}

// --- what clients see

// AUTH-15, AUTH-16.
TEST_F(LoginTest, OffersClientsNoLoginOfTheirOwn) {
  SmtpClient client = connect();
  EXPECT_FALSE(client.hello().has_text("AUTH"));
  EXPECT_EQ(client.command("AUTH PLAIN AHVzZXIAb3RoZXI=").code, 502);
  EXPECT_EQ(client.command("MAIL FROM:<s@c.test> AUTH=other@c.test").code, 555);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_EQ(count_said("AHVzZXIAb3RoZXI="), 0u);
  EXPECT_EQ(count_said("AUTH="), 0u);
}

// --- where the secret comes from

TEST_F(LoginTest, TakesThePasswordFromACommand) {
  config_.unset("smarthost", "password_file")
      .set("smarthost", "password_command", "cat " + directory_.path("password") + "; echo more");
  expect_mail_by("PLAIN");
}

TEST_F(LoginTest, TellsTheLogWhyACommandFailedAndNotTheClient) {
  config_.unset("smarthost", "password_file")
      .set("smarthost", "password_command", "echo the vault is locked >&2; exit 3");
  start();
  expect_put_off("our login to the smarthost cannot be had");
  const std::string told = seal().wait_for("login-fail").text;
  EXPECT_THAT(told, HasSubstr("password_command: "));
  EXPECT_THAT(told, HasSubstr("the vault is locked"));
  EXPECT_TRUE(smarthost().journal().records().empty()) << "there is nothing to be said to it";
}

TEST_F(LoginTest, TakesThePasswordFromTheServiceManager) {
  ASSERT_EQ(setenv("CREDENTIALS_DIRECTORY", directory_.path().c_str(), 1), 0);
  config_.set("smarthost", "password_file", "credential:password");
  start();
  ASSERT_EQ(unsetenv("CREDENTIALS_DIRECTORY"), 0);
  expect_mail_by("PLAIN");
}

TEST_F(LoginTest, DoesNotStartWithAFileThatOthersCanReadOrThatIsNoPassword) {
  const auto trouble = [this](int mode, std::string_view content) {
    std::filesystem::permissions(directory_.write("password", content),
                                 std::filesystem::perms(mode));
    const std::string file = directory_.write("refused.conf", config_.text());
    const Finished config = run_smtpseal({"config", "-c", file});
    EXPECT_EQ(config.status, 78);
    EXPECT_THAT(config.output + config.errors, Not(HasSubstr("hunter22")));
    const Finished run = run_smtpseal({"run", "-c", file});
    EXPECT_EQ(run.status, 78);
    EXPECT_THAT(run.errors, HasSubstr(": password_file = " + directory_.path("password")));
    return config.errors;
  };
  EXPECT_THAT(trouble(0644, kPassword), HasSubstr("can be read by every user"));
  EXPECT_THAT(trouble(0600, "hunter22\nmore\n"), HasSubstr("holds a line end"));
  EXPECT_THAT(trouble(0600, "\n"), HasSubstr("is empty"));
}

TEST_F(LoginTest, ShowsNoSecretInItsConfiguration) {
  const std::string file = directory_.write("shown.conf", config_.text());
  const Finished shown = run_smtpseal({"config", "-c", file});
  EXPECT_EQ(shown.status, 0) << shown.errors;
  EXPECT_THAT(shown.output, HasSubstr("password_file = " + directory_.path("password")));
  EXPECT_THAT(shown.output, Not(HasSubstr(kPassword)));
}

// --- secrets that change

TEST_F(LoginTest, FetchesATokenAnewOnceItIsRefused) {
  offer("AUTH XOAUTH2", {"joe", kToken});
  use_token();
  config_.set("smarthost", "max_transactions", "1");
  start();
  EXPECT_TRUE(attempt().is_accepted());
  // The old one has expired, another one is there, and smtpseal still knows the old one.
  offer("AUTH XOAUTH2", {"joe", "ya29.another"});
  write_secret("token", "ya29.another\n");
  EXPECT_TRUE(attempt().is_accepted()) << "no client notices";
  EXPECT_EQ(seal().count("login-retry"), 1u);
  EXPECT_EQ(count_said("AUTH XOAUTH2"), 3u);
}

TEST_F(LoginTest, DoesNotTryARefusedTokenAgain) {
  offer("AUTH XOAUTH2", {"joe", "ya29.another"});
  use_token();
  start();
  expect_put_off(R"(which it answered with {"status":"401")");
  EXPECT_EQ(count_said("AUTH XOAUTH2"), 1u);
}

// AUTH-22.
TEST_F(LoginTest, UsesNoConnectionOfAnOldIdentityAfterAReload) {
  start();
  EXPECT_TRUE(attempt().is_accepted());
  offer("AUTH PLAIN", {"jane", "other"});
  write_secret("password", "other");
  config_.set("smarthost", "username", "jane");
  seal().reload(config_);
  seal().wait_for("reload");
  EXPECT_TRUE(attempt().is_accepted());
  const auto mails = smarthost().wait_for_mails(2);
  EXPECT_NE(mails[0].connection, mails[1].connection);
}

// AUTH-21, POOL-11.
TEST_F(LoginTest, GivesEachSmarthostItsOwnCredentialsOnly) {
  Behavior behavior;
  behavior.tls = good_server_context();
  behavior.keywords = {"AUTH PLAIN"};
  behavior.account = Account{"jane", "other"};
  ScriptedSmarthost second(behavior);
  config_.set("listener", "smarthost", "first")
      .set("listener second", "listen", "127.0.0.1:0")
      .set("listener second", "smarthost", "second");
  for (const char* key : {"host", "port", "verify_name", "ca_file", "username", "password_file"}) {
    config_.unset("smarthost", key);
  }
  ConfigText config;
  const std::string ca = directory_.path("ca.pem");
  config.set("smtpseal", "hostname", kSealName)
      .set("listener", "listen", "127.0.0.1:0")
      .set("listener", "smarthost", "first")
      .set("listener second", "listen", "127.0.0.1:0")
      .set("listener second", "smarthost", "second");
  const auto add = [&](const std::string& section, std::uint16_t port, const std::string& user,
                       const std::string& file) {
    config.set(section, "host", "127.0.0.1")
        .set(section, "port", std::to_string(port))
        .set(section, "verify_name", kSmarthostName)
        .set(section, "ca_file", ca)
        .set(section, "username", user)
        .set(section, "password_file", file);
  };
  add("smarthost first", smarthost().port(), "joe", directory_.path("password"));
  add("smarthost second", second.port(), "jane", write_secret("other", "other"));
  config_ = config;
  start();
  for (const std::size_t listener : {0u, 1u, 0u, 1u}) {
    EXPECT_TRUE(connect(listener).attempt(make_mail()).is_accepted());
  }
  EXPECT_EQ(smarthost().wait_for_mails(2).size(), 2u);
  EXPECT_EQ(second.wait_for_mails(2).size(), 2u);
  EXPECT_EQ(stop_seal(), 0);
  second.stop();
}

// --- check

TEST_F(LoginTest, IsTriedByCheck) {
  offer("AUTH PLAIN LOGIN SCRAM-SHA-256");
  const std::string file = directory_.write("check.conf", config_.text());
  const Finished right = run_smtpseal({"check", "-c", file});
  EXPECT_EQ(right.status, 0) << right.output;
  EXPECT_THAT(right.output, HasSubstr("smtpseal logs in itself"));
  EXPECT_THAT(right.output, HasSubstr("AUTH SCRAM-SHA-256 (response): 235 2.7.0"));
  write_secret("password", "wrong");
  const Finished wrong = run_smtpseal({"check", "-c", file});
  EXPECT_EQ(wrong.status, 77) << wrong.output;
  EXPECT_THAT(wrong.output, HasSubstr("535 5.7.8"));
  EXPECT_THAT(wrong.output + right.output + right.errors + wrong.errors, Not(HasSubstr(kPassword)));
  EXPECT_EQ(count_said("AUTH "), 2u) << "once a run";
}

TEST_F(LoginTest, OfCheckFailsWhereTheSmarthostProvesNothing) {
  offer("AUTH SCRAM-SHA-256");
  smarthost().on(Point::auth, always("235 2.7.0 welcome\r\n"));
  const std::string file = directory_.write("check.conf", config_.text());
  const Finished finished = run_smtpseal({"check", "-c", file});
  EXPECT_EQ(finished.status, 77) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("without proving"));
}

}  // namespace
}  // namespace support
