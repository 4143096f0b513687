// How often smtpseal logs in with credentials of its own, whatever the smarthost does about it:
// servers count failures, and lock accounts out.
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "support/seal_test.h"

namespace support {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPassword = "correct horse";

class LoginLimits : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    ask_for_login(smarthost());
    secrets_ = {kPassword, base::encode_base64(kPassword),
                base::encode_base64(std::string("\0joe\0", 5) + kPassword)};
    config_.set("smtpseal", "log_level", "debug")
        .set("smarthost", "username", "joe")
        .set("smarthost", "password_file", write_password(kPassword));
  }

  std::string write_password(std::string_view password) {
    const std::string path = directory_.write("password", password);
    std::filesystem::permissions(path, std::filesystem::perms(0600));
    return path;
  }

  static void ask_for_login(ScriptedSmarthost& host) {
    Behavior behavior = host.behavior();
    behavior.keywords = {"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "AUTH PLAIN"};
    behavior.account = Account{"joe", kPassword};
    host.set_behavior(behavior);
  }

  // Inside TLS, over all connections.
  static std::size_t count_said(ScriptedSmarthost& host, std::string_view what) {
    std::size_t count = 0;
    for (const ConnectionRecord& record : host.journal().records()) {
      const std::string said = record.received(true);
      for (std::size_t at = said.find(what); at != std::string::npos;
           at = said.find(what, at + 1)) {
        ++count;
      }
    }
    return count;
  }
};

TEST_F(LoginLimits, CountASmarthostThatHangsUpOverThePassword) {
  smarthost().on(Point::auth, always("", Then::close));
  start();
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(attempt().is_deferred());
  const Attempt last = attempt();
  EXPECT_TRUE(last.reply.has_text("it is not asked again for "));
  EXPECT_EQ(count_said(smarthost(), "AUTH PLAIN"), 3u);
}

// Hosts of one section have one account: they may not be asked in turn.
TEST_F(LoginLimits, AreThoseOfAllHostsTogether) {
  write_password("wrong");
  ScriptedSmarthost second(smarthost().behavior(), ScriptedSmarthost::Place{smarthost().port(), 2});
  config_.set("smarthost", "host", "127.0.0.1, 127.0.0.2");
  start();
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(attempt().is_deferred());
  EXPECT_EQ(count_said(smarthost(), "AUTH PLAIN") + count_said(second, "AUTH PLAIN"), 3u);
  EXPECT_EQ(stop_seal(), 0);
  second.stop();
}

// RFC 4954 4: AUTH is said once, and EHLO does not undo it.
TEST_F(LoginLimits, LeaveItAtOneLoginWhereEhloIsSaidAgain) {
  client_names_ = {"app.client.test", "printer.client.test"};
  config_.set("smarthost", "ehlo_name", "client");
  start();
  for (const char* name : {"EHLO app.client.test", "EHLO printer.client.test"}) {
    SmtpClient client = connect();
    client.hello(name);
    EXPECT_EQ(client.mail(make_mail()).code, 250);
    client.quit();
  }
  EXPECT_EQ(smarthost().connections(), 1u);
  EXPECT_EQ(count_said(smarthost(), "AUTH PLAIN"), 1u);
  EXPECT_EQ(count_said(smarthost(), "EHLO printer.client.test"), 1u);
}

TEST_F(LoginLimits, ShowNothingThatTheSmarthostRepeats) {
  smarthost().on(Point::auth, [](const Situation& at) -> std::optional<Answer> {
    return Answer{"535 5.7.8 not with " + std::string(at.line) + "\r\n"};
  });
  start();
  const Attempt mail = attempt();
  EXPECT_TRUE(mail.reply.has_text("not with AUTH PLAIN ***")) << testing::PrintToString(mail);
  const std::string file = directory_.write("check.conf", config_.text());
  const Finished check = run_smtpseal({"check", "-c", file});
  EXPECT_THAT(check.output, HasSubstr("not with AUTH PLAIN ***"));
  EXPECT_THAT(check.output, Not(HasSubstr("Configuration that works")));
}

// Whoever opens a pipe waits for the other end: neither start nor reload may.
TEST_F(LoginLimits, TakeNoPipeForAFile) {
  const std::string pipe = directory_.path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  start();
  config_.set("smarthost", "password_file", pipe);
  seal().reload(config_);
  EXPECT_THAT(seal().wait_for("reload").text, HasSubstr(pipe + ": is no regular file"));
  EXPECT_TRUE(attempt().is_accepted()) << "with the old one";
}

}  // namespace
}  // namespace support
