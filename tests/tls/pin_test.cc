// Pins (RFC 7671 5.1 for those of the peer's own key): alone with Level::pin, beside everything
// else with Level::verify.
#include "tls/tls_fixture.h"

namespace tls {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const char* const kOtherPin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

class PinTest : public TlsTest, public testing::WithParamInterface<Version> {
 protected:
  // The pin that a client would see of the first certificate of `pem`.
  std::string pin_of(const IssuedCertificate& issued) {
    ClientOptions options;
    options.level = Level::encrypt;
    const auto looking = must(make_client_context(options));
    const auto server_context = make_server(issued);
    const auto client = looking->make_engine();
    const auto server = server_context->make_engine();
    client->start();
    shuttle(*client, *server);
    EXPECT_EQ(client->info().chain.size(), 1U);
    return client->info().chain.front().pin;
  }
  // An authority's certificate has no key to show: it is sent along and looked at.
  std::string pin_of(const Authority& authority) {
    const IssuedCertificate& leaf = good_certificate();
    ClientOptions options;
    options.level = Level::encrypt;
    const auto looking = must(make_client_context(options));
    const auto server_context =
        make_server({leaf.certificate_pem + authority.certificate_pem(), leaf.key_pem});
    const auto client = looking->make_engine();
    const auto server = server_context->make_engine();
    client->start();
    shuttle(*client, *server);
    // What nobody verifies is not looked at beyond the leaf but kept all the same.
    EXPECT_EQ(client->info().chain.size(), 2U);
    return client->info().chain.back().pin;
  }

