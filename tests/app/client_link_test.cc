// app/client_link: handshakes that a client does not end are ended for it, over real sockets.
#include "app/client_link.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/wire.h"
#include "net/listener.h"
#include "tls/tls_fixture.h"

namespace app {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

// "event key=value ..."
class Lines final : public base::LogSink {
 public:
  [[nodiscard]] bool is_enabled(base::LogLevel level) const override {
    return level != base::LogLevel::debug;
  }
  void write(base::LogLevel, std::string_view, std::string_view event,
             base::LogFields fields) override {
    std::string line(event);
    for (const base::LogField& field : fields) {
      line.append(" ").append(field.key).append("=").append(field.value);
    }
    all.push_back(std::move(line));
  }

  std::vector<std::string> all;
};

// One listener with a certificate; its smarthost is never reached.
class ClientLinkTest : public testing::Test, net::ListenerEvents {
 protected:
  void SetUp() override {
    loop_ = tls::must(net::Loop::make());
    loop_->on_turn_end([this] { turn_.end(); });
    auto smarthost = std::make_unique<SmarthostContext>();
    smarthost->loop = loop_.get();
    smarthost->turn = &turn_;
    smarthost->log = &log_;
    smarthost->smarthost.hosts = {"127.0.0.1"};
    smarthost->smarthost.port = 1;
    smarthost->smarthost.tls.level = tls::Level::none;
    pool_ = std::make_unique<SmarthostPool>(std::move(smarthost));
    context_.loop = loop_.get();
    context_.turn = &turn_;
    context_.log = &log_;
    context_.hostname = "seal.test";
    context_.pool = pool_.get();
    context_.tls = tls::make_server(tls::good_certificate());
    context_.listener.tls = config::ClientTls::implicit;
    context_.handshake_timeout = 1s;
    listener_ = tls::must(
        net::Listener::open(*loop_, tls::must(net::parse_socket_address("127.0.0.1:0")), *this));
  }

  void TearDown() override {
    link_.reset();
    listener_.reset();
    loop_->on_turn_end(nullptr);
  }

  // Connects, says this, and reads until the listener closes.
  std::string talk(std::string_view bytes) {
    Wire wire(*loop_);
    wire.connect("127.0.0.1", listener_->address().port, 10s);
    EXPECT_TRUE(wire.await_open());
    wire.write(bytes);
    std::string heard;
    const base::Instant end = loop_->now() + 20s;
    Wire::Heard how = Wire::Heard::bytes;
    while (how == Wire::Heard::bytes) {
      how = wire.await_input(end);
      heard += wire.take_input();
    }
    EXPECT_EQ(how, Wire::Heard::end);
    return heard;
  }

  Turn turn_;
  Lines log_;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<SmarthostPool> pool_;
  ListenerContext context_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<ClientLink> link_;

 private:
  void on_accept(net::TcpStream stream) override {
    const ClientOrigin origin = origin_of(stream);
    link_ = std::make_unique<ClientLink>(context_, std::move(stream), origin, 1);
    link_->start();
  }
  void on_accept_error(const base::Error& error) override { ADD_FAILURE() << error.detail; }
};

TEST_F(ClientLinkTest, CutsAClientThatSaysNothing) {
  EXPECT_EQ(talk(""), "");
  EXPECT_THAT(log_.all,
              Contains(testing::AllOf(
                  StartsWith("session-tls-fail client=127.0.0.1:"),
                  HasSubstr("reason=client did not begin its TLS handshake within 1 s"))));
  EXPECT_TRUE(link_->is_finished());
}

TEST_F(ClientLinkTest, CutsAClientThatBeginsAHandshakeAndNoMore) {
  EXPECT_EQ(talk(std::string("\x16\x03\x01\x00\xc8\x01", 6)), "");
  EXPECT_THAT(log_.all,
              Contains(HasSubstr("reason=client did not end its TLS handshake within 1 s")));
}

}  // namespace
}  // namespace app
