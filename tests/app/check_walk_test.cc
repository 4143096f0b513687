// The walk itself, against smarthosts on this machine: which ways it takes, and which besides.
#include "app/check_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "support/certificates.h"
#include "support/fd.h"
#include "support/scripted_smarthost.h"
#include "support/temp_dir.h"

namespace app {
namespace {

using support::Behavior;
using support::ScriptedSmarthost;
using testing::HasSubstr;

Behavior good_behavior(config::Mode mode = config::Mode::starttls) {
  Behavior behavior;
  behavior.tls = support::good_server_context();
  behavior.is_implicit_tls = mode == config::Mode::implicit;
  return behavior;
}

// A port at which connections are begun and never finished, as behind a firewall that drops them:
// a listener whose queue is full.
class BlackHole {
 public:
  BlackHole() : listener_(support::bind_loopback(false)) {
    if (listen(listener_.get(), 0) != 0) throw support::Failure("cannot listen");
    waiting_ = support::connect_loopback(port());
  }
  [[nodiscard]] std::uint16_t port() const { return support::port_of(listener_); }

 private:
  support::Fd listener_;
  support::Fd waiting_;
};

class Walk : public ::testing::Test {
 protected:
  void SetUp() override {
    findings_.smarthost.hosts = {"127.0.0.1"};
    findings_.smarthost.connect_timeout = std::chrono::seconds(1);
    findings_.smarthost.command_timeout = std::chrono::seconds(2);
    findings_.smarthost.tls.verify_name = support::kSmarthostName;
    findings_.smarthost.tls.ca_files = {
        directory_.write("ca.pem", support::trusted_authority().certificate_pem())};
    findings_.now = std::chrono::system_clock::now();
    errand_.hostname = "seal.client.test";
    const std::uint16_t shut = support::port_of(shut_);
    errand_.ports = {shut, shut, shut};
    findings_.smarthost.port = shut;
  }

  void walk() {
    const auto loop = net::Loop::make();
    ASSERT_TRUE(loop) << loop.error().detail;
    CheckFollower follower;
    follower.on_stage = [](CheckStage) {};
    follower.on_wait = [](std::string_view, base::Duration) {};
    walk_to_smarthost(**loop, errand_, findings_, follower);
  }

