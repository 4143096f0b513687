// Certificates of clients: shown by our side as a client, asked for by our side as a server.
#include "tls/tls_fixture.h"

namespace tls {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

CertificateRequest client_request(KeyKind key = KeyKind::ec_p256) {
  CertificateRequest request = good_request();
  request.common_name = "mailer 7";
  request.dns_names = {"mailer.u.test"};
  request.is_client_only = true;
  request.key = key;
  return request;
}

class ClientCertificateTest : public TlsTest, public testing::WithParamInterface<Version> {
 protected:
  // `shown`: the client's; nothing when it has none.
  void connect_showing(const std::optional<IssuedCertificate>& shown, bool is_demanded) {
    ServerOptions options;
    options.certificate_pem = good_certificate().certificate_pem;
    options.key_pem = good_certificate().key_pem;
    options.min_version = GetParam();
    options.max_version = GetParam();
    options.client_ca_files = {ca_file_};
    options.is_client_certificate_demanded = is_demanded;
    ClientOptions client = client_options();
    if (shown) client.identity = {shown->certificate_pem, shown->key_pem};
    connect(client, must(make_server_context(options)));
  }
  void expect_turned_away(const testing::Matcher<const std::string&>& why) const {
    EXPECT_EQ(server_->state(), State::failed);
    EXPECT_EQ(server_->error().fault, base::Fault::tls);
    EXPECT_THAT(server_->error().detail, why);
    EXPECT_EQ(client_->state(), State::failed);
  }
};

TEST_P(ClientCertificateTest, IsShownAndVerified) {
  for (const KeyKind key : {KeyKind::ec_p256, KeyKind::rsa_2048}) {
    for (const bool is_demanded : {false, true}) {
      connect_showing(must(trusted_root().issue(client_request(key))), is_demanded);
      expect_established();
      const SessionInfo& seen = server_->info();
      EXPECT_EQ(seen.verification, Verification::verified);
      EXPECT_EQ(seen.verified_by, "client_ca " + ca_file_ + " (1 certificate)");
      ASSERT_EQ(seen.chain.size(), 1U);
      EXPECT_EQ(seen.chain.front().subject, "CN=mailer 7");
      EXPECT_THAT(seen.faults, IsEmpty());
      EXPECT_EQ(client_->info().verification, Verification::verified);
    }
  }
}

TEST_P(ClientCertificateTest, IsOnlyAskedForUnlessItIsDemanded) {
  connect_showing(std::nullopt, false);
  expect_established();
  EXPECT_EQ(server_->info().verification, Verification::none);
  EXPECT_THAT(server_->info().chain, IsEmpty());
  connect_showing(std::nullopt, true);
  expect_turned_away("client showed no certificate");
}

TEST_P(ClientCertificateTest, OfAnotherAuthorityCountsForNothing) {
  const IssuedCertificate foreign = must(foreign_root().issue(client_request()));
  connect_showing(foreign, false);
  expect_established();
  EXPECT_EQ(server_->info().verification, Verification::unverified);
  EXPECT_THAT(server_->info().verified_by, IsEmpty());
  ASSERT_EQ(server_->info().faults.size(), 1U);
  EXPECT_THAT(server_->info().faults.front().detail, HasSubstr("not in the client_ca"));
  connect_showing(foreign, true);
  expect_turned_away(StartsWith("client's certificate is issued by an authority that is not"));
}

TEST_P(ClientCertificateTest, OfAServerIsTurnedAway) {
  connect_showing(good_certificate(), true);
  expect_turned_away("client's certificate is not meant for a TLS client");
  CertificateRequest expired = client_request();
  expired.not_after = now() - kDay;
  expired.not_before = now() - 2 * kDay;
  connect_showing(must(trusted_root().issue(expired)), true);
  expect_turned_away(StartsWith("client's certificate expired on "));
}

TEST_P(ClientCertificateTest, IsShownAgainByEveryConnection) {
  const IssuedCertificate shown = must(trusted_root().issue(client_request()));
  connect_showing(shown, true);
  for (int i = 0; i < 3; ++i) {
    client_->send("x");
    server_->send("y");
    shuttle(*client_, *server_);
    reconnect();
    expect_established();
    EXPECT_FALSE(client_->info().is_resumed);
    EXPECT_EQ(server_->info().verification, Verification::verified);
  }
}

TEST_P(ClientCertificateTest, IsNotShownToAnImpostor) {
  ClientOptions options = client_options();
  const IssuedCertificate shown = must(trusted_root().issue(client_request()));
  options.identity = {shown.certificate_pem, shown.key_pem};
  ServerOptions server;
  const IssuedCertificate impostor = must(foreign_root().issue(good_request()));
  server.certificate_pem = impostor.certificate_pem;
  server.key_pem = impostor.key_pem;
  server.min_version = GetParam();
  server.max_version = GetParam();
  server.client_ca_files = {ca_file_};
  connect(options, must(make_server_context(server)));
  expect_refused(HasSubstr("not in the ca_file"));
  EXPECT_THAT(server_->info().chain, IsEmpty());
}

TEST_P(ClientCertificateTest, IsNotAskedForWithoutAnAuthority) {
  ClientOptions options = client_options();
  const IssuedCertificate shown = must(trusted_root().issue(client_request()));
  options.identity = {shown.certificate_pem, shown.key_pem};
  connect(options, make_server(good_certificate(), GetParam(), GetParam()));
  expect_established();
  EXPECT_EQ(server_->info().verification, Verification::none);
}

INSTANTIATE_TEST_SUITE_P(Versions, ClientCertificateTest,
                         testing::Values(Version::tls12, Version::tls13), [](const auto& tested) {
                           return tested.param == Version::tls12 ? "Tls12" : "Tls13";
                         });

TEST(ClientAuthorities, MustBeSound) {
  const TempFolder folder;
  ServerOptions options;
  options.certificate_pem = good_certificate().certificate_pem;
  options.key_pem = good_certificate().key_pem;
  options.client_ca_files = {folder.write("none.pem", "")};
  const auto made = make_server_context(options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().detail, folder.path() + "/none.pem: is empty");
}

TEST(ClientOptions, WithAForeignKeyAreRefused) {
  ClientOptions options;
  options.level = Level::encrypt;
  options.identity = {good_certificate().certificate_pem, rsa_certificate().key_pem};
  const auto made = make_client_context(options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().detail, "the key is not that of the certificate");
}

TEST(DaysLeft, AreWholeDays) {
  CertificateFacts certificate;
  const base::WallTime today = now();
  certificate.not_after = today + 21 * kDay;
  EXPECT_EQ(days_left(certificate, today), 21);
  certificate.not_after -= std::chrono::seconds(1);
  EXPECT_EQ(days_left(certificate, today), 20);
  certificate.not_after = today - std::chrono::seconds(1);
  EXPECT_EQ(days_left(certificate, today), -1);
}

}  // namespace
}  // namespace tls
