// Chains that somebody outside judges, as Windows and macOS do (SystemJudge): what waits for the
// verdict, and what becomes of it.
#include "tls/der.h"
#include "tls/extensions.h"
#include "tls/mbedtls_identity.h"
#include "tls/pem.h"
#include "tls/tls_fixture.h"

// The library's own, for what no honest use of it does.
extern "C" void mbedtls_ssl_set_outbound_transform(mbedtls_ssl_context* ssl,
                                                   mbedtls_ssl_transform* transform);

namespace tls {
namespace {

using base::Error;
using base::Fault;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// These tests give the verdicts themselves.
const SystemJudge kJudge = {"the judge of the tests", nullptr};

class JudgeTest : public TlsTest, public testing::WithParamInterface<Version> {
 protected:
  [[nodiscard]] ClientOptions judged_options() const {
    ClientOptions options;
    options.verify_name = kHost;
    options.judge = &kJudge;
    return options;
  }
  // Up to the verdict. What the client says until then is its hello alone.
  void connect_judged(const IssuedCertificate& shown, const ClientOptions& options) {
    client_context_ = must(make_client_context(options));
    server_context_ = make_server(shown, GetParam(), GetParam());
    meet();
  }
  void connect_judged(const IssuedCertificate& shown) { connect_judged(shown, judged_options()); }
  void meet() {
    client_ = client_context_->make_engine();
    server_ = server_context_->make_engine();
    client_->start();
    server_->receive(take_output(*client_));
    client_->receive(take_output(*server_));
  }
  void expect_silence() {
    EXPECT_EQ(client_->state(), State::judging) << client_->error().detail;
    EXPECT_THAT(client_->output(), IsEmpty());
    EXPECT_EQ(server_->state(), State::handshaking);
  }
  static base::Result<void> refusal() { return Error{Fault::tls, "certificate was revoked"}; }
};

TEST_P(JudgeTest, GoodVerdictEndsTheHandshake) {
  connect_judged(must(foreign_root().issue(good_request())));
  expect_silence();
  client_->take_verdict({});
  shuttle(*client_, *server_);
  expect_established();
  EXPECT_EQ(client_->info().verification, Verification::verified);
  EXPECT_EQ(client_->info().verified_by, "the judge of the tests");
  EXPECT_EQ(client_context_->trust_source(), "the judge of the tests");
  EXPECT_EQ(client_context_->judge(), &kJudge);
  client_->send("EHLO client.u.test\r\n");
  server_->send("250 ok\r\n");
  shuttle(*client_, *server_);
  EXPECT_EQ(take_plaintext(*server_), "EHLO client.u.test\r\n");
  EXPECT_EQ(take_plaintext(*client_), "250 ok\r\n");
}

TEST_P(JudgeTest, BadVerdictIsTheErrorAndNothingWasSent) {
  connect_judged(good_certificate());
  expect_silence();
  client_->take_verdict(refusal());
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_EQ(client_->error().fault, Fault::tls);
  EXPECT_EQ(client_->error().detail, "certificate was revoked");
  ASSERT_EQ(client_->info().faults.size(), 1U);
  EXPECT_EQ(client_->info().faults.front().rule, IdentityFault::Rule::trust);
  EXPECT_THAT(client_->output(), IsEmpty());
  // A second thought comes too late.
  client_->take_verdict({});
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_THAT(client_->output(), IsEmpty());
}

TEST_P(JudgeTest, GetsTheChainAsItWasSent) {
  const IssuedCertificate& leaf = good_certificate();
  connect_judged({leaf.certificate_pem + foreign_root().certificate_pem(), leaf.key_pem});
  expect_silence();
  const std::vector<std::string>& chain = client_->chain_to_judge();
  ASSERT_EQ(chain.size(), 2U);
  EXPECT_EQ(chain[0], split_pem(leaf.certificate_pem).front().der);
  EXPECT_EQ(chain[1], split_pem(foreign_root().certificate_pem()).front().der);
}

TEST_P(JudgeTest, NothingGoesOutWhileItThinks) {
  connect_judged(good_certificate());
  client_->send("MAIL FROM:<a@u.test>\r\n");
  client_->receive("");
  expect_silence();
  client_->close();
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_THAT(client_->output(), IsEmpty());
  client_->take_verdict({});
  EXPECT_THAT(client_->output(), IsEmpty());
}

TEST_P(JudgeTest, NorDoesACertificateOfOurs) {
  CertificateRequest request = good_request();
  request.is_client_only = true;
  const IssuedCertificate own = must(trusted_root().issue(request));
  ClientOptions options = judged_options();
  options.identity = {own.certificate_pem, own.key_pem};
  client_context_ = must(make_client_context(options));
  ServerOptions server;
  server.certificate_pem = good_certificate().certificate_pem;
  server.key_pem = good_certificate().key_pem;
  server.min_version = GetParam();
  server.max_version = GetParam();
  server.client_ca_files = {ca_file_};
  server_context_ = must(make_server_context(server));
  meet();
  expect_silence();
  client_->take_verdict({});
  shuttle(*client_, *server_);
  expect_established();
  EXPECT_EQ(server_->info().verification, Verification::verified);
}

// It decides on trust alone: what it may be lax about is ours.
TEST_P(JudgeTest, IsNotAskedWhereOurOwnRulesRefuse) {
  CertificateRequest request = good_request();
  request.dns_names = {"other.u.test"};
  connect_judged(must(trusted_root().issue(request)));
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_THAT(client_->chain_to_judge(), IsEmpty());
  EXPECT_EQ(client_->error().detail, "certificate is for other.u.test, not for mail.u.test");
  request = good_request();
  request.not_before = now() - 2 * kDay;
  request.not_after = now() - kDay;
  connect_judged(must(trusted_root().issue(request)));
  EXPECT_THAT(client_->error().detail, HasSubstr("certificate expired on "));
  CertificateRequest bounded = good_request();
  bounded.common_name = "Bounded CA";
  bounded.dns_names.clear();
  bounded.permitted_dns = {"elsewhere.test"};
  const auto issuer = must(trusted_root().issue_authority(bounded));
  const IssuedCertificate leaf = must(issuer->issue(good_request()));
  connect_judged({leaf.certificate_pem + issuer->certificate_pem(), leaf.key_pem});
  EXPECT_THAT(client_->error().detail, HasSubstr("name constraints"));
}

TEST_P(JudgeTest, IsNotAskedForASessionThatIsResumed) {
  connect_judged(good_certificate());
  client_->take_verdict({});
  shuttle(*client_, *server_);
  expect_established();
  meet();
  shuttle(*client_, *server_);
  expect_established();
  EXPECT_TRUE(client_->info().is_resumed);
  EXPECT_EQ(client_->info().verification, Verification::verified);
}

// What it said before was of the same peer: it shall be asked again.
TEST_P(JudgeTest, BadVerdictEndsResumption) {
  const auto establish = [this] {
    client_->take_verdict({});
    shuttle(*client_, *server_);
    expect_established();
  };
  connect_judged(good_certificate());
  establish();
  client_ = client_context_->make_engine(Resumption::never);
  server_ = server_context_->make_engine();
  client_->start();
  server_->receive(take_output(*client_));
  client_->receive(take_output(*server_));
  ASSERT_EQ(client_->state(), State::judging);
  client_->take_verdict(refusal());
  meet();
  EXPECT_FALSE(client_->has_offered_session());
  EXPECT_EQ(client_->state(), State::judging);
}

TEST_P(JudgeTest, IsNotAskedWhereAuthoritiesAreConfigured) {
  ClientOptions options = client_options();
  options.judge = &kJudge;
  connect(options, make_server(good_certificate(), GetParam(), GetParam()));
  expect_established();
  EXPECT_THAT(client_->info().verified_by, HasSubstr("ca_file "));
  EXPECT_EQ(client_context_->judge(), nullptr);
}

TEST_P(JudgeTest, PeerThatGoesMeanwhileIsLost) {
  connect_judged(good_certificate());
  client_->receive_eof();
  expect_silence();
  client_->take_verdict({});
  EXPECT_EQ(client_->state(), State::failed);
}

TEST_P(JudgeTest, PeerThatTalksOnMeanwhileIsRefused) {
  connect_judged(good_certificate());
  const std::string noise(64UL * 1024, '\x17');
  for (int i = 0; i < 100 && client_->state() == State::judging; ++i) client_->receive(noise);
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_THAT(client_->error().detail, HasSubstr("goes on sending"));
  EXPECT_THAT(client_->output(), IsEmpty());
}

TEST_P(JudgeTest, VerdictOctetByOctet) {
  client_context_ = must(make_client_context(judged_options()));
  server_context_ = make_server(good_certificate(), GetParam(), GetParam());
  client_ = client_context_->make_engine();
  server_ = server_context_->make_engine();
  client_->start();
  server_->receive(take_output(*client_));
  const std::string said = take_output(*server_);
  for (const char octet : said) client_->receive(std::string_view(&octet, 1));
  expect_silence();
  client_->take_verdict({});
  shuttle(*client_, *server_, 1);
  expect_established();
}

// --- a server that speaks before our Finished ---

// Has sent its Finished of TLS 1.3 and may speak (RFC 8446 4.4.4), though our Finished is not here.
class HastyServer {
 public:
  HastyServer() {
    EXPECT_TRUE(mbed::configure(config_.raw, MBEDTLS_SSL_IS_SERVER, Version::tls13));
    EXPECT_TRUE(identity_.load(good_certificate().certificate_pem, good_certificate().key_pem,
                               config_.raw));
    EXPECT_EQ(mbedtls_ssl_setup(&ssl_.raw, &config_.raw), 0);
    mbedtls_ssl_set_bio(&ssl_.raw, this, on_send, on_receive, nullptr);
  }
  // What it says to a hello: all until its Finished, and then `text`.
  std::string answer(std::string hello, std::string_view text) {
    incoming_ = std::move(hello);
    EXPECT_EQ(mbedtls_ssl_handshake(&ssl_.raw), MBEDTLS_ERR_SSL_WANT_READ);
    mbedtls_ssl_set_outbound_transform(&ssl_.raw, ssl_.raw.MBEDTLS_PRIVATE(transform_application));
    ssl_.raw.MBEDTLS_PRIVATE(state) = MBEDTLS_SSL_HANDSHAKE_OVER;
    EXPECT_EQ(mbedtls_ssl_write(&ssl_.raw, mbed::octets_of(text), text.size()),
              static_cast<int>(text.size()));
    return std::exchange(outgoing_, {});
  }

