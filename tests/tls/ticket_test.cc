// Session tickets of TLS 1.3 (RFC 8446 4.6.1): they come unasked after the handshake, with whatever
// else the server says, and a client that resumes nothing must not notice.
#include <string>

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

// In TLS 1.2 a client asks for one, or gets none (RFC 5077 3.2).
TEST_F(TicketTest, IsNotSentUnaskedInTls12) {
  const std::string finished = connect_up_to_tickets(Version::tls12);
  client_->receive(finished);
  EXPECT_EQ(client_->state(), State::established);
  constexpr char kNewSessionTicket = 4;
  constexpr std::size_t kRecordHeader = 5;
  EXPECT_NE(finished.at(kRecordHeader), kNewSessionTicket);
}

}  // namespace
}  // namespace tls
