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

constexpr std::string_view kMailProtection("\x2b\x06\x01\x05\x05\x07\x03\x04", 8);
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

TEST_P(ChainTest, DoesNotAskForPurposesWhereNothingIsVerified) {
  level_ = Level::may;
  connect_through(purposes({kMailProtection}));
  expect_established();
}

}  // namespace
}  // namespace tls