 private:
  static int on_send(void* self, const unsigned char* octets, std::size_t length) {
    static_cast<HastyServer*>(self)->outgoing_.append(reinterpret_cast<const char*>(octets),
                                                      length);
    return static_cast<int>(length);
  }
  static int on_receive(void* raw, unsigned char* octets, std::size_t length) {
    std::string& incoming = static_cast<HastyServer*>(raw)->incoming_;
    const std::size_t count = incoming.copy(reinterpret_cast<char*>(octets), length);
    incoming.erase(0, count);
    return count == 0 ? MBEDTLS_ERR_SSL_WANT_READ : static_cast<int>(count);
  }

  mbed::SslConfig config_;
  mbed::OwnIdentity identity_;
  mbed::Owned<mbedtls_ssl_context, mbedtls_ssl_init, mbedtls_ssl_free> ssl_;
  std::string incoming_;
  std::string outgoing_;
};

class JudgedHastyServer : public JudgeTest {
 protected:
  // All at once, or octet by octet.
  void hear(std::size_t piece) {
    client_context_ = must(make_client_context(judged_options()));
    client_ = client_context_->make_engine();
    client_->start();
    HastyServer server;
    const std::string said = server.answer(take_output(*client_), "220 early\r\n");
    for (std::size_t at = 0; at < said.size(); at += piece) {
      client_->receive(std::string_view(said).substr(at, piece));
    }
    EXPECT_EQ(client_->state(), State::judging) << client_->error().detail;
    EXPECT_THAT(client_->output(), IsEmpty());
    EXPECT_THAT(client_->plaintext(), IsEmpty());
  }
};

TEST_P(JudgedHastyServer, IsHeardAfterAGoodVerdict) {
  for (const std::size_t piece : {1UL, 100000UL}) {
    hear(piece);
    client_->take_verdict({});
    EXPECT_EQ(client_->state(), State::established) << client_->error().detail;
    EXPECT_EQ(take_plaintext(*client_), "220 early\r\n");
  }
}

TEST_P(JudgedHastyServer, IsNotHeardAfterABadOne) {
  for (const std::size_t piece : {1UL, 100000UL}) {
    hear(piece);
    client_->take_verdict(refusal());
    EXPECT_EQ(client_->state(), State::failed);
    EXPECT_THAT(client_->plaintext(), IsEmpty());
    EXPECT_THAT(client_->output(), IsEmpty());
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, JudgedHastyServer, testing::Values(Version::tls13),
                         [](const auto&) { return "Tls13"; });

// --- which of the issuers' faults are whose ---

class JudgedIssuers : public JudgeTest {
 protected:
  static CertificateRequest authority_named(const char* name) {
    CertificateRequest request = good_request();
    request.common_name = name;
    request.dns_names.clear();
    return request;
  }
  // What the client sees of an authority that is sent along.
  std::string pin_of(const Authority& authority) {
    ClientOptions options;
    options.level = Level::encrypt;
    connect_judged(with(good_certificate(), authority.certificate_pem()), options);
    shuttle(*client_, *server_);
    return client_->info().chain.back().pin;
  }
  static IssuedCertificate with(const IssuedCertificate& leaf, const std::string& others) {
    return {leaf.certificate_pem + others, leaf.key_pem};
  }
};

// Whoever holds a key that the system trusts leads a path from its name to a pinned authority,
// whose certificate anybody can get, without that authority's having signed anything.
TEST_P(JudgedIssuers, ArePinnedByTheirSignaturesAndNotByTheirPresence) {
  const auto pinned = must(Authority::make("Pinned CA", now()));
  const auto evil = must(Authority::make("Evil CA", now()));
  const IssuedCertificate leaf = must(evil->issue(good_request()));
  const auto namesake = must(Authority::make("Pinned CA", now()));
  const auto bait = must(namesake->issue_authority(authority_named("Evil CA")));
  ClientOptions options = judged_options();
  options.pins = {pin_of(*pinned)};
  const std::string for_show = bait->certificate_pem() + pinned->certificate_pem();
  // Nor with the real Evil CA in between.
  for (const std::string& others : {for_show, evil->certificate_pem() + for_show}) {
    connect_judged(with(leaf, others), options);
    client_->take_verdict({});
    shuttle(*client_, *server_);
    EXPECT_EQ(client_->state(), State::failed);
    EXPECT_THAT(server_->state(), testing::Ne(State::established));
  }
  // What it did sign is taken.
  connect_judged(with(must(pinned->issue(good_request())), pinned->certificate_pem()), options);
  client_->take_verdict({});
  shuttle(*client_, *server_);
  expect_established();
  EXPECT_THAT(client_->info().verified_by, HasSubstr(options.pins.front()));
}

TEST_P(JudgedIssuers, MayBeOutOfOrder) {
  const auto upper = must(foreign_root().issue_authority(authority_named("Upper CA")));
  const auto lower = must(upper->issue_authority(authority_named("Lower CA")));
  ClientOptions options = judged_options();
  options.pins = {pin_of(*upper)};
  connect_judged(
      with(must(lower->issue(good_request())), upper->certificate_pem() + lower->certificate_pem()),
      options);
  expect_silence();
}

// The system may know another path: the new root itself instead of what the old one issued to it.
TEST_P(JudgedIssuers, MayHaveExpired) {
  CertificateRequest request = authority_named("New Root");
  request.not_before = now() - 3 * kDay;
  request.not_after = now() - kDay;
  const auto crossed = must(foreign_root().issue_authority(request));
  connect_judged(with(must(crossed->issue(good_request())), crossed->certificate_pem()));
  expect_silence();
  client_->take_verdict({});
  shuttle(*client_, *server_);
  expect_established();
}

TEST_P(JudgedIssuers, MayBeForAnotherPurpose) {
  CertificateRequest request = authority_named("Client CA");
  request.extensions = {
      {std::string(kExtendedKeyUsage), write_extended_key_usage(kClientAuth), false}};
  const auto issuer = must(foreign_root().issue_authority(request));
  connect_judged(with(must(issuer->issue(good_request())), issuer->certificate_pem()));
  expect_silence();
}

// ecdsa-with-SHA1 in place of what it is signed with; the signature is nothing then.
std::string signed_with_sha1(const std::string& pem) {
  const std::string algorithm =
      write_element(kDerSequence, write_element(kDerObjectId, "\x2a\x86\x48\xce\x3d\x04\x01"));
  const std::optional<std::string> der = split_pem(pem).front().der;
  std::string_view rest = *der;
  std::string_view outer = *take_element(rest, kDerSequence);
  std::string_view signed_part = *take_element(outer, kDerSequence);
  std::string inner;
  while (!signed_part.empty()) {
    const auto element = *take_element(signed_part);
    const bool is_first_sequence =
        element.tag == kDerSequence && inner.find(algorithm) == inner.npos;
    inner += is_first_sequence ? algorithm : write_element(element.tag, element.content);
  }
  static_cast<void>(take_element(outer, kDerSequence));
  const std::string all = write_element(kDerSequence, inner) + algorithm + std::string(outer);
  return write_pem("CERTIFICATE", write_element(kDerSequence, all));
}

TEST_P(JudgedIssuers, MaySignThemselvesWithAnOldHash) {
  const auto root = must(Authority::make("Old Root", now()));
  const IssuedCertificate leaf = must(root->issue(good_request()));
  connect_judged(with(leaf, signed_with_sha1(root->certificate_pem())));
  expect_silence();
  // The leaf may not: no root need sign it with its key for that.
  connect_judged({signed_with_sha1(leaf.certificate_pem), leaf.key_pem});
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_THAT(client_->error().detail, HasSubstr("hash that is no longer safe"));
}

TEST_P(JudgedIssuers, MayHaveNoCriticalExtensionThatNobodyKnows) {
  CertificateRequest request = authority_named("Odd CA");
  request.extensions = {{"\x2a\x03\x04", write_element(kDerOctetString, "x"), true}};
  const auto issuer = must(foreign_root().issue_authority(request));
  connect_judged(with(must(issuer->issue(good_request())), issuer->certificate_pem()));
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_THAT(client_->error().detail, HasSubstr("critical extension"));
}

INSTANTIATE_TEST_SUITE_P(Versions, JudgedIssuers, testing::Values(Version::tls12, Version::tls13),
                         [](const auto& tested) {
                           return tested.param == Version::tls12 ? "Tls12" : "Tls13";
                         });

INSTANTIATE_TEST_SUITE_P(Versions, JudgeTest, testing::Values(Version::tls12, Version::tls13),
                         [](const auto& tested) {
                           return tested.param == Version::tls12 ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace tls
