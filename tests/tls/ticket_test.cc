// Session tickets (RFC 8446 4.6.1, RFC 5077): in TLS 1.3 they come after the handshake with
// whatever else the server says, and must not be noticed; later connections resume the session.
#include <string>
#include <thread>
#include <vector>

#include "tls/tickets.h"
#include "tls/tls_fixture.h"

namespace tls {
namespace {

using testing::IsEmpty;

class TicketTest : public TlsTest {
 protected:
  // Up to the client's last flight; returns what the server says to it, which is tickets alone.
  std::string connect_up_to_tickets(Version version) {
    client_context_ = must(make_client_context(client_options()));
    server_context_ = make_server(good_certificate(), version, version);
    client_ = client_context_->make_engine();
    server_ = server_context_->make_engine();
    client_->start();
    std::string said;
    for (int flight = 0; flight < 5 && server_->state() == State::handshaking; ++flight) {
      client_->receive(said);
      server_->receive(take_output(*client_));
      said = take_output(*server_);
    }
    EXPECT_EQ(server_->state(), State::established);
    return said;
  }
};

// TLS-08.
TEST_F(TicketTest, IsPassedOverBeforeAReply) {
  const std::string tickets = connect_up_to_tickets(Version::tls13);
  ASSERT_THAT(tickets, testing::Not(IsEmpty()));
  EXPECT_EQ(client_->state(), State::established);
  server_->send("220 mail.u.test\r\n");
  client_->receive(tickets + take_output(*server_));
  EXPECT_EQ(take_plaintext(*client_), "220 mail.u.test\r\n");
  EXPECT_EQ(client_->state(), State::established);
  client_->send("EHLO client.u.test\r\n");
  shuttle(*client_, *server_);
  EXPECT_EQ(take_plaintext(*server_), "EHLO client.u.test\r\n");
}

TEST_F(TicketTest, IsPassedOverWhereverItIsCut) {
  const std::size_t size = connect_up_to_tickets(Version::tls13).size();
  for (std::size_t cut = 1; cut < size; cut += 5) {
    std::string said = connect_up_to_tickets(Version::tls13);
    server_->send("250 ok\r\n");
    said += take_output(*server_);
    client_->receive(std::string_view(said).substr(0, cut));
    EXPECT_THAT(client_->plaintext(), IsEmpty());
    client_->receive(std::string_view(said).substr(cut));
    EXPECT_EQ(take_plaintext(*client_), "250 ok\r\n") << cut;
  }
}

TEST_F(TicketTest, IsPassedOverAlone) {
  const std::string tickets = connect_up_to_tickets(Version::tls13);
  client_->receive(tickets);
  EXPECT_EQ(client_->state(), State::established);
  EXPECT_THAT(client_->plaintext(), IsEmpty());
  EXPECT_THAT(client_->output(), IsEmpty());
}

TEST_F(TicketTest, CutShortIsALostConnection) {
  std::string tickets = connect_up_to_tickets(Version::tls13);
  tickets.pop_back();
  client_->receive(tickets);
  client_->receive_eof();
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_EQ(client_->error().fault, base::Fault::connection);
}

TEST_F(TicketTest, TamperedWithIsALostConnection) {
  std::string tickets = connect_up_to_tickets(Version::tls13);
  tickets.back() = static_cast<char>(tickets.back() ^ 1);
  client_->receive(tickets);
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_EQ(client_->error().fault, base::Fault::connection);
}

// --- resumption ---

class ResumptionTest : public TlsTest, public testing::WithParamInterface<Version> {
 protected:
  void SetUp() override {
    TlsTest::SetUp();
    client_context_ = must(make_client_context(client_options()));
    server_context_ = make_server(good_certificate(), GetParam(), GetParam());
  }

