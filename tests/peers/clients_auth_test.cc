// Clients that log in, in plaintext on this machine: what they say reaches the smarthost inside TLS
// and nobody else, and their mail follows it over the same connection.
#include <algorithm>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "peers/clients_fixture.h"
#include "peers/clients_java.h"
#include "peers/recipes.h"
#include "support/seal_test.h"

namespace support {
namespace {

using ::testing::HasSubstr;

constexpr const char* kUser = "app";
constexpr const char* kPassword = "s3cret-word";
constexpr const char* kPlain = "AGFwcABzM2NyZXQtd29yZA==";
constexpr const char* kPlainForOneself =
    "YXBwAGFwcABzM2NyZXQtd29yZA==";  // with an authorization identity
constexpr const char* kLoginUser = "YXBw";
constexpr const char* kLoginPassword = "czNjcmV0LXdvcmQ=";

// The rest of a dialogue that began with `line`: what to answer in the end.
std::string judge_login(const std::string& line, SmarthostConnection& wire) {
  const std::string refusal = "535 5.7.8 wrong\r\n";
  const auto ask = [&wire](const std::string& challenge) {
    wire.send("334 " + challenge + "\r\n");
    return wire.read_line();
  };
  std::string response = line.size() > 11 ? line.substr(11) : "";
  if (line.starts_with("AUTH PLAIN")) {
    if (response.empty()) response = ask("");
    return response == kPlain || response == kPlainForOneself ? "235 2.7.0 welcome\r\n" : refusal;
  }
  if (response.empty()) response = ask("VXNlcm5hbWU6");
  const bool is_known = response == kLoginUser;
  return ask("UGFzc3dvcmQ6") == kLoginPassword && is_known ? "235 2.7.0 welcome\r\n" : refusal;
}

// Where the recipe has the properties for a login.
constexpr std::size_t kLoginBlock = 1;

// The mechanism that the smarthost offers.
class LoginsTest : public SealTest, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    Behavior behavior = smarthost().behavior();
    behavior.keywords = {"PIPELINING", "SIZE 1000000", "8BITMIME", "AUTH " + GetParam()};
    smarthost().set_behavior(behavior);
    smarthost().on(Point::auth, [](const Situation& now) -> std::optional<Answer> {
      return Answer{judge_login(now.line, now.wire)};
    });
    smarthost().on(Point::mail, [this](const Situation& now) -> std::optional<Answer> {
      if (now.count > 1 || is_logged_in()) return std::nullopt;
      return Answer{"530 5.7.0 log in\r\n"};
    });
    secrets_ = {kPassword, kPlain, kPlainForOneself, kLoginPassword};
  }

  [[nodiscard]] bool is_logged_in() {
    const std::vector<ConnectionRecord> records = smarthost().journal().records();
    return std::any_of(records.begin(), records.end(), [](const ConnectionRecord& each) {
      return std::any_of(each.exchanges.begin(), each.exchanges.end(), [](const Exchange& piece) {
        return !piece.is_received && piece.bytes.find("235 2.7.0") != std::string::npos;
      });
    });
  }

  std::string port() {
    if (!seal_) start();
    return std::to_string(seal().port());
  }

  void send_with(const std::string& program, std::vector<std::string> arguments,
                 const std::string& input_file = "/dev/null",
                 std::vector<std::pair<std::string, std::string>> environment = {}) {
    const Finished client =
        run({program, std::move(arguments), std::move(environment), input_file}, 60s);
    ASSERT_EQ(client.status, 0) << client.errors << client.output;
    const StoredMail mail = smarthost().wait_for_mails(1).at(0);
    EXPECT_THAT(mail.data, HasSubstr("\r\n\r\nhello\r\n"));
    const ConnectionRecord record =
        smarthost().journal().records().at(static_cast<std::size_t>(mail.connection));
    EXPECT_THAT(record.received(true), HasSubstr("AUTH " + GetParam()));
    EXPECT_TRUE(is_logged_in());
  }

  std::string mail_ = directory_.write("mail", "From: app@client.test\nSubject: login\n\nhello\n");
};

TEST_P(LoginsTest, Curl) {
  if (!find_program("curl")) GTEST_SKIP() << "curl is not installed";
  send_with("curl", {"-sS", "--crlf", "--url", "smtp://127.0.0.1:" + port(), "--user",
                     std::string(kUser) + ":" + kPassword, "--mail-from", "app@client.test",
                     "--mail-rcpt", "b@example.test", "-T", mail_});
}

TEST_P(LoginsTest, Swaks) {
  if (!find_program("swaks")) GTEST_SKIP() << "swaks is not installed";
  send_with("swaks", {"--server", "127.0.0.1", "--port", port(), "--auth", GetParam(), "-au", kUser,
                      "-ap", kPassword, "--from", "app@client.test", "--to", "b@example.test",
                      "--data", "@" + mail_});
}

TEST_P(LoginsTest, Msmtp) {
  if (!find_program("msmtp")) GTEST_SKIP() << "msmtp is not installed";
  const std::string configuration = directory_.write(
      "msmtprc", "account default\nhost 127.0.0.1\nport " + port() + "\ntls off\nauth " +
                     (GetParam() == "PLAIN" ? "plain" : "login") + "\nuser " + kUser +
                     "\npassword " + kPassword + "\nfrom app@client.test\n");
  chmod(configuration.c_str(), 0600);
  send_with("msmtp", {"-C", configuration, "b@example.test"}, mail_);
}

TEST_P(LoginsTest, Python) {
  if (!find_program("python3")) GTEST_SKIP() << "python3 is not installed";
  send_with("python3", {"-c", "import smtplib\nwith smtplib.SMTP('127.0.0.1', " + port() +
                                  ") as s:\n    s.login('" + kUser + "', '" + kPassword +
                                  "')\n    s.sendmail('app@client.test', ['b@example.test'], "
                                  "'Subject: login\\n\\nhello\\n')\n"});
}

TEST_P(LoginsTest, Nodemailer) {
  if (const auto why = why_no_nodemailer()) GTEST_SKIP() << *why;
  send_with("node",
            {"-e", "require('nodemailer').createTransport({host: '127.0.0.1', port: " + port() +
                       ", auth: {user: '" + kUser + "', pass: '" + kPassword +
                       "'}}).sendMail({from: 'app@client.test', to: 'b@example.test', "
                       "text: 'hello\\n'}).catch((e) => { console.error(e); process.exit(1); })"},
            "/dev/null", node_environment());
}

TEST_P(LoginsTest, JakartaMail) {
  const JavaMail java("jakarta");
  if (const auto why = java.why_not()) GTEST_SKIP() << *why;
  const std::string properties = recipe_block("java.md", "properties", port(), kLoginBlock) +
                                 "application.user=" + kUser +
                                 "\napplication.password=" + kPassword + "\n";
  send_with("java", java.arguments(directory_, properties,
                                   {directory_.write("jobs", mail_ + "\tb@example.test\n")}));
}

INSTANTIATE_TEST_SUITE_P(Mechanisms, LoginsTest, testing::Values("PLAIN", "LOGIN"),
                         [](const auto& mechanism) { return mechanism.param; });

}  // namespace
}  // namespace support
