#include "tls/authority.h"

#include <set>

#include "tls/pem.h"
#include "tls/tls_fixture.h"

namespace tls {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

// What a client sees of a chain that a server with it presents.
class AuthorityTest : public TlsTest {
 protected:
  const std::vector<CertificateFacts>& chain_of(const IssuedCertificate& identity) {
    ClientOptions options = client_options();
    options.level = Level::encrypt;
    connect(options, make_server(identity));
    expect_established();
    return client_->info().chain;
  }
};

TEST_F(AuthorityTest, IssuesWhatWasAskedFor) {
  CertificateRequest request = good_request();
  request.common_name = "odd, O=\"name\"+#";
  request.dns_names = {kHost, "*.u.test"};
  request.ip_addresses = {"127.0.0.1", "::1"};
  const auto& chain = chain_of(must(trusted_root().issue(request)));
  ASSERT_EQ(chain.size(), 1U);
  const CertificateFacts& leaf = chain.front();
  EXPECT_EQ(leaf.subject, "CN=odd\\, O\\=\\\"name\\\"\\+#");
  EXPECT_EQ(leaf.issuer, "CN=Trusted Root");
  EXPECT_EQ(leaf.key, "EC secp256r1");
  EXPECT_THAT(leaf.names, ElementsAre(kHost, "*.u.test", "127.0.0.1", "::1"));
  EXPECT_EQ(std::chrono::floor<std::chrono::seconds>(request.not_after), leaf.not_after);
  EXPECT_EQ(std::chrono::floor<std::chrono::seconds>(request.not_before), leaf.not_before);
  EXPECT_THAT(leaf.pin, StartsWith("sha256//"));
  EXPECT_EQ(leaf.pin.size(), 8U + 44U);
}

TEST_F(AuthorityTest, MakesRsaKeysOnRequest) {
  EXPECT_EQ(chain_of(rsa_certificate()).front().key, "RSA 2048");
}

TEST_F(AuthorityTest, KeepsOddNamesOctetByOctet) {
  CertificateRequest request = good_request();
  request.dns_names = {std::string("a\0b", 3), "", std::string(300, 'x')};
  const auto& names = chain_of(must(trusted_root().issue(request))).front().names;
  EXPECT_THAT(names, ElementsAre("a?b", "", std::string(300, 'x')));
}

TEST_F(AuthorityTest, GivesEveryCertificateAKeyOfItsOwn) {
  std::set<std::string> pins;
  for (int i = 0; i < 3; ++i) {
    pins.insert(chain_of(must(trusted_root().issue(good_request()))).front().pin);
  }
  EXPECT_EQ(pins.size(), 3U);
}

TEST_F(AuthorityTest, IssuesIntermediatesThatIssue) {
  CertificateRequest request = good_request();
  request.common_name = "Intermediate";
  const auto intermediate = must(trusted_root().issue_authority(request));
  IssuedCertificate leaf = must(intermediate->issue(good_request()));
  leaf.certificate_pem += intermediate->certificate_pem();
  connect_to(leaf);
  expect_established();
  ASSERT_EQ(client_->info().chain.size(), 2U);
  EXPECT_EQ(client_->info().chain[0].issuer, "CN=Intermediate");
  EXPECT_EQ(client_->info().chain[1].issuer, "CN=Trusted Root");
}

TEST_F(AuthorityTest, RefusesAnAddressThatIsNone) {
  CertificateRequest request = good_request();
  request.ip_addresses = {"mail.u.test"};
  EXPECT_FALSE(trusted_root().issue(request));
}

TEST(Authority, IsSelfSigned) {
  const auto blocks = split_pem(trusted_root().certificate_pem());
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(blocks.front().label, "CERTIFICATE");
  EXPECT_TRUE(blocks.front().der);
}

TEST(Authority, DrawsSerialNumbersAtRandom) {
  // The serial number is the first INTEGER of 16 octets.
  const auto serial_of = [](const IssuedCertificate& issued) {
    const std::string der = *split_pem(issued.certificate_pem).front().der;
    return der.substr(der.find("\x02\x10") + 2, 16);
  };
  std::set<std::string> serials;
  for (int i = 0; i < 8; ++i) serials.insert(serial_of(must(trusted_root().issue(good_request()))));
  EXPECT_EQ(serials.size(), 8U);
}

}  // namespace
}  // namespace tls