  // One connection from its first octet to its last; returns what the client knows of it.
  SessionInfo visit() {
    client_ = client_context_->make_engine();
    server_ = server_context_->make_engine();
    client_->start();
    shuttle(*client_, *server_);
    EXPECT_EQ(client_->state(), State::established) << client_->error().detail;
    client_->send("ping");
    shuttle(*client_, *server_);
    EXPECT_EQ(take_plaintext(*server_), "ping");
    const SessionInfo info = client_->info();
    client_->close();
    return info;
  }
};

TEST_P(ResumptionTest, SecondConnectionResumesTheFirst) {
  const SessionInfo first = visit();
  EXPECT_FALSE(first.is_resumed);
  const SessionInfo second = visit();
  EXPECT_TRUE(second.is_resumed);
  EXPECT_EQ(second.verification, Verification::verified);
  EXPECT_EQ(second.verified_by, first.verified_by);
  ASSERT_EQ(second.chain.size(), first.chain.size());
  EXPECT_EQ(second.chain.front().pin, first.chain.front().pin);
  EXPECT_EQ(second.cipher, first.cipher);
  EXPECT_EQ(second.version, first.version);
}

TEST_P(ResumptionTest, GoesOnFromConnectionToConnection) {
  visit();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(visit().is_resumed) << i;
}

TEST_P(ResumptionTest, AnotherContextKnowsNothingOfIt) {
  visit();
  client_context_ = must(make_client_context(client_options()));
  EXPECT_FALSE(visit().is_resumed);
}

TEST_P(ResumptionTest, ServerWithOtherKeysIsVerifiedAnew) {
  visit();
  server_context_ = make_server(rsa_certificate(), GetParam(), GetParam());
  const SessionInfo info = visit();
  EXPECT_FALSE(info.is_resumed);
  EXPECT_EQ(info.verification, Verification::verified);
  EXPECT_EQ(info.chain.front().key, "RSA 2048");
}

TEST_P(ResumptionTest, TicketDoesNotOpenTheDoorToAnImpostor) {
  visit();
  server_context_ = make_server(must(foreign_root().issue(good_request())), GetParam(), GetParam());
  client_ = client_context_->make_engine();
  server_ = server_context_->make_engine();
  client_->start();
  shuttle(*client_, *server_);
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_EQ(client_->error().fault, base::Fault::tls);
}

TEST_P(ResumptionTest, FailedHandshakeForgetsTheTickets) {
  visit();
  client_ = client_context_->make_engine();
  client_->start();
  client_->receive(std::string("\x15\x03\x03\x00\x02\x02\x28", 7));  // alert: handshake_failure
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_FALSE(visit().is_resumed);
}

TEST_P(ResumptionTest, PeerOfAnotherVersionIsReachedWithoutTheSession) {
  visit();
  const Version other = GetParam() == Version::tls12 ? Version::tls13 : Version::tls12;
  server_context_ = make_server(good_certificate(), other, other);
  client_ = client_context_->make_engine();
  EXPECT_TRUE(client_->has_offered_session());
  server_ = server_context_->make_engine();
  client_->start();
  shuttle(*client_, *server_);
  if (client_->state() == State::established) return;  // the better for it
  client_ = client_context_->make_engine(Resumption::never);
  EXPECT_FALSE(client_->has_offered_session());
  server_ = server_context_->make_engine();
  client_->start();
  shuttle(*client_, *server_);
  EXPECT_EQ(client_->state(), State::established) << client_->error().detail;
}

TEST_P(ResumptionTest, UnverifiedConnectionsResumeToo) {
  ClientOptions options = client_options();
  options.level = Level::encrypt;
  client_context_ = must(make_client_context(options));
  server_context_ = make_server(must(foreign_root().issue(good_request())), GetParam(), GetParam());
  EXPECT_FALSE(visit().is_resumed);
  const SessionInfo second = visit();
  EXPECT_TRUE(second.is_resumed);
  EXPECT_EQ(second.verification, Verification::unverified);
}

TEST_P(ResumptionTest, ShortLivedCertificateEndsItsTickets) {
  CertificateRequest request = good_request();
  request.not_after = now() + std::chrono::seconds(4);
  server_context_ = make_server(must(trusted_root().issue(request)), GetParam(), GetParam());
  const base::WallTime expired = request.not_after;
  visit();
  EXPECT_TRUE(visit().is_resumed);
  while (now() < expired + std::chrono::seconds(1)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the library asks the real clock
  }
  client_ = client_context_->make_engine();
  server_ = server_context_->make_engine();
  client_->start();
  shuttle(*client_, *server_);
  EXPECT_EQ(client_->state(), State::failed);
  EXPECT_THAT(client_->error().detail, testing::HasSubstr("expired"));
}

INSTANTIATE_TEST_SUITE_P(Versions, ResumptionTest, testing::Values(Version::tls12, Version::tls13),
                         [](const auto& tested) {
                           return tested.param == Version::tls12 ? "Tls12" : "Tls13";
                         });

TEST(Tickets, LastNoLongerThanTheCertificatesThatWereValid) {
  const base::WallTime now = tls::now();
  std::vector<CertificateFacts> chain(3);
  chain[0].not_after = now + kDay * 30;
  chain[1].not_after = now + std::chrono::hours(2);
  chain[2].not_after = now - kDay;  // sent along, and part of nothing
  EXPECT_EQ(resumable_until(chain, now, kMaxTicketAge), now + std::chrono::hours(2));
  chain.erase(chain.begin() + 1);
  EXPECT_EQ(resumable_until(chain, now, kMaxTicketAge), now + kMaxTicketAge);
}

}  // namespace
}  // namespace tls
