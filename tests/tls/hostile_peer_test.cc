// Servers that mean harm, octet by octet: what a client makes of records and chains that no honest
// server sends, and of some that an honest one may.
#include "tls/der.h"
#include "tls/extensions.h"
#include "tls/tls_fixture.h"

namespace tls {
namespace {

using base::Fault;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kHandshakeRecord = '\x16';
constexpr std::size_t kRecordHeader = 5;

std::string record(char type, std::string_view content) {
  std::string out = {type, '\x03', '\x03'};
  out += static_cast<char>(content.size() >> 8U);
  out += static_cast<char>(content.size() & 0xffU);
  return out.append(content);
}

// The same handshake messages in records of at most `size` octets, as long as they are readable.
std::string in_small_records(std::string_view records, std::size_t size) {
  std::string out;
  while (records.size() >= kRecordHeader && records[0] == kHandshakeRecord) {
    const std::size_t length =
        static_cast<unsigned char>(records[3]) * 256U + static_cast<unsigned char>(records[4]);
    const std::string_view content = records.substr(kRecordHeader, length);
    for (std::size_t at = 0; at < content.size(); at += size) {
      out += record(kHandshakeRecord, content.substr(at, size));
    }
    records.remove_prefix(kRecordHeader + length);
  }
  return out.append(records);
}

// An empty renegotiation_info (RFC 5746 3.6).
constexpr std::string_view kSecureRenegotiation("\xff\x01\x00\x01\x00", 5);

// A ServerHello of TLS 1.2 (RFC 5246 7.4.1.3) whose random ends like this.
std::string server_hello(std::string_view end_of_random,
                         std::string_view extensions = kSecureRenegotiation) {
  std::string body = "\x03\x03" + std::string(32 - end_of_random.size(), 'r');
  body.append(end_of_random);
  body += std::string("\x00", 1);          // no session
  body += std::string("\xc0\x2b\x00", 3);  // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, null
  if (!extensions.empty()) {
    body += {'\0', static_cast<char>(extensions.size())};
    body.append(extensions);
  }
  const std::string header = {'\x02', '\0', '\0', static_cast<char>(body.size())};
  return record(kHandshakeRecord, header + body);
}

class HostilePeer : public TlsTest {
 protected:
  void begin() {
    client_context_ = must(make_client_context(client_options()));
    client_ = client_context_->make_engine();
    client_->start();
    take_output(*client_);
  }
};

TEST_F(HostilePeer, ThatSaysItWasForcedToAnOlderVersionIsLeft) {  // RFC 8446 4.1.3
  for (const char* sentinel : {"DOWNGRD\x01", "DOWNGRD"}) {
    begin();
    // The second ends in the NUL of the string: TLS 1.1 or older.
    client_->receive(server_hello(std::string_view(sentinel, 8)));
    EXPECT_EQ(client_->state(), State::failed);
    EXPECT_EQ(client_->error().fault, Fault::tls);
    // A fatal alert illegal_parameter, and nothing else.
    EXPECT_EQ(take_output(*client_), std::string("\x15\x03\x03\x00\x02\x02\x2f", 7));
  }
  begin();
  client_->receive(server_hello("honestly"));
  EXPECT_EQ(client_->state(), State::handshaking) << client_->error().detail;
  EXPECT_THAT(take_output(*client_), IsEmpty());
}

TEST_F(HostilePeer, ThatDoesNotKnowSecureRenegotiationIsLeft) {  // RFC 9325 3.5, RFC 5746 4.1
  const std::string_view extended_master_secret("\x00\x17\x00\x00", 4);
  for (const std::string_view extensions : {std::string_view(), extended_master_secret}) {
    begin();
    client_->receive(server_hello("honestly", extensions));
    EXPECT_EQ(client_->state(), State::failed);
    EXPECT_EQ(client_->error().fault, Fault::tls);
    EXPECT_THAT(client_->error().detail, HasSubstr("does not know secure renegotiation"));
    // A fatal alert handshake_failure, and nothing else.
    EXPECT_EQ(take_output(*client_), std::string("\x15\x03\x03\x00\x02\x02\x28", 7));
  }
}

TEST_F(HostilePeer, CannotSendARecordThatIsTooLong) {  // RFC 8446 5.1, RFC 5246 6.2.1
  begin();
  client_->receive(std::string("\x16\x03\x03\x48\x01", 5));
  EXPECT_EQ(client_->state(), State::failed) << "not before all of it came";
}

TEST_F(HostilePeer, CannotSendAMessageThatIsTooLong) {
  begin();
  // A ServerHello of 16 MB, in records of 16 kB.
  std::string content = std::string("\x02\xff\xff\xff", 4) + std::string(16380, 'x');
  for (int i = 0; i < 8 && client_->state() == State::handshaking; ++i) {
    client_->receive(record(kHandshakeRecord, content));
    content.assign(16384, 'x');
  }
  EXPECT_EQ(client_->state(), State::failed);
}

class HostileVersion : public HostilePeer, public testing::WithParamInterface<Version> {
 protected:
  void establish() {
    connect(client_options(), make_server(good_certificate(), GetParam(), GetParam()));
    expect_established();
  }
  // What the client makes of these octets after the handshake.
  void expect_lost(const std::string& octets) {
    establish();
    client_->receive(octets + "250 2.0.0 taken\r\n");
    EXPECT_EQ(client_->state(), State::failed);
    EXPECT_EQ(client_->error().fault, Fault::connection) << client_->error().detail;
    EXPECT_THAT(take_plaintext(*client_), IsEmpty());
  }
};

TEST_P(HostileVersion, IsHeardWhenItBreaksOff) {
  establish();
  server_->receive(record('\x17', std::string(32, 'x')));
  client_->receive(take_output(*server_));
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_EQ(client_->error().fault, Fault::connection);
  EXPECT_THAT(client_->error().detail, HasSubstr("alert bad_record_mac"));
}

TEST_P(HostileVersion, CannotSpeakInTheClear) {
  expect_lost("");
  expect_lost(record('\x17', "250 2.0.0 taken\r\n"));
  expect_lost(record('\x16', std::string("\x00\x00\x00\x00", 4)));
}

TEST_P(HostileVersion, CannotSendALongRecordLater) {
  expect_lost(std::string("\x17\x03\x03\x48\x01", 5) + std::string(18433, 'x'));
}

TEST_P(HostileVersion, CannotEndAConnectionInTheClear) {
  for (const char level : {'\1', '\2'}) {
    for (const char description : {'\x00', '\x0a', '\x28', '\x5a', '\x64', '\xff'}) {
      establish();
      client_->receive(record('\x15', std::string({level, description})));
      EXPECT_NE(client_->state(), State::closed) << int{description};
      EXPECT_THAT(take_plaintext(*client_), IsEmpty());
    }
  }
}

TEST_P(HostileVersion, MayCutItsHandshakeIntoSmallRecords) {
  for (const std::size_t size : {4U, 64U, 500U}) {
    client_context_ = must(make_client_context(client_options()));
    server_context_ = make_server(rsa_certificate(), GetParam(), GetParam());
    client_ = client_context_->make_engine();
    server_ = server_context_->make_engine();
    server_->start();
    client_->start();
    server_->receive(take_output(*client_));
    client_->receive(in_small_records(take_output(*server_), size));
    shuttle(*client_, *server_);
    expect_established();
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, HostileVersion, testing::Values(Version::tls12, Version::tls13),
                         [](const auto& one) {
                           return one.param == Version::tls12 ? "Tls12" : "Tls13";
                         });

class ChainShape : public TlsTest {
 protected:
  static CertificateRequest authority_named(const std::string& name) {
    CertificateRequest request = good_request();
    request.common_name = name;
    request.dns_names.clear();
    return request;
  }
  // Authorities one under the other, the first under the trusted root.
  static std::vector<std::unique_ptr<Authority>> tower(int height) {
    std::vector<std::unique_ptr<Authority>> out;
    for (int floor = 0; floor < height; ++floor) {
      Authority& above = floor == 0 ? trusted_root() : *out.back();
      out.push_back(must(above.issue_authority(authority_named("Floor " + std::to_string(floor)))));
    }
    return out;
  }
  void connect_to_pem(const IssuedCertificate& leaf, const std::string& rest) {
    connect_to({leaf.certificate_pem + rest, leaf.key_pem});
  }
};

TEST_F(ChainShape, NeedsItsIntermediate) {
  const auto floors = tower(1);
  const IssuedCertificate leaf = must(floors[0]->issue(good_request()));
  connect_to_pem(leaf, "");
  expect_refused(HasSubstr("Floor 0"));
  connect_to_pem(leaf, floors[0]->certificate_pem());
  expect_established();
}

TEST_F(ChainShape, MayBeOutOfOrderAndHaveMoreThanItNeeds) {  // RFC 8446 4.4.2
  const auto floors = tower(2);
  const IssuedCertificate leaf = must(floors[1]->issue(good_request()));
  connect_to_pem(leaf, floors[0]->certificate_pem() + floors[1]->certificate_pem());
  expect_established();
  const std::string& junk = foreign_root().certificate_pem();
  connect_to_pem(leaf, junk + floors[1]->certificate_pem() + floors[1]->certificate_pem() + junk +
                           floors[0]->certificate_pem());
  expect_established();
}

TEST_F(ChainShape, MayNotBeEndless) {
  const auto floors = tower(12);
  const IssuedCertificate leaf = must(floors.back()->issue(good_request()));
  std::string rest;
  for (auto floor = floors.rbegin(); floor != floors.rend(); ++floor) {
    rest += (*floor)->certificate_pem();
  }
  connect_to_pem(leaf, rest);
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_EQ(client_->error().fault, Fault::tls);
  EXPECT_NE(server_->state(), State::established);
}

TEST_F(ChainShape, EndsAtACertificateThatIsNoAuthority) {  // RFC 5280 4.2.1.9
  CertificateRequest request = authority_named("no authority");
  // cA is FALSE, which DER leaves out.
  request.extensions.push_back(
      {std::string("\x55\x1d\x13", 3), write_element(kDerSequence, ""), true});
  const std::unique_ptr<Authority> leaf_as_authority =
      must(trusted_root().issue_authority(request));
  const IssuedCertificate leaf = must(leaf_as_authority->issue(good_request()));
  connect_to_pem(leaf, leaf_as_authority->certificate_pem());
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_EQ(client_->error().fault, Fault::tls);
}

}  // namespace
}  // namespace tls
