// A connection that is waited for, over the loopback.
#include "app/wire.h"

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/listener.h"

namespace app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr base::Duration kPatience = seconds(20);

// Accepts one connection and keeps what it says.
class Peer final : net::ListenerEvents, net::StreamEvents {
 public:
  explicit Peer(net::Loop& loop) {
    auto opened = net::Listener::open(loop, base::parse_ip("127.0.0.1", 0).value(), *this);
    if (opened) listener_ = std::move(opened).value();
  }

  [[nodiscard]] std::uint16_t port() const { return listener_->address().port; }
  void close_listener() { listener_.reset(); }

  std::optional<net::TcpStream> stream;
  std::string heard;
  std::string greeting;
  bool closes_at_once = false;

 private:
  void on_accept(net::TcpStream accepted) override {
    stream.emplace(std::move(accepted));
    ASSERT_TRUE(stream->start(*this));
    stream->write(greeting);
    if (!closes_at_once) return;
    net::TcpStream::close_after_flush(std::move(*stream), seconds(1));
    stream.reset();
  }
  void on_accept_error(const base::Error& error) override { ADD_FAILURE() << error.detail; }
  void on_read(std::string_view bytes) override { heard.append(bytes); }
  void on_eof() override {}
  void on_error(const base::Error&) override {}
  void on_drained() override {}

  std::unique_ptr<net::Listener> listener_;
};

class WireTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = net::Loop::make();
    ASSERT_TRUE(made);
    loop_ = std::move(made).value();
    peer_ = std::make_unique<Peer>(*loop_);
    wire_ = std::make_unique<Wire>(*loop_);
  }
  void TearDown() override {
    wire_.reset();
    peer_.reset();
  }

  [[nodiscard]] base::Instant soon() const { return loop_->now() + kPatience; }
  void open() {
    wire_->connect("127.0.0.1", peer_->port(), kPatience);
    ASSERT_TRUE(wire_->await_open());
  }

  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<Peer> peer_;
  std::unique_ptr<Wire> wire_;
};

TEST_F(WireTest, HearsWhatThePeerSays) {
  peer_->greeting = "220 hello\r\n";
  open();
  EXPECT_EQ(wire_->await_input(soon()), Wire::Heard::bytes);
  EXPECT_EQ(wire_->take_input(), "220 hello\r\n");
  EXPECT_EQ(wire_->take_input(), "");
}

TEST_F(WireTest, SaysWhatItIsGiven) {
  open();
  wire_->write("QUIT\r\n");
  EXPECT_TRUE(run_until(*loop_, soon(), [&] { return peer_->heard == "QUIT\r\n"; }));
}

TEST_F(WireTest, TellsBytesBeforeTheEnd) {
  peer_->greeting = "421 bye\r\n";
  peer_->closes_at_once = true;
  open();
  EXPECT_EQ(wire_->await_input(soon()), Wire::Heard::bytes);
  EXPECT_EQ(wire_->take_input(), "421 bye\r\n");
  EXPECT_EQ(wire_->await_input(soon()), Wire::Heard::end);
  EXPECT_FALSE(wire_->error().has_value());
}

TEST_F(WireTest, TellsSilenceAtTheDeadline) {
  open();
  const base::Instant deadline = loop_->now() + milliseconds(20);
  EXPECT_EQ(wire_->await_input(deadline), Wire::Heard::silence);
  EXPECT_GE(loop_->now(), deadline);
}

TEST_F(WireTest, SaysWhyItCannotConnect) {
  const std::uint16_t port = peer_->port();
  peer_->close_listener();
  wire_->connect("127.0.0.1", port, kPatience);
  const auto opened = wire_->await_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, base::Fault::unreachable);
  EXPECT_THAT(opened.error().detail, HasSubstr("refused"));
  EXPECT_FALSE(wire_->is_open());
}

TEST_F(WireTest, SendsWhatWasWrittenBeforeItCloses) {
  open();
  const std::string much(300'000, 'x');
  wire_->write(much);
  wire_->close();
  EXPECT_FALSE(wire_->is_open());
  EXPECT_TRUE(run_until(*loop_, soon(), [&] { return peer_->heard.size() == much.size(); }));
}

TEST_F(WireTest, HoldsNoMoreUnreadThanItMay) {
  open();
  const std::string much(4 * Wire::kMaxUnread, 'x');
  ASSERT_TRUE(run_until(*loop_, soon(), [&] { return peer_->stream.has_value(); }));
  peer_->stream->write(much);
  std::size_t taken = 0;
  std::size_t most = 0;
  while (taken < much.size() && wire_->await_input(soon()) == Wire::Heard::bytes) {
    // Everything that would come by itself has come.
    run_until(*loop_, loop_->now() + milliseconds(5), [] { return false; });
    const std::size_t size = wire_->take_input().size();
    most = std::max(most, size);
    taken += size;
  }
  EXPECT_EQ(taken, much.size());
  EXPECT_LE(most, Wire::kMaxUnread + net::Loop::kReadBufferSize);
}

TEST_F(WireTest, SaysNothingOnceItIsClosed) {
  open();
  wire_->close();
  wire_->write("x");
  EXPECT_EQ(wire_->await_input(soon()), Wire::Heard::end);
}

TEST(WaitNote, IsGoneWhenTheWaitingIsOver) {
  std::ostringstream out;
  WaitNote note(&out);
  note.show("x", std::chrono::milliseconds(1500));
  EXPECT_EQ(out.str(), "waiting for x, up to 2 s");
  note.clear();
  EXPECT_EQ(out.str(), "waiting for x, up to 2 s\r" + std::string(24, ' ') + "\r");
  note.clear();
  EXPECT_EQ(out.str().size(), 50U);
}

TEST(WaitNote, StandsInPlaceOfTheOneBefore) {
  std::ostringstream out;
  WaitNote note(&out);
  note.show("x", std::chrono::seconds(2));
  note.show("y", std::chrono::seconds(3));
  EXPECT_TRUE(out.str().ends_with("\rwaiting for y, up to 3 s"));
}

TEST(WaitNote, WritesNothingWithoutATerminal) {
  WaitNote note(nullptr);
  note.show("x", std::chrono::seconds(2));
  note.clear();
}

TEST(WithoutAddress, LeavesTheWordsAlone) {
  EXPECT_EQ(without_address("192.0.2.1:25: 192.0.2.1 connection refused", "192.0.2.1", 25),
            "connection refused");
  EXPECT_EQ(without_address("a.example:25: 192.0.2.1 connection refused", "a.example", 25),
            "192.0.2.1 connection refused");
  EXPECT_EQ(without_address("no such host", "a.example", 25), "no such host");
}

}  // namespace
}  // namespace app
