// smtpseal logs in to a real Postfix with Cyrus SASL, by every mechanism that this has for
// passwords.
#include <filesystem>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "peers/postfix.h"
#include "support/certificates.h"
#include "support/smtp_client.h"
#include "support/smtpseal_process.h"

namespace support {
namespace {

constexpr const char* kPassword = "päss =wörd, 17";
constexpr const char* kSaslPasswd = "/usr/sbin/saslpasswd2";

class OwnLoginTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = Postfix::why_not()) GTEST_SKIP() << *why;
    if (!std::filesystem::exists(kSaslPasswd)) GTEST_SKIP() << "no saslpasswd2 here";
    std::filesystem::permissions(sasl_.path(), std::filesystem::perms(0755));
    add_user();
    PostfixOptions options;
    options.sasl =
        "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: " + sasl_.path("users") +
        "\nmech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256\n";
    options.more =
        "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = cyrus\nsmtpd_sasl_path = smtpd\n"
        "smtpd_sasl_security_options = noanonymous\nsmtpd_sasl_local_domain = example.test\n"
        "mynetworks = 192.0.2.1/32\nsmtpd_client_restrictions = permit_sasl_authenticated, reject\n"
        "smtpd_relay_restrictions = permit_sasl_authenticated, reject\n";
    postfix_.emplace(options);
  }
  void TearDown() override {
    if (!seal_) return;
    EXPECT_EQ(seal_->stop(), 0);
    EXPECT_EQ(seal_->sanitizer_report(), "");
    EXPECT_EQ(seal_->log().find(kPassword), std::string::npos);
  }

  void add_user() {
    Process::Start start;
    start.program = kSaslPasswd;
    start.arguments = {"-p", "-c", "-f", sasl_.path("users"), "-u", "example.test", "joe"};
    start.input_file = sasl_.write("typed", std::string(kPassword) + "\n");
    Process process(start);
    ASSERT_EQ(process.wait(), 0) << process.errors();
    std::filesystem::permissions(sasl_.path("users"), std::filesystem::perms(0644));
  }

  void start(const std::string& mechanism, const std::string& password = kPassword) {
    const std::string file = directory_.write("password", password + "\n");
    std::filesystem::permissions(file, std::filesystem::perms(0600));
    ConfigText config;
    config.set("smtpseal", "hostname", "seal.client.test")
        .set("smtpseal", "log_level", "debug")
        .set("listener", "listen", "127.0.0.1:0")
        .set("smarthost", "host", "127.0.0.1")
        .set("smarthost", "port", std::to_string(postfix_->port()))
        .set("smarthost", "verify_name", kSmarthostName)
        .set("smarthost", "ca_file", postfix_->ca_file())
        .set("smarthost", "username", "joe")
        .set("smarthost", "password_file", file)
        .set("smarthost", "auth_mechanism", mechanism);
    seal_.emplace(directory_, config);
  }

  Attempt attempt() { return SmtpClient(seal_->port()).attempt(make_mail()); }

  TempDir directory_;
  TempDir sasl_;
  std::optional<Postfix> postfix_;
  std::optional<Smtpseal> seal_;
};

class OwnLoginMechanismTest : public OwnLoginTest,
                              public testing::WithParamInterface<const char*> {};

TEST_P(OwnLoginMechanismTest, GetsMailThrough) {
  start(GetParam());
  const Attempt mail = attempt();
  EXPECT_TRUE(mail.is_accepted()) << ::testing::PrintToString(mail) << postfix_->log();
  EXPECT_EQ(postfix_->wait_for_mails(1).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Mechanisms, OwnLoginMechanismTest,
                         testing::Values("auto", "plain", "login", "cram-md5", "scram-sha-1",
                                         "scram-sha-256"),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(OwnLoginTest, TakesTheStrongestThatPostfixOffers) {
  start("auto");
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(seal_->wait_for("smarthost-open").field("auth"), "SCRAM-SHA-256");
}

TEST_F(OwnLoginTest, PutsMailOffWhenThePasswordIsRefused) {
  for (const char* mechanism : {"plain", "cram-md5", "scram-sha-256"}) {
    start(mechanism, "wrong");
    const Attempt mail = attempt();
    EXPECT_TRUE(mail.is_deferred()) << ::testing::PrintToString(mail);
    EXPECT_TRUE(mail.reply.has_text("the smarthost refused our login: 535 5.7.8"))
        << ::testing::PrintToString(mail);
    EXPECT_EQ(seal_->stop(), 0);
    seal_.reset();
  }
  EXPECT_EQ(postfix_->wait_for_mails(0).size(), 0u);
}

}  // namespace
}  // namespace support
