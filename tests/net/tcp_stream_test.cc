// net/tcp_stream: bytes both ways, back-pressure, endings, and owners that die at any moment.
#include "net/tcp_stream.h"

#include <string>

#include <gtest/gtest.h>

#include "net/net_fixture.h"

namespace net {
namespace {

using TcpStreamTest = ConnectedTest;

constexpr std::size_t kMuch = 8 * 1024 * 1024;

TEST_F(TcpStreamTest, CarriesBytesBothWays) {
  client().stream->write("ping");
  run_until([this] { return server().received == "ping"; });
  server().stream->write("pong");
  run_until([this] { return client().received == "pong"; });
}

TEST_F(TcpStreamTest, KnowsBothAddresses) {
  EXPECT_EQ(client().stream->peer().to_string(), listener_->address().to_string());
  EXPECT_EQ(server().stream->peer().to_string(), client().stream->local().to_string());
  EXPECT_EQ(server().stream->local().port, listener_->address().port);
}

TEST_F(TcpStreamTest, QueuesWhatThePeerDoesNotTakeAndTellsWhenItDid) {
  server().stream->pause_reading();
  client().stream->write(std::string(kMuch, 'x'));
  EXPECT_GT(client().stream->queued(), 0U);
  server().stream->resume_reading();
  run_until([this] { return server().received.size() == kMuch; });
  run_until([this] { return client().drained > 0; });
  EXPECT_EQ(client().stream->queued(), 0U);
}

TEST_F(TcpStreamTest, KeepsTheOrderOfManyWrites) {
  std::string expected;
  for (int i = 0; i < 20000; ++i) {
    const std::string piece = std::to_string(i) + ",";
    client().stream->write(piece);
    expected.append(piece);
  }
  run_until([&] { return server().received.size() == expected.size(); });
  EXPECT_EQ(server().received, expected);
}

TEST_F(TcpStreamTest, DeliversNothingWhilePaused) {
  server().stream->pause_reading();
  client().stream->write("early");
  Dialer other;
  dial(other);
  run_until([&] { return other.is_done; });
  EXPECT_EQ(server().received, "");
  server().stream->resume_reading();
  run_until([this] { return server().received == "early"; });
}

TEST_F(TcpStreamTest, StillWritesAfterThePeerClosedItsSide) {
  server().eof_hook = [this] { server().stream->write("last words"); };
  TcpStream::close_after_flush(*std::move(client().stream), std::chrono::seconds(5));
  client().stream.reset();
  run_until([this] { return server().eofs == 1; });
  EXPECT_TRUE(server().errors.empty());
}

TEST_F(TcpStreamTest, ClosesAfterTheLastBytesAndNotWithAReset) {
  // The client is still sending when the server says its last word: a reset would destroy it.
  server().read_hook = [this] {
    server().read_hook = nullptr;
    server().stream->write("421 bye");
    TcpStream::close_after_flush(*std::move(server().stream), std::chrono::seconds(5));
    server().stream.reset();
  };
  client().stream->write(std::string(1024 * 1024, 'x'));
  run_until([this] { return client().eofs == 1 || !client().errors.empty(); });
  EXPECT_EQ(client().received, "421 bye");
  EXPECT_TRUE(client().errors.empty());
}

TEST_F(TcpStreamTest, FlushesMuchBeforeItCloses) {
  server().stream->pause_reading();
  client().stream->write(std::string(kMuch, 'x'));
  TcpStream::close_after_flush(*std::move(client().stream), std::chrono::seconds(9));
  client().stream.reset();
  server().stream->resume_reading();
  run_until([this] { return server().eofs == 1; });
  EXPECT_EQ(server().received.size(), kMuch);
}

TEST_F(TcpStreamTest, GivesUpOnAPeerThatNeverCloses) {
  server().stream->pause_reading();
  TcpStream::close_after_flush(*std::move(client().stream), std::chrono::milliseconds(20));
  client().stream.reset();
  // The lingering end is gone once the time is over: writing to it fails then.
  server().stream->resume_reading();
  run_until([this] {
    if (server().errors.empty()) server().stream->write("x");
    return !server().errors.empty() || server().eofs > 0;
  });
}

TEST_F(TcpStreamTest, SurvivesWritingToAPeerThatIsGone) {
  server().stream.reset();
  for (int i = 0; i < 100 && client().errors.empty() && client().eofs == 0; ++i) {
    client().stream->write(std::string(100000, 'x'));
    loop_->run_once();
  }
  SUCCEED() << "no signal ended the process";
}

TEST_F(TcpStreamTest, TellsOfALossOnce) {
  client().stream->write(std::string(kMuch, 'x'));
  server().stream->pause_reading();
  server().stream.reset();
  run_until([this] { return !client().errors.empty() || client().eofs > 0; });
  EXPECT_LE(client().errors.size(), 1U);
}

TEST_F(TcpStreamTest, MayBeDestroyedInEveryCallback) {
  server().read_hook = [this] { server().stream.reset(); };
  client().eof_hook = [this] { client().stream.reset(); };
  client().error_hook = [this] { client().stream.reset(); };
  client().stream->write("x");
  run_until([this] { return !client().stream; });
}

TEST_F(TcpStreamTest, MayBeDestroyedWhenDrained) {
  server().stream->pause_reading();
  client().stream->write(std::string(kMuch, 'x'));
  client().drained_hook = [this] { client().stream.reset(); };
  server().stream->resume_reading();
  run_until([this] { return !client().stream; });
}

TEST_F(TcpStreamTest, LetsOneCallbackDestroyEverySession) {
  constexpr std::size_t kSessions = 20;
  acceptor_.prepare = [](Recorder& recorder) {
    recorder.stream->write(std::string(kMuch, 'y'));  // in flight when its owner dies
  };
  std::vector<std::unique_ptr<Dialer>> dialers;
  for (std::size_t i = 0; i < kSessions; ++i) {
    dialers.push_back(std::make_unique<Dialer>());
    dial(*dialers.back());
  }
  run_until([&] { return acceptor_.sessions.size() == kSessions + 1; });
  bool is_destroyed = false;
  server().read_hook = [&] {
    is_destroyed = true;
    auto doomed = std::move(acceptor_.sessions);
    acceptor_.sessions.clear();
  };
  client().stream->write("go");
  run_until([&] { return is_destroyed; });
  // The loop's destructor checks that no handle is left.
}

}  // namespace
}  // namespace net
