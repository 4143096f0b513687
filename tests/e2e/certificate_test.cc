// Whose certificate is it, and what the levels make of the answer.
#include <chrono>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

using std::chrono::hours;

class Certificate : public SealTest {
 protected:
  void present(const tls::CertificateRequest& request,
               tls::Authority& authority = trusted_authority(), ServerVersions versions = {}) {
    Behavior behavior = smarthost().behavior();
    behavior.tls = server_context(request, authority, versions);
    smarthost().set_behavior(behavior);
  }
  void present_good() {
    Behavior behavior = smarthost().behavior();
    behavior.tls = good_server_context();
    smarthost().set_behavior(behavior);
  }
};

TEST_F(Certificate, OfTheRightNameIsAccepted) {
  EXPECT_TRUE(attempt().is_accepted());
  const LogLine open = seal().wait_for("smarthost-open");
  EXPECT_EQ(open.field("verify"), "verified");
  EXPECT_EQ(open.field("tls"), "TLSv1.3");
  EXPECT_EQ(open.field("name"), kSmarthostName);
  EXPECT_EQ(open.field("by").find("ca_file "), 0U) << open.field("by");
  EXPECT_FALSE(open.field("cipher").empty());
  EXPECT_FALSE(open.field("expires").empty());
}

TEST_F(Certificate, ThatExpiredStopsMailAndIsNamed) {
  tls::CertificateRequest request = good_request();
  request.not_after = std::chrono::system_clock::now() - hours(24);
  request.not_before = request.not_after - hours(240);
  present(request);
  expect_fail_closed(attempt(), "expired on");
  present_good();
  expect_service_when_healthy();
}

TEST_F(Certificate, ThatIsNotYetValidStopsMail) {
  tls::CertificateRequest request = good_request();
  request.not_before = std::chrono::system_clock::now() + hours(24);
  request.not_after = request.not_before + hours(240);
  present(request);
  expect_fail_closed(attempt(), "not valid before");
}

TEST_F(Certificate, OfAnUnknownAuthorityStopsMail) {
  present(good_request(), foreign_authority());
  expect_fail_closed(attempt(), "4.7.5");
}

TEST_F(Certificate, ForAnotherNameStopsMailAndSaysWhich) {
  tls::CertificateRequest request = good_request();
  request.dns_names = {"other.test"};
  present(request);
  expect_fail_closed(attempt(), "other.test");
}

TEST_F(Certificate, WithACommonNameOnlyStopsMail) {
  tls::CertificateRequest request = good_request();
  request.dns_names.clear();
  request.common_name = kSmarthostName;
  present(request);
  expect_fail_closed(attempt(), "4.7.5");
}

TEST_F(Certificate, WithAWildcardIsAcceptedForOneLabelOnly) {
  tls::CertificateRequest request = good_request();
  request.dns_names = {"*.smarthosts.test"};
  present(request);
  config_.set("smarthost", "verify_name", "mail.smarthosts.test");
  EXPECT_TRUE(attempt().is_accepted());
}

TEST_F(Certificate, WithAWildcardIsRefusedForTwoLabels) {
  tls::CertificateRequest request = good_request();
  request.dns_names = {"*.smarthosts.test"};
  present(request);
  config_.set("smarthost", "verify_name", "a.mail.smarthosts.test");
  expect_fail_closed(attempt(), "4.7.5");
}

TEST_F(Certificate, OfAnAddressNeedsTheAddressInIt) {
  tls::CertificateRequest request = good_request();
  request.dns_names = {"127.0.0.1"};
  present(request);
  config_.unset("smarthost", "verify_name");
  expect_fail_closed(attempt(), "4.7.5");
  request.dns_names.clear();
  request.ip_addresses = {"127.0.0.1"};
  present(request);
  expect_service_when_healthy();
}

TEST_F(Certificate, SwappedBetweenConnectionsStopsMail) {
  config_.set("smarthost", "max_transactions", "1");
  EXPECT_TRUE(attempt().is_accepted());
  tls::CertificateRequest request = good_request();
  request.dns_names = {"other.test"};
  present(request);
  const Attempt refused = attempt();
  EXPECT_TRUE(refused.is_deferred()) << testing::PrintToString(refused);
  EXPECT_TRUE(refused.reply.has_text("other.test")) << testing::PrintToString(refused);
  EXPECT_EQ(smarthost().mails().size(), 1U);
  present_good();
  expect_service_when_healthy();
}

TEST_F(Certificate, LeavesNoKeysToEavesdroppersOfTheMachine) {
  const std::string file = directory_.path("keys");
  setenv("SSLKEYLOGFILE", file.c_str(), 1);
  EXPECT_TRUE(attempt().is_accepted());
  unsetenv("SSLKEYLOGFILE");
  EXPECT_THROW((void)read_file(file), Failure);
}