  support::TempDir directory_;
  support::Fd shut_ = support::bind_loopback(false);  // nothing listens there
  CheckErrand errand_;
  CheckFindings findings_;
};

TEST_F(Walk, ResumesTheSessionOnASecondConnection) {
  ScriptedSmarthost smarthost(good_behavior());
  findings_.smarthost.port = smarthost.port();
  walk();
  EXPECT_TRUE(findings_.conversation.is_ready());
  EXPECT_TRUE(findings_.alternatives.empty());
  ASSERT_TRUE(findings_.again && findings_.again->conversation.handshake);
  EXPECT_TRUE(findings_.again->conversation.handshake->info.is_resumed);
  EXPECT_FALSE(findings_.conversation.handshake->info.is_resumed);
}

TEST_F(Walk, TriesTheOtherPortsWhereNothingListens) {
  ScriptedSmarthost submission(good_behavior());
  ScriptedSmarthost submissions(good_behavior(config::Mode::implicit));
  errand_.ports.submission = submission.port();
  errand_.ports.submissions = submissions.port();
  walk();
  EXPECT_FALSE(findings_.walked);
  ASSERT_EQ(findings_.alternatives.size(), 2U);
  EXPECT_TRUE(findings_.alternatives[0].works());
  EXPECT_TRUE(findings_.alternatives[1].works());
  EXPECT_EQ(findings_.alternatives[1].smarthost.mode, config::Mode::implicit);
  ASSERT_NE(findings_.remedy(), nullptr);
  EXPECT_EQ(findings_.remedy()->smarthost.port, submission.port());
}

TEST_F(Walk, TriesTheOtherPortsWhereAFirewallDropsWhatIsSent) {
  const BlackHole blocked;
  findings_.smarthost.port = blocked.port();
  ScriptedSmarthost submission(good_behavior());
  errand_.ports.submission = submission.port();
  walk();
  ASSERT_TRUE(findings_.connects.at(0).error);
  EXPECT_THAT(findings_.connects[0].error->detail, HasSubstr("no answer in 1 s"));
  ASSERT_NE(findings_.remedy(), nullptr);
  EXPECT_EQ(findings_.remedy()->smarthost.port, submission.port());
}

TEST_F(Walk, IsNotSatisfiedByAPortWhoseCertificateIsNotTrusted) {
  Behavior behavior = good_behavior();
  behavior.tls = support::server_context(support::good_request(), support::foreign_authority());
  ScriptedSmarthost submission(behavior);
  errand_.ports.submission = submission.port();
  walk();
  EXPECT_EQ(findings_.remedy(), nullptr);
  ASSERT_FALSE(findings_.alternatives.empty());
  EXPECT_TRUE(findings_.alternatives[0].conversation.has_identity_failure());
}

TEST_F(Walk, LooksAtOtherPortsWhereStarttlsIsNotOffered) {
  ScriptedSmarthost smarthost(good_behavior());
  Behavior behavior = smarthost.behavior();
  behavior.clear_keywords = {"PIPELINING"};
  smarthost.set_behavior(behavior);
  ScriptedSmarthost submissions(good_behavior(config::Mode::implicit));
  findings_.smarthost.port = smarthost.port();
  errand_.ports.submissions = submissions.port();
  walk();
  ASSERT_NE(findings_.remedy(), nullptr);
  EXPECT_EQ(findings_.remedy()->smarthost.port, submissions.port());
}

TEST_F(Walk, LooksAtNoOtherPortWhereSomebodyMeddlesWithStarttls) {
  ScriptedSmarthost smarthost(good_behavior());
  smarthost.on(support::Point::starttls, support::always("220 go\r\n250 evil\r\n"));
  findings_.smarthost.port = smarthost.port();
  walk();
  EXPECT_TRUE(findings_.alternatives.empty());
}

TEST_F(Walk, LooksAtNoOtherPortWhereTheCertificateIsRefused) {
  Behavior behavior = good_behavior();
  behavior.tls = support::server_context(support::good_request(), support::foreign_authority());
  ScriptedSmarthost smarthost(behavior);
  findings_.smarthost.port = smarthost.port();
  walk();
  EXPECT_TRUE(findings_.conversation.has_identity_failure());
  EXPECT_TRUE(findings_.second_look && findings_.second_look->is_ready());
  EXPECT_TRUE(findings_.alternatives.empty());
}

TEST_F(Walk, ShowsOurCertificateToNobodyWhoseOwnIsRefused) {
  tls::CertificateRequest own = support::good_request();
  own.is_client_only = true;
  const auto ours = support::trusted_authority().issue(own);
  const auto theirs = support::foreign_authority().issue(support::good_request());
  ASSERT_TRUE(ours && theirs);
  const std::string key = directory_.write("own.key", ours->key_pem);
  ASSERT_EQ(chmod(key.c_str(), 0600), 0);
  findings_.smarthost.client_identity.certificate =
      directory_.write("own.pem", ours->certificate_pem);
  findings_.smarthost.client_identity.key = key;
  tls::ServerOptions asking;
  asking.certificate_pem = theirs->certificate_pem;
  asking.key_pem = theirs->key_pem;
  asking.client_ca_files = findings_.smarthost.tls.ca_files;
  auto context = tls::make_server_context(asking);
  ASSERT_TRUE(context) << context.error().detail;
  Behavior behavior;
  behavior.tls = std::move(context).value();
  ScriptedSmarthost smarthost(behavior);
  findings_.smarthost.port = smarthost.port();
  walk();
  EXPECT_TRUE(findings_.conversation.has_identity_failure());
  EXPECT_TRUE(findings_.second_look && findings_.second_look->is_ready());
  smarthost.stop();
  ASSERT_EQ(smarthost.journal().records().size(), 2U);
  for (const support::ConnectionRecord& record : smarthost.journal().records()) {
    EXPECT_TRUE(record.tls.chain.empty());
  }
}

TEST_F(Walk, TriesTheOtherModeAfterASilence) {
  ScriptedSmarthost smarthost(good_behavior(config::Mode::implicit));
  findings_.smarthost.port = smarthost.port();
  walk();
  EXPECT_TRUE(findings_.is_tls_where_plaintext_was_expected);
  ASSERT_EQ(findings_.alternatives.size(), 1U);
  EXPECT_TRUE(findings_.alternatives[0].works());
  EXPECT_EQ(findings_.alternatives[0].smarthost.port, smarthost.port());
}

TEST(OtherPorts, AreThoseThatAreNotTheSmarthostsOwn) {
  config::Smarthost smarthost;
  smarthost.hosts = {"smtp.example.edu"};
  smarthost.port = 25;
  smarthost.tls.level = tls::Level::may;
  const auto others = at_other_ports(smarthost, CheckPorts{});
  ASSERT_EQ(others.size(), 2U);
  EXPECT_EQ(others[0].port, 587);
  EXPECT_EQ(others[0].mode, config::Mode::starttls);
  EXPECT_EQ(others[0].tls.level, tls::Level::may);
  EXPECT_EQ(others[1].port, 465);
  EXPECT_EQ(others[1].mode, config::Mode::implicit);
  EXPECT_EQ(others[1].tls.level, tls::Level::verify) << "implicit TLS has no weaker ones";
}

}  // namespace
}  // namespace app