  [[nodiscard]] ClientOptions pinning(std::vector<std::string> pins) const {
    ClientOptions options;
    options.level = Level::pin;
    options.verify_name = kHost;
    options.pins = std::move(pins);
    return options;
  }
  void connect_pinning(std::vector<std::string> pins, const IssuedCertificate& shown) {
    connect(pinning(std::move(pins)), make_server(shown, GetParam(), GetParam()));
  }
  void expect_pinned(const testing::Matcher<const std::string&>& by) const {
    expect_established();
    EXPECT_EQ(client_->info().verification, Verification::pinned);
    EXPECT_THAT(client_->info().verified_by, by);
    EXPECT_THAT(client_->info().faults, IsEmpty());
  }
  static CertificateRequest authority_request(const char* name) {
    CertificateRequest request = good_request();
    request.common_name = name;
    request.dns_names.clear();
    return request;
  }
  static IssuedCertificate with(const IssuedCertificate& leaf, const std::string& others) {
    return {leaf.certificate_pem + others, leaf.key_pem};
  }
};

// --- the peer's own key ---

TEST_P(PinTest, OfThePeersOwnKeyNeedsNothingElse) {
  CertificateRequest odd = good_request();
  odd.dns_names.clear();  // common name only
  odd.not_before = now() - 3 * kDay;
  odd.not_after = now() - 2 * kDay;
  for (const KeyKind key : {KeyKind::ec_p256, KeyKind::rsa_2048}) {
    odd.key = key;
    const IssuedCertificate shown = must(foreign_root().issue(odd));
    const std::string pin = pin_of(shown);
    connect_pinning({pin}, shown);
    expect_pinned("pin " + pin);
    EXPECT_FALSE(client_->info().is_bound_by_dates);
  }
}

TEST_P(PinTest, OneOfSeveralIsEnough) {
  const std::string pin = pin_of(good_certificate());
  connect_pinning({kOtherPin, pin}, good_certificate());
  expect_pinned("pin " + pin);
}

TEST_P(PinTest, MismatchTellsThePinToWriteDown) {
  connect_pinning({kOtherPin}, good_certificate());
  expect_refused("certificate has another key than those that are pinned: its own is " +
                 pin_of(good_certificate()));
  ASSERT_EQ(client_->info().faults.size(), 1U);
  EXPECT_EQ(client_->info().faults.front().rule, IdentityFault::Rule::pin);
}

TEST_P(PinTest, CertificateWithoutItsKeyIsWorthNothing) {
  // Whoever shows the pinned certificate cannot sign the handshake with another key; our own server
  // would not even try.
  ServerOptions options;
  options.certificate_pem = good_certificate().certificate_pem;
  options.key_pem = must(foreign_root().issue(good_request())).key_pem;
  EXPECT_FALSE(make_server_context(options));
}

// --- the key of an authority ---

TEST_P(PinTest, OfTheIssuingAuthorityNeedsAChainToIt) {
  const auto issuer = must(foreign_root().issue_authority(authority_request("Pinned CA")));
  const IssuedCertificate leaf = must(issuer->issue(good_request()));
  const std::string pin = pin_of(*issuer);
  connect_pinning({pin}, with(leaf, issuer->certificate_pem()));
  expect_pinned("pin " + pin + " of its issuer CN=Pinned CA");
  EXPECT_TRUE(client_->info().is_bound_by_dates);
  // With what is above it sent along, too; and in the wrong order.
  connect_pinning({pin}, with(leaf, foreign_root().certificate_pem() + issuer->certificate_pem()));
  expect_pinned(StartsWith("pin " + pin));
}

TEST_P(PinTest, OfAnAuthorityFurtherUpCountsToo) {
  const auto upper = must(foreign_root().issue_authority(authority_request("Upper CA")));
  const auto lower = must(upper->issue_authority(authority_request("Lower CA")));
  const IssuedCertificate leaf = must(lower->issue(good_request()));
  connect_pinning({pin_of(*upper)},
                  with(leaf, lower->certificate_pem() + upper->certificate_pem()));
  expect_pinned(HasSubstr("CN=Upper CA"));
  // A gap in between is none that can be leapt over.
  connect_pinning({pin_of(*upper)}, with(leaf, upper->certificate_pem()));
  expect_refused(HasSubstr("not in the list of pinned authorities"));
}

TEST_P(PinTest, PresenceOfThePinnedAuthorityProvesNothing) {
  const auto pinned = must(trusted_root().issue_authority(authority_request("Pinned CA")));
  const std::string pin = pin_of(*pinned);
  // A leaf of somebody else, with the pinned authority's certificate behind it for show.
  connect_pinning({pin},
                  with(must(foreign_root().issue(good_request())), pinned->certificate_pem()));
  expect_refused(HasSubstr("not in the list of pinned authorities"));
  // An authority that goes by the same name but has another key.
  const auto namesake = must(foreign_root().issue_authority(authority_request("Pinned CA")));
  const IssuedCertificate forged = must(namesake->issue(good_request()));
  connect_pinning({pin}, with(forged, pinned->certificate_pem()));
  expect_refused(HasSubstr("not in the list of pinned authorities"));
  connect_pinning({pin}, with(forged, namesake->certificate_pem() + pinned->certificate_pem()));
  expect_refused(HasSubstr("not in the list of pinned authorities"));
}

TEST_P(PinTest, OfAnotherLeafThatIsSentAlongIsNoAuthority) {
  const IssuedCertificate& other = good_certificate();
  connect_pinning({pin_of(other)},
                  with(must(foreign_root().issue(good_request())), other.certificate_pem));
  expect_refused(HasSubstr("another key than those that are pinned"));
}

TEST_P(PinTest, OfAnAuthorityDemandsNameAndDates) {
  const auto issuer = must(foreign_root().issue_authority(authority_request("Pinned CA")));
  const std::string pin = pin_of(*issuer);
  CertificateRequest request = good_request();
  request.dns_names = {"other.u.test"};
  connect_pinning({pin}, with(must(issuer->issue(request)), issuer->certificate_pem()));
  expect_refused("certificate is for other.u.test, not for mail.u.test");
  request = good_request();
  request.not_before = now() - 3 * kDay;
  request.not_after = now() - 2 * kDay;
  connect_pinning({pin}, with(must(issuer->issue(request)), issuer->certificate_pem()));
  expect_refused(StartsWith("certificate expired on "));
}

TEST_P(PinTest, OfAnExpiredAuthorityIsRefused) {
  CertificateRequest request = authority_request("Old CA");
  request.not_before = now() - 3 * kDay;
  request.not_after = now() - 2 * kDay;
  const auto issuer = must(foreign_root().issue_authority(request));
  connect_pinning({pin_of(*issuer)},
                  with(must(issuer->issue(good_request())), issuer->certificate_pem()));
  expect_refused(StartsWith("issuer's certificate expired on "));
}

TEST_P(PinTest, OfAnAuthorityKeepsToItsNameConstraints) {
  CertificateRequest request = authority_request("Bounded CA");
  request.permitted_dns = {"elsewhere.test"};
  const auto issuer = must(foreign_root().issue_authority(request));
  connect_pinning({pin_of(*issuer)},
                  with(must(issuer->issue(good_request())), issuer->certificate_pem()));
  expect_refused(HasSubstr("name constraints"));
}

// --- beside verification ---

TEST_P(PinTest, BesideVerificationDemandsBoth) {
  const std::string pin = pin_of(good_certificate());
  ClientOptions options = client_options();
  options.pins = {kOtherPin, pin};
  connect(options, make_server(good_certificate(), GetParam(), GetParam()));
  expect_established();
  EXPECT_EQ(client_->info().verification, Verification::verified);
  EXPECT_THAT(client_->info().verified_by, AllOf(StartsWith("ca_file "), HasSubstr(pin)));

  options.pins = {kOtherPin};
  connect(options, make_server(good_certificate(), GetParam(), GetParam()));
  expect_refused("certificate has another key than those that are pinned: its own is " + pin);

  const IssuedCertificate foreign = must(foreign_root().issue(good_request()));
  options.pins = {pin_of(foreign)};
  connect(options, make_server(foreign, GetParam(), GetParam()));
  expect_refused(HasSubstr("not in the ca_file"));
}

TEST_P(PinTest, BesideVerificationMayBeThatOfTheRoot) {
  ClientOptions options = client_options();
  options.pins = {pin_of(trusted_root())};
  connect(options, make_server(good_certificate(), GetParam(), GetParam()));
  expect_established();
  // The pinned authority must be in the chain that was verified, not just be sent.
  options.pins = {pin_of(foreign_root())};
  connect(options, make_server(with(good_certificate(), foreign_root().certificate_pem()),
                               GetParam(), GetParam()));
  expect_refused(HasSubstr("another key than those that are pinned"));
}

// --- and resumption ---

TEST_P(PinTest, IsRememberedByAResumedSession) {
  const std::string pin = pin_of(good_certificate());
  connect_pinning({pin}, good_certificate());
  reconnect();
  expect_pinned("pin " + pin);
  EXPECT_TRUE(client_->info().is_resumed);
}

TEST_P(PinTest, IsNotMetByASessionOfAnotherPolicy) {
  ClientOptions options = client_options();
  options.level = Level::encrypt;
  connect(options, make_server(good_certificate(), GetParam(), GetParam()));
  reconnect();
  EXPECT_TRUE(client_->info().is_resumed);
  client_context_ = must(make_client_context(pinning({kOtherPin})));
  EXPECT_FALSE(client_context_->make_engine()->has_offered_session());
  reconnect();
  expect_refused(HasSubstr("another key than those that are pinned"));
}

INSTANTIATE_TEST_SUITE_P(Versions, PinTest, testing::Values(Version::tls12, Version::tls13),
                         [](const auto& tested) {
                           return tested.param == Version::tls12 ? "Tls12" : "Tls13";
                         });

TEST(PinOptions, NeedAPin) {
  ClientOptions options;
  options.level = Level::pin;
  options.verify_name = kHost;
  const auto made = make_client_context(options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().fault, base::Fault::config);
  EXPECT_EQ(made.error().detail, "tls = pin needs a pin");
  options.pins = {kOtherPin};
  EXPECT_EQ(must(make_client_context(options))->trust_source(), "1 pin");
}

}  // namespace
}  // namespace tls
