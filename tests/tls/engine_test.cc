// The engine as a protocol machine: handshakes, data, ends, between our own two sides.
#include <algorithm>
#include <array>
#include <random>

#include <mbedtls/psa_util.h>

#include "tls/mbedtls_library.h"
#include "tls/tls_fixture.h"

namespace tls {
namespace {

using base::Fault;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string noise(std::size_t size) {
  std::mt19937 random(static_cast<unsigned>(size));
  std::string text(size, '\0');
  std::generate(text.begin(), text.end(), [&] { return static_cast<char>(random()); });
  return text;
}

class EngineTest : public TlsTest {
 protected:
  // Says something in both directions and checks that it arrives.
  void expect_conversation(std::size_t size, std::size_t piece = 0) {
    const std::string question = noise(size);
    const std::string answer = noise(size + 1);
    client_->send(question);
    server_->send(answer);
    shuttle(*client_, *server_, piece);
    EXPECT_TRUE(take_plaintext(*server_) == question) << size;
    EXPECT_TRUE(take_plaintext(*client_) == answer) << size;
  }
};

// RFC 6979: a bad random number tells nobody our key.
TEST(Signatures, OfEcdsaAreDeterministic) {
  mbed::Key key;
  ASSERT_EQ(mbed::parse_key(key.raw, good_certificate().key_pem), 0);
  const std::array<unsigned char, 32> hash = {7};
  const auto sign = [&] {
    std::array<unsigned char, 128> signature{};
    std::size_t size = 0;
#if MBEDTLS_VERSION_MAJOR < 4
    const int code =
        mbedtls_pk_sign(&key.raw, MBEDTLS_MD_SHA256, hash.data(), hash.size(), signature.data(),
                        signature.size(), &size, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
#else
    const int code = mbedtls_pk_sign(&key.raw, MBEDTLS_MD_SHA256, hash.data(), hash.size(),
                                     signature.data(), signature.size(), &size);
#endif
    EXPECT_EQ(code, 0);
    return std::string(signature.begin(), signature.begin() + static_cast<std::ptrdiff_t>(size));
  };
  const std::string first = sign();
  EXPECT_GT(first.size(), 60U);
  EXPECT_EQ(sign(), first);
}

struct Peer {
  Version version;
  bool is_rsa;
  const char* name;
  const char* cipher;
};

class EveryPeer : public EngineTest, public testing::WithParamInterface<Peer> {
 protected:
  [[nodiscard]] std::unique_ptr<ServerContext> make_peer() const {
    const Peer& peer = GetParam();
    return make_server(peer.is_rsa ? rsa_certificate() : good_certificate(), peer.version,
                       peer.version);
  }
};

// TLS-02, TLS-03.
TEST_P(EveryPeer, ShakesHandsAndTalks) {
  connect(client_options(), make_peer());
  expect_established();
  const SessionInfo& info = client_->info();
  EXPECT_EQ(info.version, GetParam().name);
  EXPECT_THAT(info.cipher, StartsWith(GetParam().cipher));
  EXPECT_THAT(info.cipher, testing::AnyOf(HasSubstr("AES_128_GCM_SHA256"),
                                          HasSubstr("CHACHA20_POLY1305_SHA256")));
  EXPECT_EQ(info.group, "X25519");
  EXPECT_TRUE(info.is_bound_by_dates);
  EXPECT_EQ(server_->info().group, "X25519");
  EXPECT_EQ(info.verification, Verification::verified);
  EXPECT_EQ(info.verified_by, "ca_file " + ca_file_ + " (1 certificate)");
  EXPECT_EQ(info.server_name, kHost);
  EXPECT_THAT(info.faults, IsEmpty());
  EXPECT_EQ(info.chain.size(), 1U);
  EXPECT_FALSE(info.is_resumed);
  for (const std::size_t size : {0U, 1U, 100U, 16383U, 16384U, 16385U, 50000U}) {
    expect_conversation(size);
  }
}

TEST_P(EveryPeer, GetsTheSamePlaintextOctetByOctet) {
  client_context_ = must(make_client_context(client_options()));
  server_context_ = make_peer();
  client_ = client_context_->make_engine();
  server_ = server_context_->make_engine();
  client_->start();
  shuttle(*client_, *server_, 1);
  expect_established();
  expect_conversation(20000, 1);
  client_->close();
  shuttle(*client_, *server_, 1);
  EXPECT_EQ(server_->state(), State::closed);
}

TEST_P(EveryPeer, CarriesMegabytesBothWays) {
  connect(client_options(), make_peer());
  expect_conversation(1 << 20);
  expect_conversation(1 << 20, 1461);
}

TEST_P(EveryPeer, IsResumedFromTheSecondConnectionOn) {
  connect(client_options(), make_peer());
  EXPECT_FALSE(client_->info().is_resumed);
  for (int i = 0; i < 3; ++i) {
    reconnect();
    expect_established();
    EXPECT_TRUE(client_->info().is_resumed);
    // TLS 1.2 makes the keys of a resumed session from the old ones; TLS 1.3 exchanges new ones.
    EXPECT_EQ(client_->info().group, GetParam().version == Version::tls12 ? "" : "X25519");
  }
}

// TLS-15: P2 hangs on telling these apart.
TEST_P(EveryPeer, TellsTruncationFromTheEnd) {
  connect(client_options(), make_peer());
  server_->send("250 2.0.0 que");
  client_->receive(take_output(*server_));
  EXPECT_EQ(take_plaintext(*client_), "250 2.0.0 que");
  client_->receive_eof();
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_EQ(client_->error().fault, Fault::connection);
  EXPECT_EQ(client_->error().detail, "smarthost cut the connection without ending TLS");

  reconnect();
  server_->send("250 2.0.0 queued\r\n");
  server_->close();
  client_->receive(take_output(*server_));
  EXPECT_EQ(client_->state(), State::closed);
  EXPECT_EQ(take_plaintext(*client_), "250 2.0.0 queued\r\n");
  client_->receive_eof();
  EXPECT_EQ(client_->state(), State::closed);
}

TEST_P(EveryPeer, FailsWhenCutInsideARecord) {
  connect(client_options(), make_peer());
  server_->send("250 ok\r\n");
  std::string record = take_output(*server_);
  record.pop_back();
  client_->receive(record);
  EXPECT_THAT(take_plaintext(*client_), IsEmpty());
  EXPECT_EQ(client_->state(), State::established);
  client_->receive_eof();
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_EQ(client_->error().fault, Fault::connection);
}

// STLS-25: plaintext after TLS has ended is nobody's.
TEST_P(EveryPeer, IgnoresEverythingAfterTheEnd) {
  connect(client_options(), make_peer());
  server_->send("250-a\r\n");
  server_->close();
  client_->receive(take_output(*server_) + "250 injected\r\n");
  EXPECT_EQ(client_->state(), State::closed);
  EXPECT_EQ(take_plaintext(*client_), "250-a\r\n");
  client_->receive("250 injected\r\n");
  client_->send("NOOP\r\n");
  client_->close();
  EXPECT_EQ(client_->state(), State::closed);
  EXPECT_THAT(take_plaintext(*client_), IsEmpty());
  EXPECT_THAT(take_output(*client_), IsEmpty());
}

TEST_P(EveryPeer, ThatIsAServerStillAnswersAClientThatEndedItsSide) {
  connect(client_options(), make_peer());
  client_->send(".\r\n");
  client_->close();
  server_->receive(take_output(*client_));
  EXPECT_EQ(server_->state(), State::closed);
  EXPECT_EQ(take_plaintext(*server_), ".\r\n");
  server_->send("250 ok\r\n");
  EXPECT_GT(take_output(*server_).size(), 8U);
  server_->close();
  EXPECT_FALSE(take_output(*server_).empty()) << "it says that it ends, too";
  server_->send("250 no more\r\n");
  EXPECT_THAT(take_output(*server_), IsEmpty());
}

TEST_P(EveryPeer, FailsOnARecordThatWasTamperedWith) {
  connect(client_options(), make_peer());
  server_->send("250 ok\r\n");
  std::string record = take_output(*server_);
  record[record.size() / 2] = static_cast<char>(record[record.size() / 2] ^ 1);
  client_->receive(record);
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_EQ(client_->error().fault, Fault::connection);
  EXPECT_THAT(take_plaintext(*client_), IsEmpty());
}

TEST_P(EveryPeer, FailsOnARecordPlayedTwice) {
  connect(client_options(), make_peer());
  server_->send("250 ok\r\n");
  const std::string record = take_output(*server_);
  client_->receive(record);
  client_->receive(record);
  EXPECT_EQ(take_plaintext(*client_), "250 ok\r\n");
  EXPECT_EQ(client_->state(), State::failed);
}

TEST_P(EveryPeer, SaysGoodbye) {
  connect(client_options(), make_peer());
  client_->send("QUIT\r\n");
  client_->close();
  EXPECT_EQ(client_->state(), State::closed);
  shuttle(*client_, *server_);
  EXPECT_EQ(server_->state(), State::closed);
  EXPECT_EQ(take_plaintext(*server_), "QUIT\r\n");
}

TEST_P(EveryPeer, TakesTheGreetingThatComesWithTheHandshake) {
  client_context_ = must(make_client_context(client_options()));
  server_context_ = make_peer();
  client_ = client_context_->make_engine();
  server_ = server_context_->make_engine();
  client_->start();
  std::string waiting;
  for (int round = 0; round < 10 && server_->state() != State::established; ++round) {
    server_->receive(take_output(*client_));
    waiting = take_output(*server_);
    if (server_->state() == State::established) break;
    client_->receive(waiting);
    waiting.clear();
  }
  ASSERT_EQ(server_->state(), State::established);
  server_->send("220 mail.u.test\r\n");
  client_->receive(waiting + take_output(*server_));
  EXPECT_EQ(client_->state(), State::established);
  EXPECT_EQ(take_plaintext(*client_), "220 mail.u.test\r\n");
}

INSTANTIATE_TEST_SUITE_P(
    Engine, EveryPeer,
    testing::Values(Peer{Version::tls12, false, "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_"},
                    Peer{Version::tls12, true, "TLSv1.2", "TLS_ECDHE_RSA_WITH_"},
                    Peer{Version::tls13, false, "TLSv1.3", "TLS_"},
                    Peer{Version::tls13, true, "TLSv1.3", "TLS_"}),
    [](const auto& tested) {
      return std::string(tested.param.version == Version::tls12 ? "Tls12" : "Tls13") +
             (tested.param.is_rsa ? "Rsa" : "Ec");
    });

TEST_F(EngineTest, PrefersTls13) {
  connect_to(good_certificate());
  EXPECT_EQ(client_->info().version, "TLSv1.3");
  EXPECT_EQ(server_->info().version, "TLSv1.3");
}

TEST_F(EngineTest, InsistsOnTheLeastVersion) {
  ClientOptions options = client_options();
  options.min_version = Version::tls13;
  connect(options, make_server(good_certificate(), Version::tls12, Version::tls12));
  expect_refused(HasSubstr("no TLS version"));
}

TEST_F(EngineTest, IsRefusedByAServerThatInsistsOnANewerOne) {
  ClientOptions options = client_options();
  connect(options, make_server(good_certificate(), Version::tls13, Version::tls13));
  expect_established();
}

// A man in the middle who makes both believe that the other is old (RFC 8446 4.1.3), TLS-25.
TEST_F(EngineTest, NoticesADowngrade) {
  client_context_ = must(make_client_context(client_options()));
  server_context_ = make_server(good_certificate());
  client_ = client_context_->make_engine();
  server_ = server_context_->make_engine();
  client_->start();
  std::string hello = take_output(*client_);
  // supported_versions of TLS 1.3 and 1.2 becomes an extension that nobody knows.
  const std::size_t at = hello.find(std::string("\x00\x2b\x00\x05\x04\x03\x04\x03\x03", 9));
  ASSERT_NE(at, std::string::npos);
  hello[at] = '\x7f';
  server_->receive(hello);
  shuttle(*server_, *client_);
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_EQ(client_->error().fault, Fault::tls);
  EXPECT_NE(server_->state(), State::established);
}

// STLS-23.
TEST_F(EngineTest, RecognisesPlaintextSmtp) {
  for (const std::size_t piece : {1U, 3U, 100U}) {
    client_context_ = must(make_client_context(client_options()));
    client_ = client_context_->make_engine();
    client_->start();
    const std::string greeting = "220 plain.u.test ESMTP secret\r\n";
    for (std::size_t at = 0; at < greeting.size(); at += piece) {
      client_->receive(greeting.substr(at, piece));
    }
    EXPECT_EQ(client_->state(), State::failed);
    EXPECT_EQ(client_->error().fault, Fault::tls);
    EXPECT_THAT(client_->error().detail, HasSubstr("plaintext SMTP"));
    EXPECT_THAT(client_->error().detail, HasSubstr("mode = starttls"));
    EXPECT_THAT(client_->error().detail, testing::Not(HasSubstr("secret")));
  }
}

// STLS-05, STLS-11.
TEST_F(EngineTest, RefusesPlaintextInPlaceOfTheHandshake) {
  client_context_ = must(make_client_context(client_options()));
  client_ = client_context_->make_engine();
  client_->start();
  client_->receive("250 ok\r\n");
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_EQ(client_->error().detail, "smarthost sent plaintext where TLS was expected");
  client_ = client_context_->make_engine();
  client_->start();
  client_->receive("25");
  EXPECT_EQ(client_->state(), State::handshaking);
  client_->receive_eof();
  EXPECT_EQ(client_->error().detail, "smarthost sent plaintext where TLS was expected");
}

TEST_F(EngineTest, FailsWhenTheHandshakeIsCutShort) {
  client_context_ = must(make_client_context(client_options()));
  client_ = client_context_->make_engine();
  client_->start();
  client_->receive_eof();
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_EQ(client_->error().fault, Fault::tls);
  EXPECT_EQ(client_->error().detail, "smarthost closed the connection in the TLS handshake");
}

// In TLS 1.3 clients say so without encryption: OpenSSL's, and those that use this library.
TEST_F(EngineTest, ServerUnderstandsAClientThatDoesNotTrustItsCertificate) {
  connect_to(must(foreign_root().issue(good_request())));
  EXPECT_EQ(server_->state(), State::failed);
  EXPECT_EQ(server_->error().fault, Fault::tls);
  EXPECT_THAT(
      server_->error().detail,
      StartsWith("client broke the TLS handshake off with the alert unknown_ca (it does not "
                 "trust"));
}

// TLS-22: every alert there could be, at every level, before and after the handshake.
TEST_F(EngineTest, SurvivesEveryAlert) {
  constexpr int kCloseNotify = 0;
  constexpr int kNoRenegotiation = 100;  // out of place: nobody asked for it
  client_context_ = must(make_client_context(client_options()));
  for (const char level : {'\1', '\2', '\3'}) {
    for (int description = 0; description <= 255; ++description) {
      client_ = client_context_->make_engine();
      client_->start();
      const std::string alert =
          std::string("\x15\x03\x03\x00\x02", 5) + level + static_cast<char>(description);
      client_->receive(alert);
      if (level == '\2') {
        EXPECT_EQ(client_->state(), State::failed) << description;
        EXPECT_THAT(client_->error().detail, HasSubstr("with the alert "));
      } else if (level == '\1' && description != kCloseNotify && description != kNoRenegotiation) {
        EXPECT_EQ(client_->state(), State::handshaking) << description;
      }
    }
  }
}

TEST_F(EngineTest, NamesTheAlertOfThePeer) {
  client_context_ = must(make_client_context(client_options()));
  client_ = client_context_->make_engine();
  client_->start();
  client_->receive(std::string("\x15\x03\x03\x00\x02\x02\x28", 7));
  EXPECT_EQ(client_->error().fault, Fault::tls);
  EXPECT_THAT(client_->error().detail,
              StartsWith("smarthost broke the TLS handshake off with the alert handshake_failure"));
}

// TLS-19: a reply cut into records in every way.
TEST_F(EngineTest, DoesNotCareHowAReplyIsCutIntoRecords) {
  const std::string reply = "250-mail.u.test\r\n250 SIZE 1000\r\n";
  connect_to(good_certificate());
  for (std::size_t cut = 0; cut <= reply.size(); ++cut) {
    server_->send(reply.substr(0, cut));
    server_->send(reply.substr(cut));
    shuttle(*client_, *server_);
    EXPECT_EQ(take_plaintext(*client_), reply);
  }
  for (const char c : reply) server_->send(std::string_view(&c, 1));
  shuttle(*client_, *server_);
  EXPECT_EQ(take_plaintext(*client_), reply);
}

TEST_F(EngineTest, FillsRecordsOfBigSends) {
  connect_to(good_certificate());
  constexpr std::size_t kSize = 1 << 20;
  // mbedTLS counts the octet of TLS 1.3 that names the content among the 16 KiB of a record.
  constexpr std::size_t kFull = 16383;
  client_->send(std::string(kSize, 'x'));
  std::string_view output = client_->output();
  std::size_t records = 0;
  while (output.size() > 5) {
    output.remove_prefix(5U + static_cast<unsigned char>(output[3]) * 256U +
                         static_cast<unsigned char>(output[4]));
    ++records;
  }
  EXPECT_TRUE(output.empty());
  EXPECT_EQ(records, kSize / kFull + 1);
}

TEST_F(EngineTest, SendsNothingForNothing) {
  connect_to(good_certificate());
  client_->send("");
  EXPECT_THAT(take_output(*client_), IsEmpty());
}

TEST_F(EngineTest, SaysNothingBeforeTheHandshakeIsOver) {
  client_context_ = must(make_client_context(client_options()));
  client_ = client_context_->make_engine();
  client_->start();
  const std::size_t hello = client_->output().size();
  client_->send("MAIL FROM:<secret@u.test>\r\n");
  client_->close();
  EXPECT_EQ(client_->output().size(), hello);
  EXPECT_EQ(client_->state(), State::handshaking);
}

TEST_F(EngineTest, WorksManyAtATimeFromOneContext) {
  connect_to(good_certificate());
  std::vector<std::pair<std::unique_ptr<Engine>, std::unique_ptr<Engine>>> pairs;
  for (int i = 0; i < 20; ++i) {
    pairs.emplace_back(client_context_->make_engine(), server_context_->make_engine());
    pairs.back().first->start();
  }
  for (auto& [client, server] : pairs) shuttle(*client, *server);
  for (auto& [client, server] : pairs) {
    EXPECT_EQ(client->state(), State::established);
    EXPECT_EQ(server->state(), State::established);
  }
}

TEST_F(EngineTest, IsRefusedByAServerWithoutTheClient) {
  server_context_ = make_server(good_certificate());
  server_ = server_context_->make_engine();
  server_->receive("EHLO client.u.test\r\n");
  EXPECT_EQ(server_->state(), State::failed);
  EXPECT_EQ(server_->error().fault, Fault::tls);
}

TEST(ClientContext, RefusesNamesThatCannotBe) {
  const TempFolder folder;
  ClientOptions options;
  options.ca_files = {folder.write("x.pem", trusted_root().certificate_pem())};
  for (const std::string& name : {std::string(), std::string("."), std::string(254, 'a')}) {
    options.verify_name = name;
    const auto made = make_client_context(options);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().fault, Fault::config);
    EXPECT_THAT(made.error().detail, StartsWith("verify_name: "));
  }
}

TEST(ClientContext, NamesTheFileThatIsWrong) {
  const TempFolder folder;
  ClientOptions options;
  options.verify_name = kHost;
  const std::string file =
      folder.write("x.pem", trusted_root().certificate_pem() +
                                "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
  options.ca_files = {file};
  const auto made = make_client_context(options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().fault, Fault::config);
  EXPECT_THAT(made.error().detail, StartsWith(file + ":"));
  EXPECT_THAT(made.error().detail, HasSubstr("certificate 2 of 2 cannot be read: "));
}

TEST(ClientContext, NeedsNoTrustWhereNothingIsVerified) {
  ClientOptions options;
  options.level = Level::encrypt;
  options.ca_files = {"/nonexistent"};
  EXPECT_TRUE(make_client_context(options));
}

TEST(ServerContext, RefusesAKeyThatIsNotTheCertificates) {
  ServerOptions options;
  options.certificate_pem = good_certificate().certificate_pem;
  options.key_pem = rsa_certificate().key_pem;
  auto made = make_server_context(options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().detail, "the key is not that of the certificate");
  options.key_pem = "no key";
  EXPECT_FALSE(make_server_context(options));
  options.certificate_pem = "no certificate";
  EXPECT_FALSE(make_server_context(options));
}

TEST(Library, IsNewEnough) { EXPECT_THAT(library_version(), StartsWith("Mbed TLS ")); }

}  // namespace
}  // namespace tls