TEST_F(Certificate, MeantForClientsStopsMail) {
  tls::CertificateRequest request = good_request();
  request.is_client_only = true;
  present(request);
  expect_fail_closed(attempt(), "4.7.5");
}

TEST_F(Certificate, OfRsaWorksWithBothVersions) {
  tls::CertificateRequest request = good_request();
  request.key = tls::KeyKind::rsa_2048;
  present(request, trusted_authority(), {tls::Version::tls12, tls::Version::tls12});
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(seal().wait_for("smarthost-open").field("tls"), "TLSv1.2");
  stop_seal();
  seal_.reset();
  present(request, trusted_authority(), {tls::Version::tls13, tls::Version::tls13});
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(seal().wait_for("smarthost-open").field("tls"), "TLSv1.3");
}

TEST_F(Certificate, OfAnOldVersionStopsMailWhenTlsMinSaysSo) {
  config_.set("smarthost", "tls_min", "1.3");
  present(good_request(), trusted_authority(), {tls::Version::tls12, tls::Version::tls12});
  expect_fail_closed(attempt(), "4.7.5");
}

TEST_F(Certificate, OfAnybodyIsEnoughForEncrypt) {
  config_.set("smarthost", "tls", "encrypt").unset("smarthost", "ca_file");
  config_.unset("smarthost", "verify_name");
  present(good_request(), foreign_authority());
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(seal().wait_for("smarthost-open").field("verify"), "unverified");
  EXPECT_EQ(seal().count("tls-weak"), 1u);
}

TEST_F(Certificate, IsNotAskedForAtLevelEncryptButTlsIs) {
  config_.set("smarthost", "tls", "encrypt").unset("smarthost", "ca_file");
  smarthost().on(Point::ehlo, always("250 u\r\n"));
  expect_fail_closed(attempt(), "4.7.4");
}

class ClearLevel : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    is_clear_allowed_ = true;
    config_.unset("smarthost", "ca_file").unset("smarthost", "verify_name");
    Behavior behavior = smarthost().behavior();
    behavior.is_tls_wanted = false;
    behavior.clear_keywords = {"PIPELINING", "8BITMIME", "AUTH PLAIN"};
    smarthost().set_behavior(behavior);
  }
};

TEST_F(ClearLevel, MayUsesTlsWhenItIsThere) {
  Behavior behavior = smarthost().behavior();
  behavior.clear_keywords = {"STARTTLS"};
  smarthost().set_behavior(behavior);
  config_.set("smarthost", "tls", "may");
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(smarthost().handshakes(), 1u);
}

TEST_F(ClearLevel, MayGoesWithoutTlsAndSaysSo) {
  config_.set("smarthost", "tls", "may");
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(seal().wait_for("smarthost-open").field("tls"), "none");
}

TEST_F(ClearLevel, NoneIsLoggedLoudly) {
  config_.set("smarthost", "tls", "none");
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(seal().count("tls-weak"), 1u);
  EXPECT_EQ(smarthost().handshakes(), 0u);
}

TEST_F(ClearLevel, NeverCarriesCredentials) {
  for (const char* level : {"none", "may"}) {
    config_.set("smarthost", "tls", level);
    SmtpClient client = connect();
    EXPECT_FALSE(client.hello().has_text("AUTH")) << level;
    EXPECT_EQ(client.command("AUTH PLAIN AGEAYg==").code, 502) << level;
    client.quit();
    EXPECT_EQ(stop_seal(), 0);
    seal_.reset();
  }
  for (const ConnectionRecord& each : smarthost().journal().records()) {
    EXPECT_EQ(each.received(false).find("AUTH"), std::string::npos);
  }
}

// At the start and at every connection, at the level of a warning.
TEST_F(ClearLevel, IsWarnedOfEveryTime) {
  for (const char* level : {"none", "may", "encrypt"}) {
    Behavior behavior = smarthost().behavior();
    behavior.clear_keywords = {"PIPELINING"};
    if (level == std::string_view("encrypt")) behavior.clear_keywords = {"STARTTLS"};
    smarthost().set_behavior(behavior);
    config_.set("smarthost", "tls", level).set("smarthost", "max_transactions", "1");
    EXPECT_TRUE(attempt().is_accepted()) << level;
    EXPECT_TRUE(attempt().is_accepted()) << level;
    EXPECT_EQ(seal().count("tls-weak"), 1u) << level;
    EXPECT_GE(seal().count("smarthost-open"), 2u) << level;
    const LogLine open = seal().wait_for("smarthost-open");
    EXPECT_NE(open.text.find(" warn "), std::string::npos) << open.text;
    EXPECT_EQ(open.field("verify"), level == std::string_view("encrypt") ? "unverified" : "none");
    EXPECT_EQ(stop_seal(), 0);
    seal_.reset();
  }
}

}  // namespace
}  // namespace support
