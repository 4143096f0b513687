// What is offered to peers and taken from them: the octets of a ClientHello (RFC 8446 4.1.2), which
// RFC 9325 and nobody's default decides.
#include <map>

#include "tls/tls_fixture.h"

namespace tls {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

// What a ClientHello offers (RFC 8446 4.1.2).
class Hello {
 public:
  explicit Hello(const std::string& record) : octets_(record) {
    at_ = 5 + 4 + 2 + 32;  // record and handshake header, version, random
    take(number(1));       // session id
    const std::string suites = take(number(2));
    for (std::size_t i = 0; i + 1 < suites.size(); i += 2) {
      ciphers.push_back(static_cast<unsigned char>(suites[i]) * 256U +
                        static_cast<unsigned char>(suites[i + 1]));
    }
    compression = take(number(1));
    number(2);
    while (at_ < octets_.size()) {
      const std::size_t type = number(2);
      extensions[type] = take(number(2));
    }
  }
  std::vector<std::size_t> ciphers;
  std::string compression;
  std::map<std::size_t, std::string> extensions;

 private:
  std::size_t number(std::size_t size) {
    std::size_t value = 0;
    for (const char c : take(size)) value = value * 256 + static_cast<unsigned char>(c);
    return value;
  }
  std::string take(std::size_t size) {
    at_ += size;
    return octets_.substr(at_ - size, size);
  }

