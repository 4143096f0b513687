// AUTH that ends at smtpseal: auth = any for devices that insist, auth = file:PATH for users of
// ours.
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client_tls.h"

namespace support {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

namespace fs = std::filesystem;

// "app" and "pencil": RFC 5803 with the salt and the count of RFC 7677 3.
constexpr const char* kUser =
    "app:SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n";
constexpr const char* kRight = "AGFwcABwZW5jaWw=";        // NUL app NUL pencil
constexpr const char* kWrong = "AGFwcABjcmF5b24=";        // NUL app NUL crayon
constexpr const char* kUnknown = "AHBlbmNpbABwZW5jaWw=";  // NUL pencil NUL pencil
constexpr const char* kAccepted = "235 2.7.0 Authentication successful\r\n";
constexpr const char* kInvalid = "535 5.7.8 Authentication credentials invalid\r\n";
constexpr const char* kRequired = "530 5.7.0 Authentication required\r\n";

void make_private(const std::string& path) { fs::permissions(path, fs::perms(0600)); }

// Whatever a client says goes no further: the smarthost, which would take any AUTH, hears of none.
class OwnAuth : public ClientTlsTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    prepare();
  }
  void prepare() {
    Behavior behavior = smarthost().behavior();
    behavior.keywords = {"PIPELINING", "SIZE 1000000", "8BITMIME", "AUTH GSSAPI"};
    smarthost().set_behavior(behavior);
    secrets_ = {"pencil", "crayon", kRight, kWrong, kUnknown, "cGVuY2ls"};
  }
  void TearDown() override {
    for (const ConnectionRecord& record : smarthost().journal().records()) {
      EXPECT_THAT(record.received(true), Not(HasSubstr("AUTH")));
    }
    ClientTlsTest::TearDown();
  }

  void use_users(const std::string& text = kUser) {
    config_.set("listener", "auth", "file:" + write_private("users", text));
  }
};

// --- auth = any

class AnyAuth : public OwnAuth {
 protected:
  void SetUp() override {
    OwnAuth::SetUp();
    config_.set("listener", "auth", "any");
  }
};

TEST_F(AnyAuth, TakesWhatADeviceSaysAndDropsIt) {
  SmtpClient client = connect();
  EXPECT_TRUE(offers(client.hello(), "AUTH PLAIN LOGIN CRAM-MD5"));
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kRight).raw, kAccepted);
  EXPECT_EQ(client.command("AUTH PLAIN AA==").code, 503) << "again";
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_THAT(last_mail().data, AllOf(HasSubstr(" with ESMTP id "), Not(HasSubstr("ESMTPA"))));
  const LogLine line = seal().wait_for("session-auth");
  EXPECT_EQ(line.field("mechanism"), "PLAIN");
  EXPECT_EQ(line.field("result"), "accepted");
  EXPECT_EQ(line.field("user"), "-");
  EXPECT_EQ(seal().wait_for("transaction").field("user"), "");
}

// Xerox, and others that look for these very words.
TEST_F(AnyAuth, AsksForALoginInTheWordsThatDevicesLookFor) {
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("AUTH LOGIN").raw, "334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(client.command("YXBw").raw, "334 UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(client.command("cGVuY2ls").raw, kAccepted);
  client.quit();
}

TEST_F(AnyAuth, TakesAUserNameInTheFirstLine) {
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("AUTH LOGIN YXBw").raw, "334 UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(client.command("cGVuY2ls").raw, kAccepted);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
}

TEST_F(AnyAuth, TakesCramMd5) {
  SmtpClient client = connect();
  client.hello();
  EXPECT_THAT(client.command("AUTH CRAM-MD5").raw, StartsWith("334 PD"));
  EXPECT_EQ(client.command("YXBwIDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm").raw, kAccepted);
  client.quit();
}

