// Chains as a client meets them in a handshake: what authorities between the anchor and the leaf
// may certify, and what nobody understands.
#include "tls/der.h"
#include "tls/extensions.h"
#include "tls/tls_fixture.h"

namespace tls {
namespace {

using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::string_view kMailProtection("\x2b\x06\x01\x05\x05\x07\x03\x04", 8);
constexpr std::string_view kPolicyOfTests("\x2a\x03\x04", 3);  // 1.2.3.4
constexpr std::string_view kAnyPurpose("\x55\x1d\x25\x00", 4);

RawExtension purposes(const std::vector<std::string_view>& all) {
  std::string value;
  for (const std::string_view one : all) value += write_element(kDerObjectId, one);
  return {std::string(kExtendedKeyUsage), write_element(kDerSequence, value)};
}

CertificateRequest authority_request(std::string name, std::vector<RawExtension> extensions) {
  CertificateRequest request = good_request();
  request.common_name = std::move(name);
  request.dns_names.clear();
  request.extensions = std::move(extensions);
  return request;
}

constexpr std::string_view kPolicyConstraints("\x55\x1d\x24", 3);  // 2.5.29.36
constexpr unsigned char kPermitted = 0xa0;
constexpr unsigned char kExcluded = 0xa1;

// Critical, as RFC 5280 4.2.1.10 wants them.
RawExtension constraints(unsigned char kind, unsigned char tag, std::string_view base) {
  const std::string subtree = write_element(kDerSequence, write_element(tag, base));
  return {std::string(kNameConstraints), write_element(kDerSequence, write_element(kind, subtree)),
          true};
}

// requireExplicitPolicy: 0.
RawExtension policy_constraints(bool is_critical) {
  return {std::string(kPolicyConstraints), std::string("\x30\x03\x80\x01\x00", 5), is_critical};
}

class ChainTest : public TlsTest, public testing::WithParamInterface<Version> {
 protected:
  // Presents a leaf, the authority that issued it and perhaps the one that issued that.
  void connect_to_chain(Authority& issuer, const std::string& above = "",
                        const CertificateRequest& leaf = good_request()) {
    IssuedCertificate identity = must(issuer.issue(leaf));
    identity.certificate_pem += issuer.certificate_pem() + above;
    ClientOptions options = client_options();
    options.level = level_;
    options.verify_name = asked_name_;
    connect(options, make_server(identity, GetParam(), GetParam()));
  }
  void connect_through(const RawExtension& extension,
                       const CertificateRequest& leaf = good_request()) {
    const auto between =
        must(trusted_root().issue_authority(authority_request("Between", {extension})));
    connect_to_chain(*between, "", leaf);
  }

