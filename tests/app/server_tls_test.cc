// app/server_tls: handshakes have an end, and plaintext in their place is called by its name.
#include "app/server_tls.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/tls_fixture.h"

namespace app {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

class ServerTlsTest : public tls::TlsTest {
 protected:
  ServerTls& open(ServerTls::Begin begin = ServerTls::Begin::starttls) {
    server_context_ = tls::make_server(tls::good_certificate());
    client_context_ = tls::must(tls::make_client_context(client_options()));
    client_ = client_context_->make_engine();
    client_->start();
    sut_.emplace(server_context_->make_engine(), begin, now_, 60s);
    return *sut_;
  }

  std::string take_output() {
    std::string output(sut_->output());
    sut_->consume_output(output.size());
    return output;
  }

  void shake_hands() {
    for (int round = 0; round < 10; ++round) {
      sut_->receive(tls::take_output(*client_));
      client_->receive(take_output());
    }
  }

  base::Instant now_{1h};
  std::optional<ServerTls> sut_;
};

TEST_F(ServerTlsTest, CarriesPlaintextBothWaysOnceItIsUp) {
  ServerTls& tls = open();
  EXPECT_TRUE(tls.is_handshaking());
  EXPECT_FALSE(tls.has_heard());
  shake_hands();
  EXPECT_TRUE(tls.is_established());
  EXPECT_EQ(tls.failure(), "");
  EXPECT_EQ(tls.deadline(), std::nullopt);
  EXPECT_THAT(tls.summary(), HasSubstr("TLSv1.3 TLS_"));
  EXPECT_EQ(tls.verified_subject(), "");
  client_->send("NOOP\r\n");
  tls.receive(tls::take_output(*client_));
  EXPECT_EQ(tls.plaintext(), "NOOP\r\n");
  tls.consume_plaintext(6);
  tls.send("250 OK\r\n");
  tls.close();
  client_->receive(take_output());
  EXPECT_EQ(tls::take_plaintext(*client_), "250 OK\r\n");
  EXPECT_EQ(client_->state(), tls::State::closed) << "close_notify";
}

TEST_F(ServerTlsTest, HearsTheClientsEnd) {
  ServerTls& tls = open();
  shake_hands();
  client_->send("QUIT\r\n");
  client_->close();
  tls.receive(tls::take_output(*client_));
  EXPECT_TRUE(tls.is_closed());
  EXPECT_EQ(tls.plaintext(), "QUIT\r\n");
  tls.send("221 bye\r\n");  // nobody can hear it
  EXPECT_EQ(tls.failure(), "");
}

TEST_F(ServerTlsTest, EndsAHandshakeThatNeverBegins) {
  ServerTls& tls = open();
  ASSERT_EQ(tls.deadline(), now_ + 60s);
  tls.on_time(now_ + 60s - 1ns);
  EXPECT_EQ(tls.failure(), "");
  tls.on_time(now_ + 60s);
  EXPECT_EQ(tls.failure(), "client did not begin its TLS handshake within 60 s");
  EXPECT_EQ(tls.deadline(), std::nullopt);
  EXPECT_FALSE(tls.is_handshaking());
}

// However often an octet comes: the deadline is absolute.
TEST_F(ServerTlsTest, EndsAHandshakeThatTrickles) {
  ServerTls& tls = open();
  const std::string hello = tls::take_output(*client_);
  for (std::size_t i = 0; i < 59; ++i) {
    tls.receive(hello.substr(i, 1));
    now_ += 1s;
    tls.on_time(now_);
    ASSERT_EQ(tls.failure(), "") << i;
  }
  now_ += 1s;
  tls.on_time(now_);
  EXPECT_EQ(tls.failure(), "client did not end its TLS handshake within 60 s");
}

TEST_F(ServerTlsTest, KnowsPlaintextWhateverIsSaid) {
  for (const char* bytes : {"MAIL FROM:<a@b>\r\n", "\r\n", "GET / HTTP/1.1\r\n", "\x80\x2e\x01"}) {
    ServerTls& behind = open();
    behind.receive(bytes);
    EXPECT_THAT(behind.failure(), HasSubstr("plaintext behind STARTTLS")) << bytes;
    EXPECT_EQ(behind.plaintext(), "");
    ServerTls& instead = open(ServerTls::Begin::implicit);
    instead.receive(bytes);
    EXPECT_THAT(instead.failure(), HasSubstr("tls = implicit")) << bytes;
  }
}

TEST_F(ServerTlsTest, SaysWhyThereIsNoTls) {
  ServerTls& cut = open();
  cut.receive(tls::take_output(*client_).substr(0, 50));
  cut.receive_eof();
  EXPECT_EQ(cut.failure(), "client closed the connection in the TLS handshake");

  ServerTls& garbled = open();
  garbled.receive(std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10));
  EXPECT_THAT(garbled.failure(), HasSubstr("TLS handshake failed"));

  ServerTls& distrusted = open();
  tls::ClientOptions options = client_options();
  options.verify_name = "other.test";
  client_context_ = tls::must(tls::make_client_context(options));
  client_ = client_context_->make_engine();
  client_->start();
  shake_hands();
  EXPECT_THAT(distrusted.failure(), HasSubstr("client broke the TLS handshake off with the alert"));
}

TEST_F(ServerTlsTest, SaysNothingAfterAFailure) {
  ServerTls& tls = open();
  tls.receive("EHLO c.test\r\n");
  tls.receive(tls::take_output(*client_));
  tls.receive_eof();
  tls.send("250 OK\r\n");
  tls.close();
  EXPECT_EQ(tls.output(), "");
  EXPECT_THAT(tls.failure(), HasSubstr("plaintext behind STARTTLS"));
}

}  // namespace
}  // namespace app