TEST_F(AnyAuth, TakesADeviceThatKnowsOnlyHelo) {
  SmtpClient client = connect();
  EXPECT_FALSE(client.hello("HELO printer").has_text("AUTH"));
  EXPECT_EQ(client.command("AUTH LOGIN").raw, "334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(client.command("YXBw").raw, "334 UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(client.command("cGVuY2ls").raw, kAccepted);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_THAT(last_mail().data, HasSubstr(" with SMTP id "));
}

TEST_F(AnyAuth, TakesMailOfWhoSaysNothing) { EXPECT_TRUE(attempt().is_accepted()); }

TEST_F(AnyAuth, DropsTheIdentityThatMailIsSaidToBeFrom) {
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("MAIL FROM:<s@client.test> AUTH=<other>").code, 250);
  EXPECT_EQ(client.command("RCPT TO:<r@example.test>").code, 250);
  EXPECT_EQ(client.command("DATA").code, 354);
  EXPECT_EQ(client.finish(make_mail()).code, 250);
  client.quit();
}

TEST_F(AnyAuth, CanBeCancelled) {
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("AUTH LOGIN").code, 334);
  EXPECT_EQ(client.command("*").raw, "501 5.7.0 Authentication cancelled\r\n");
  EXPECT_EQ(client.command("AUTH PLAIN").raw, "334 \r\n");
  EXPECT_EQ(client.command("not base64!").raw, "501 5.5.2 the response is not base64\r\n");
  EXPECT_EQ(client.command("AUTH PLAIN").raw, "334 \r\n");
  EXPECT_EQ(client.command(std::string(16384, 'A')).raw,
            "500 5.5.6 Authentication Exchange line is too long\r\n");
  EXPECT_EQ(client.command("AUTH GSSAPI").code, 504);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
}

// What a client says behind AUTH without waiting is its response, and never a command.
TEST_F(AnyAuth, TakesNoCommandForAResponseNorAResponseForACommand) {
  SmtpClient client = connect();
  client.hello();
  client.send("AUTH LOGIN\r\nMAIL FROM:<s@client.test>\r\nNOOP\r\n");
  EXPECT_EQ(client.read_reply().raw, "334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(client.read_reply().raw, "501 5.5.2 the response is not base64\r\n");
  EXPECT_EQ(client.read_reply().code, 250);
  EXPECT_EQ(client.command("RCPT TO:<r@example.test>").code, 503);
  client.quit();
  EXPECT_THAT(seal().log(), Not(HasSubstr("MAIL FROM")));
}

// --- auth = file:PATH

class FileAuth : public OwnAuth {
 protected:
  void SetUp() override {
    OwnAuth::SetUp();
    use_users();
  }
};

TEST_F(FileAuth, LetsInWhoKnowsThePassword) {
  SmtpClient client = connect();
  EXPECT_TRUE(offers(client.hello(), "AUTH SCRAM-SHA-256 PLAIN LOGIN"));
  EXPECT_EQ(client.command("MAIL FROM:<s@client.test>").raw, kRequired);
  EXPECT_EQ(client.command("RCPT TO:<r@example.test>").code, 503);
  EXPECT_EQ(client.command("DATA").code, 503);
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kRight).raw, kAccepted);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_THAT(last_mail().data, HasSubstr(" with ESMTPA id "));
  const LogLine line = seal().wait_for("session-auth");
  EXPECT_EQ(line.field("user"), "app");
  EXPECT_EQ(line.field("result"), "accepted");
  EXPECT_EQ(seal().wait_for("transaction").field("user"), "app");
  EXPECT_EQ(seal().wait_for("session-close").field("user"), "app");
}

TEST_F(FileAuth, UnderstandsEveryWayToSayIt) {
  for (int again = 0; again < 2; ++again) {  // the second time it is known to be right
    const std::vector<std::pair<std::string, std::string>> ways[] = {
        {{"AUTH PLAIN", "334 \r\n"}, {kRight, kAccepted}},
        {{"auth plain " + std::string(kRight), kAccepted}},
        {{"AUTH LOGIN", "334 VXNlcm5hbWU6\r\n"},
         {"YXBw", "334 UGFzc3dvcmQ6\r\n"},
         {"cGVuY2ls", kAccepted}},
        {{"AUTH LOGIN YXBw", "334 UGFzc3dvcmQ6\r\n"}, {"cGVuY2ls", kAccepted}},
    };
    for (const auto& way : ways) {
      SmtpClient client = connect();
      client.hello();
      for (const auto& [said, heard] : way) EXPECT_EQ(client.command(said).raw, heard) << said;
      client.quit();
    }
  }
}