  Level level_ = Level::verify;
  std::string asked_name_ = kHost;
};

// Under TLS 1.2 the certificate travels in clear and can be spoilt on its way.
class UnreadableCertificate : public TlsTest {
 protected:
  void connect_with_broken_names(const ClientOptions& options) {
    client_context_ = must(make_client_context(options));
    server_context_ = make_server(good_certificate(), Version::tls12, Version::tls12);
    client_ = client_context_->make_engine();
    server_ = server_context_->make_engine();
    client_->start();
    server_->receive(take_output(*client_));
    std::string flight = take_output(*server_);
    const std::size_t at = flight.find(write_element(kDnsNameTag, kHost));
    ASSERT_NE(at, std::string::npos);
    flight[at] = static_cast<char>(kDerBoolean);  // no kind of name
    client_->receive(flight);
  }
};

INSTANTIATE_TEST_SUITE_P(Tls, ChainTest, testing::Values(Version::tls12, Version::tls13),
                         [](const auto& tested) {
                           return tested.param == Version::tls12 ? "Tls12" : "Tls13";
                         });

TEST_P(ChainTest, NeedsIssuersThatAreMeantForTlsServers) {
  for (const std::string_view purpose : {kMailProtection, kClientAuth}) {
    connect_through(purposes({purpose}));
    expect_refused(
        Eq("issuer's certificate is not meant for TLS servers (its extended key usage "
           "lacks serverAuth): CN=Between"));
    ASSERT_EQ(client_->info().faults.size(), 1U);
    EXPECT_FALSE(client_->info().faults[0].is_leaf);
  }
}

TEST_P(ChainTest, NeedsThemOnEveryFloor) {
  const auto upper = must(
      trusted_root().issue_authority(authority_request("Upper", {purposes({kMailProtection})})));
  const auto lower =
      must(upper->issue_authority(authority_request("Lower", {purposes({kServerAuth})})));
  connect_to_chain(*lower, upper->certificate_pem());
  expect_refused(HasSubstr("lacks serverAuth): CN=Upper"));
}

TEST_P(ChainTest, TakesIssuersMeantForTlsServersAmongOthers) {
  for (const auto& extension : {purposes({kServerAuth}), purposes({kClientAuth, kServerAuth}),
                                purposes({kMailProtection, kAnyPurpose})}) {
    connect_through(extension);
    expect_established();
    EXPECT_THAT(client_->info().faults, IsEmpty());
  }
}

// RFC 5280 6.1: an anchor is a name and a key; what else its certificate says was for others.
TEST_P(ChainTest, TakesTheAnchorAsItIs) {
  const auto anchor = must(
      trusted_root().issue_authority(authority_request("Anchor", {purposes({kMailProtection})})));
  folder_.write("trusted.pem", anchor->certificate_pem());
  connect_to_chain(*anchor);
  expect_established();
}

TEST_P(ChainTest, HoldsTheAnchorToItsNameConstraints) {
  const auto anchor = must(trusted_root().issue_authority(
      authority_request("Anchor", {constraints(kPermitted, kDnsNameTag, "example.com")})));
  folder_.write("trusted.pem", anchor->certificate_pem());
  connect_to_chain(*anchor);
  expect_refused(HasSubstr("may not certify (name constraints)"));
}

TEST_P(ChainTest, NeedsAnAnchorThatIsUnderstood) {
  const auto anchor =
      must(trusted_root().issue_authority(authority_request("Anchor", {policy_constraints(true)})));
  folder_.write("trusted.pem", anchor->certificate_pem());
  const auto made = make_client_context(client_options());
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().detail, HasSubstr("certificate cannot be read"));
}

TEST_P(ChainTest, MayHoldCriticalNameConstraints) {
  connect_through(constraints(kPermitted, kDnsNameTag, "u.test"));
  expect_established();
  EXPECT_EQ(client_->info().verification, Verification::verified);
  EXPECT_THAT(client_->info().faults, IsEmpty());
  EXPECT_EQ(client_->info().chain.size(), 2U);
}

TEST_P(ChainTest, HoldsIssuersToTheDnsNamesTheyMayCertify) {
  connect_through(constraints(kPermitted, kDnsNameTag, "example.com"));
  expect_refused(HasSubstr("may not certify (name constraints)"));
  connect_through(constraints(kExcluded, kDnsNameTag, kHost));
  expect_refused(HasSubstr("may not certify (name constraints)"));
}

// As private authorities have them, critical: every certificate has a subject.
TEST_P(ChainTest, LetsSubjectsBeWhatIssuersMayNotCertify) {
  connect_through(constraints(kPermitted, kDirectoryNameTag, write_element(kDerSequence, "")));
  expect_established();
  connect_through(constraints(kExcluded, kDirectoryNameTag, write_element(kDerSequence, "")));
  expect_established();
}

TEST_P(ChainTest, IsRefusedForAlternativeNamesThatAreConstrainedAndNotCompared) {
  CertificateRequest leaf = good_request();
  leaf.dns_names.clear();
  leaf.extensions = {
      {std::string(kSubjectAltName),
       write_element(kDerSequence, write_element(kDnsNameTag, kHost) +
                                       write_element(kMailAddressTag, "postmaster@u.test")),
       false}};
  connect_through(constraints(kPermitted, kUriTag, ".u.test"), leaf);
  expect_established();
  RawExtension of_addresses = constraints(kPermitted, kMailAddressTag, "u.test");
  connect_through(of_addresses, leaf);
  expect_refused(HasSubstr("may not certify (name constraints)"));
  of_addresses.is_critical = false;
  connect_through(of_addresses, leaf);
  expect_established();
}

TEST_P(ChainTest, HoldsIssuersToTheAddressesTheyMayCertify) {
  CertificateRequest leaf = good_request();
  leaf.ip_addresses = {"127.0.0.1"};
  asked_name_ = "127.0.0.1";
  connect_through(
      constraints(kPermitted, kIpAddressTag, std::string_view("\x7f\0\0\0\xff\0\0\0", 8)), leaf);
  expect_established();
  connect_through(
      constraints(kPermitted, kIpAddressTag, std::string_view("\x0a\0\0\0\xff\0\0\0", 8)), leaf);
  expect_refused(HasSubstr("may not certify (name constraints)"));
}

// The constraint of the upper one binds what the lower one issues.
TEST_P(ChainTest, HoldsToConstraintsFromEveryFloor) {
  const auto upper = must(trusted_root().issue_authority(
      authority_request("Upper", {constraints(kPermitted, kDnsNameTag, "example.com")})));
  const auto lower = must(upper->issue_authority(
      authority_request("Lower", {constraints(kPermitted, kDnsNameTag, "u.test")})));
  connect_to_chain(*lower, upper->certificate_pem());
  expect_refused(HasSubstr("name constraints"));
}

TEST_P(ChainTest, IsRefusedForCriticalConstraintsThatCannotBeRead) {
  connect_through({std::string(kNameConstraints), "x", true});
  expect_refused(HasSubstr("name constraints"));
}

TEST_P(ChainTest, IsRefusedForWhatIsCriticalAndNotUnderstood) {
  connect_through(policy_constraints(true));
  expect_refused(
      Eq("issuer's certificate has a critical extension that is not understood: "
         "2.5.29.36 (CN=Between)"));
  CertificateRequest leaf = good_request();
  leaf.extensions = {policy_constraints(true)};
  connect_to_chain(trusted_root(), "", leaf);
  expect_refused(Eq("certificate has a critical extension that is not understood: 2.5.29.36"));
}

TEST_P(ChainTest, PassesOverWhatIsNotCriticalAndNotUnderstood) {
  connect_through(policy_constraints(false));
  expect_established();
}

// RFC 5280 6.1: where no policy is required, none is missed.
TEST_P(ChainTest, MayHoldCriticalPolicies) {
  const std::string one = write_element(kDerSequence, write_element(kDerObjectId, kPolicyOfTests));
  connect_through({std::string(kCertificatePolicies), write_element(kDerSequence, one), true});
  expect_established();
  connect_through({std::string(kInhibitAnyPolicy), std::string("\x02\x01\x00", 3), true});
  expect_established();
}

// "may" and "encrypt" never fail over certificates.
TEST_P(ChainTest, IsNoObstacleWhereNothingIsVerified) {
  for (const Level level : {Level::may, Level::encrypt}) {
    level_ = level;
    for (const RawExtension& extension :
         {constraints(kPermitted, kDnsNameTag, "example.com"), policy_constraints(true),
          RawExtension{std::string(kNameConstraints), "x", true}}) {
      CertificateRequest leaf = good_request();
      leaf.extensions = {extension};
      connect_through(extension, leaf);
      expect_established();
      EXPECT_EQ(client_->info().verification, Verification::unverified);
    }
  }
}

TEST_F(UnreadableCertificate, IsNamedAtEveryLevel) {
  for (const Level level : {Level::may, Level::encrypt, Level::verify}) {
    ClientOptions options = client_options();
    options.level = level;
    connect_with_broken_names(options);
    EXPECT_EQ(client_->state(), State::failed);
    EXPECT_EQ(client_->error().fault, base::Fault::tls);
    EXPECT_THAT(client_->error().detail,
                StartsWith("smarthost sent a certificate that cannot be read: X509 - "));
  }
}

// What it does have is said, and what it lacks is not made up.
TEST_P(ChainTest, IsDescribedByTheNamesThatItsLeafHolds) {
  CertificateRequest leaf = good_request();
  leaf.dns_names.clear();
  leaf.extensions = {{std::string(kSubjectAltName),
                      write_element(kDerSequence, write_element(kUriTag, "smtp://mail.u.test") +
                                                      write_element(kMailAddressTag, "a@u.test"))}};
  connect_to_chain(trusted_root(), "", leaf);
  expect_refused(
      StartsWith("certificate names no host (its subjectAltName holds other kinds of "
                 "names only: URI, mail address; its subject CN=the smarthost"));
  leaf.extensions.clear();
  leaf.dns_names = {"127.0.0.1"};
  asked_name_ = "127.0.0.1";
  connect_to_chain(trusted_root(), "", leaf);
  expect_refused(HasSubstr("names 127.0.0.1 as a DNS name, not as an IP address"));
}

TEST_P(ChainTest, DoesNotAskForPurposesWhereNothingIsVerified) {
  level_ = Level::may;
  connect_through(purposes({kMailProtection}));
  expect_established();
}

}  // namespace
}  // namespace tls