  std::string octets_;
  std::size_t at_ = 0;
};

class HelloTest : public TlsTest {
 protected:
  Hello hello_of(const ClientOptions& options) {
    client_context_ = must(make_client_context(options));
    client_ = client_context_->make_engine();
    client_->start();
    return Hello(take_output(*client_));
  }
  // A server gets our hello with these cipher suites in place of as many at its beginning.
  void send_with_suites(std::vector<std::size_t> suites) {
    client_context_ = must(make_client_context(client_options()));
    client_ = client_context_->make_engine();
    client_->start();
    std::string hello = take_output(*client_);
    const std::size_t offered = Hello(hello).ciphers.size();
    suites.resize(offered, suites.front());
    constexpr std::size_t kSuites = 5 + 4 + 2 + 32 + 1 + 32 + 2;  // a session id of 32 octets
    ASSERT_EQ(hello[5 + 4 + 2 + 32], 32);
    for (std::size_t i = 0; i < offered; ++i) {
      hello[kSuites + 2 * i] = static_cast<char>(suites[i] >> 8U);
      hello[kSuites + 2 * i + 1] = static_cast<char>(suites[i] & 0xffU);
    }
    server_context_ = make_server(rsa_certificate());
    server_ = server_context_->make_engine();
    server_->receive(hello);
  }
};

TEST_F(HelloTest, OffersForwardSecrecyAndAuthenticatedEncryptionOnly) {
  const Hello hello = hello_of(client_options());
  EXPECT_THAT(hello.ciphers, testing::UnorderedElementsAre(0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c,
                                                           0xc02f, 0xc030, 0xcca8, 0xcca9, 0x00ff));
  EXPECT_THAT(hello.ciphers.front(), testing::AnyOf(0x1301, 0x1303));
  // x25519, secp256r1, secp384r1, secp521r1
  EXPECT_EQ(hello.extensions.at(10), std::string("\0\x08\0\x1d\0\x17\0\x18\0\x19", 10));
}

TEST_F(HelloTest, OffersNoSha1) {
  const Hello hello = hello_of(client_options());
  const std::string& algorithms = hello.extensions.at(13);
  ASSERT_EQ(algorithms.size(), 2U + 9U * 2U);
  for (std::size_t i = 2; i < algorithms.size(); i += 2) {
    EXPECT_GE(algorithms[i], 4) << "rsa_pkcs1_sha1 and ecdsa_sha1 are 0x0201 and 0x0203";
  }
}

TEST_F(HelloTest, OffersNoEarlyDataNorApplicationProtocol) {
  const Hello hello = hello_of(client_options());
  EXPECT_FALSE(hello.extensions.contains(16));  // ALPN
  EXPECT_FALSE(hello.extensions.contains(41));  // pre_shared_key: nothing to resume yet
  EXPECT_FALSE(hello.extensions.contains(42));  // early_data
}

// CERT-27, CERT-28 (RFC 6066 3).
TEST_F(HelloTest, AsksForTheNameAndNeverForAnAddress) {
  for (const auto& [name, asked] : std::map<std::string, std::string>{
           {"MAIL.U.test.", "mail.u.test"}, {"127.0.0.1", ""}, {"::1", ""}}) {
    for (const Level level : {Level::may, Level::encrypt, Level::verify}) {
      ClientOptions options = client_options();
      options.verify_name = name;
      options.level = level;
      connect(options, make_server(good_certificate()));
      EXPECT_EQ(server_->info().server_name, asked) << name;
      client_ = client_context_->make_engine();
      client_->start();
      EXPECT_EQ(Hello(take_output(*client_)).extensions.contains(0), !asked.empty()) << name;
    }
  }
}

// TLS-28.
TEST_F(HelloTest, NeverSaysTheSameHelloTwice) {
  client_context_ = must(make_client_context(client_options()));
  const auto first = client_context_->make_engine();
  const auto second = client_context_->make_engine();
  first->start();
  second->start();
  const std::string one = take_output(*first);
  const std::string other = take_output(*second);
  EXPECT_NE(one.substr(11, 32), other.substr(11, 32));
  // Nor with the same key share (RFC 9325 7.4).
  EXPECT_NE(Hello(one).extensions.at(51), Hello(other).extensions.at(51));
}

// --- versions

TEST_F(HelloTest, OffersTwoVersionsAndNothingOlder) {
  const Hello hello = hello_of(client_options());
  EXPECT_EQ(hello.extensions.at(43), std::string("\x04\x03\x04\x03\x03", 5));  // 1.3, 1.2
}

TEST_F(HelloTest, OffersNothingButTls13WhereThatIsTheLeast) {
  ClientOptions options = client_options();
  options.min_version = Version::tls13;
  const Hello hello = hello_of(options);
  EXPECT_EQ(hello.extensions.at(43), std::string("\x02\x03\x04", 3));
  EXPECT_THAT(hello.ciphers, UnorderedElementsAre(0x1301, 0x1302, 0x1303, 0x00ff));
}

// --- RFC 9325 3.3, 3.5, 3.7, 3.9

TEST_F(HelloTest, OffersNoCompression) {
  EXPECT_EQ(hello_of(client_options()).compression, std::string(1, '\0'));
}

TEST_F(HelloTest, OffersNoRenegotiationAndSaysSo) {
  // The suite that stands for an empty renegotiation_info (RFC 5746 3.3).
  EXPECT_THAT(hello_of(client_options()).ciphers, testing::Contains(0x00ff));
}

TEST_F(HelloTest, OffersResumptionWithAFreshKeyExchangeOnly) {
  // psk_dhe_ke
  EXPECT_EQ(hello_of(client_options()).extensions.at(45), std::string("\x01\x01", 2));
}

TEST_F(HelloTest, OffersTheExtendedMasterSecret) {
  EXPECT_TRUE(hello_of(client_options()).extensions.contains(23));
}

TEST_F(HelloTest, OffersNoExtensionThatIsNotKnownHere) {
  std::vector<std::size_t> offered;
  const Hello hello = hello_of(client_options());
  for (const auto& [type, value] : hello.extensions) offered.push_back(type);
  EXPECT_THAT(offered, ElementsAre(0,     // server_name
                                   10,    // supported_groups
                                   11,    // ec_point_formats
                                   13,    // signature_algorithms
                                   23,    // extended_master_secret
                                   35,    // session_ticket
                                   43,    // supported_versions
                                   45,    // psk_key_exchange_modes
                                   51));  // key_share
}

TEST_F(HelloTest, OffersOneKeyShareOfTheFastestGroup) {
  const Hello hello = hello_of(client_options());
  const std::string& share = hello.extensions.at(51);
  ASSERT_EQ(share.size(), 2U + 4U + 32U);
  EXPECT_EQ(share.substr(2, 4), std::string("\0\x1d\0\x20", 4));
}

// --- and a server takes nothing else

TEST_F(HelloTest, WithoutAuthenticatedEncryptionIsRefused) {
  // AES_128_CBC_SHA with static RSA, ECDHE_RSA and ECDHE_ECDSA; static RSA with GCM; DHE; 3DES;
  // RC4.
  for (const std::size_t suite : {0x002f, 0xc013, 0xc009, 0x009c, 0x009e, 0x000a, 0x0005}) {
    send_with_suites({suite});
    EXPECT_EQ(server_->state(), State::failed) << suite;
    EXPECT_EQ(server_->error().fault, base::Fault::tls);
  }
  // The same way, one that we have: it is not the way that fails.
  send_with_suites({0x1301});
  EXPECT_EQ(server_->state(), State::handshaking) << server_->error().detail;
}

}  // namespace
}  // namespace tls