TEST_F(FileAuth, RefusesWrongPasswordsSlowlyAndAFewTimesOnly) {
  SmtpClient client = connect();
  client.hello();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kWrong).raw, kInvalid);
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(900));
  EXPECT_EQ(client.command("MAIL FROM:<s@client.test>").raw, kRequired);
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kUnknown).raw, kInvalid);
  client.send(std::string("AUTH PLAIN ") + kWrong + "\r\nAUTH PLAIN " + kRight + "\r\n");
  EXPECT_EQ(client.read_reply().raw, kInvalid);
  EXPECT_EQ(client.read_reply().raw, "421 4.7.0 too many failed logins\r\n");
  EXPECT_EQ(client.read_until_closed(), "");
  const std::vector<LogLine> lines = seal().events("session-auth");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].field("user"), "app");
  EXPECT_EQ(lines[0].field("result"), "refused");
  EXPECT_THAT(lines[0].text, HasSubstr("wrong password"));
  EXPECT_EQ(lines[1].field("user"), "-") << "it may be a password in the wrong place";
  EXPECT_EQ(seal().wait_for("session-close").field("user"), "");
  EXPECT_TRUE(smarthost().mails().empty());
}

TEST_F(FileAuth, KeepsNobodyElseWaitingMeanwhile) {
  SmtpClient guesser = connect();
  guesser.hello();
  SmtpClient other = connect();
  other.hello();
  guesser.send(std::string("AUTH PLAIN ") + kWrong + "\r\n");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(other.command("NOOP").code, 250);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(900));
  other.quit();
  EXPECT_EQ(guesser.read_reply().raw, kInvalid);
  guesser.quit();
}

TEST_F(FileAuth, SurvivesAClientThatLeavesBeforeItsAnswer) {
  for (int i = 0; i < 20; ++i) {
    SmtpClient client = connect();
    client.hello();
    client.send(std::string("AUTH PLAIN ") + (i % 2 == 0 ? kWrong : kRight) + "\r\n");
    client.close();
  }
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kRight).raw, kAccepted);
  client.quit();
}

TEST_F(FileAuth, RefusesBlobsThatAreNoCredentials) {
  SmtpClient client = connect();
  client.hello();
  for (const char* blob : {"AA==", "AGFwcA==", "YXBw", "AGFwcABwZW5jaWwA", "="}) {
    EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + blob).code, 501) << blob;
  }
  EXPECT_EQ(client.command("AUTH PLAIN QUJ").raw, "501 5.5.2 the response is not base64\r\n");
  EXPECT_EQ(client.command("MAIL FROM:<s@client.test>").raw, kRequired);
  client.quit();
}

TEST_F(FileAuth, MustComeFirstAndOnce) {
  SmtpClient client = connect();
  EXPECT_EQ(client.read_reply().code, 220);
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kRight).code, 503) << "before EHLO";
  EXPECT_EQ(client.command("EHLO client.test").code, 250);
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kRight).raw, kAccepted);
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kRight).code, 503) << "twice";
  EXPECT_EQ(client.command("EHLO client.test").code, 250);
  client.envelope();
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kRight).code, 503) << "inside";
  client.quit();
}

TEST_F(FileAuth, IsReadAgainOnReload) {
  {
    SmtpClient client = connect();
    client.hello();
    EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kRight).raw, kAccepted);
    client.quit();
  }
  std::string other(kUser);
  other.replace(0, 3, "new");
  use_users(other);
  seal().reload(config_);
  seal().wait_for("reload");
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kRight).raw, kInvalid);
  EXPECT_EQ(client.command("AUTH PLAIN AG5ldwBwZW5jaWw=").raw, kAccepted);
  client.quit();
}

TEST_F(FileAuth, KeepsTheOldUsersWhenTheNewFileIsBroken) {
  SmtpClient before = connect();
  before.hello();
  use_users("app:pencil\n");
  seal().reload(config_);
  const LogLine line = seal().wait_for("reload");
  EXPECT_EQ(line.field("result"), "failed");
  EXPECT_THAT(line.text, HasSubstr(directory_.path("users") + ":1: app: expected SCRAM-SHA-256$"));
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kRight).raw, kAccepted);
  client.quit();
}

// --- with TLS

class TlsAuth : public OwnAuth {
 protected:
  void SetUp() override {
    set_up("may");
    prepare();
    use_users();
  }
};

TEST_F(TlsAuth, WaitsForTls) {
  SmtpClient client = connect();
  EXPECT_FALSE(client.hello().has_text("AUTH"));
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kRight).code, 538);
  EXPECT_EQ(client.command("MAIL FROM:<s@client.test>").raw, kRequired);
  client.starttls(trusting_context());
  EXPECT_TRUE(offers(client.command("EHLO client.test"), "AUTH SCRAM-SHA-256 PLAIN LOGIN"));
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kRight).raw, kAccepted);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_THAT(last_mail().data, HasSubstr(" with ESMTPSA id "));
}

TEST_F(TlsAuth, IsForgottenByStartTls) {
  config_.set("listener", "auth_requires_tls", "no");
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command(std::string("AUTH PLAIN ") + kRight).raw, kAccepted);
  client.starttls(trusting_context());
  EXPECT_EQ(client.command("EHLO client.test").code, 250);
  EXPECT_EQ(client.command("MAIL FROM:<s@client.test>").raw, kRequired);
  client.quit();
}

// --- the file

class UsersFile : public testing::Test {
 protected:
  void SetUp() override {
    config_.set("listener", "listen", "127.0.0.1:0")
        .set("listener", "auth", "file:" + directory_.path("users"))
        .set("smarthost", "host", "smarthost.invalid");
    file_ = directory_.write("seal.conf", config_.text());
  }
  // What `config` and `run` say of it; both refuse it.
  void expect_refused(const std::string& complaint) {
    for (const char* command : {"config", "run"}) {
      const Finished finished = run_smtpseal({command, "-c", file_});
      EXPECT_EQ(finished.status, 78) << command;
      EXPECT_THAT(finished.errors, HasSubstr(complaint)) << command;
    }
  }
  void write_users(const std::string& text) { make_private(directory_.write("users", text)); }

  TempDir directory_;
  ConfigText config_;
  std::string file_;
};

TEST_F(UsersFile, MustBeThere) {
  expect_refused(file_ + ":2: auth = file:" + directory_.path("users") +
                 ": No such file or directory");
}

TEST_F(UsersFile, IsOnlyForWhomItConcerns) {
  write_users(kUser);
  fs::permissions(directory_.path("users"), fs::perms(0644));
  expect_refused("users: can be read by every user of this machine (mode 0644)");
  fs::permissions(directory_.path("users"), fs::perms(0602));
  expect_refused("users: can be changed by every user of this machine (mode 0602)");
}

TEST_F(UsersFile, IsRefusedWithItsLines) {
  write_users("# users\napp:pencil\nbob\n");
  const std::string users = directory_.path("users");
  const Finished config = run_smtpseal({"config", "-c", file_});
  EXPECT_EQ(config.status, 78);
  EXPECT_THAT(config.errors, HasSubstr("\n" + users + ":3: expected NAME:HASH"));
  EXPECT_THAT(config.errors, StartsWith(users + ":2: app: expected SCRAM-SHA-256$"));
  EXPECT_THAT(config.errors, Not(HasSubstr("pencil")));
  const Finished run = run_smtpseal({"run", "-c", file_});
  EXPECT_EQ(run.status, 78);
  EXPECT_THAT(run.errors, AllOf(StartsWith(users + ":2: app: expected"), HasSubstr("(and 1 more")));
  write_users("# nobody\n");
  expect_refused(users + ": names no user");
}

}  // namespace
}  // namespace support
