// net/connector: from a name to a connection, or to the reason why not.
#include "net/connector.h"

#include <gtest/gtest.h>

#ifndef _WIN32
#include <sys/resource.h>
#include <unistd.h>
#endif

#include "net/net_fixture.h"

namespace net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ConnectorTest : public NetTest {
 protected:
  void SetUp() override {
    NetTest::SetUp();
    auto opened = Listener::open(*loop_, loopback(), acceptor_);
    ASSERT_TRUE(opened);
    listener_ = std::move(opened).value();
  }
  void TearDown() override {
    acceptor_.sessions.clear();
    listener_.reset();
  }

  void connect(Dialer& dialer, const std::string& host, std::uint16_t port,
               base::Duration timeout = seconds(5)) {
    dialer.connector = Connector::connect(*loop_, host, port, timeout, dialer);
    EXPECT_FALSE(dialer.is_done) << "never before connect() returned";
    run_until([&] { return dialer.is_done; });
  }

  // A port on which nobody listens.
  std::uint16_t closed_port() {
    Acceptor unused;
    const auto listener = Listener::open(*loop_, loopback(), unused);
    EXPECT_TRUE(listener);
    return (*listener)->address().port;
  }

  Acceptor acceptor_;
  std::unique_ptr<Listener> listener_;
};

TEST_F(ConnectorTest, ReachesAnAddress) {
  Dialer dialer;
  connect(dialer, "127.0.0.1", listener_->address().port);
  EXPECT_FALSE(dialer.failure);
}

TEST_F(ConnectorTest, ReachesANameWhoseOtherAddressIsClosed) {
  Dialer dialer;
  connect(dialer, "localhost", listener_->address().port);
  ASSERT_FALSE(dialer.failure) << dialer.failure->detail;
  EXPECT_TRUE(dialer.recorder.stream->peer().is_loopback());
}

TEST_F(ConnectorTest, NamesHostPortAndReasonOfARefusal) {
  const std::uint16_t port = closed_port();
  Dialer dialer;
  connect(dialer, "127.0.0.1", port);
  ASSERT_TRUE(dialer.failure);
  EXPECT_EQ(dialer.failure->fault, base::Fault::unreachable);
  EXPECT_EQ(dialer.failure->detail,
            "127.0.0.1:" + std::to_string(port) + ": 127.0.0.1 connection refused");
}

#ifndef _WIN32
TEST_F(ConnectorTest, BlamesThisMachineWhenDescriptorsAreUsedUp) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = dup(0);  // the lowest that is free
  ASSERT_GE(next, 0);
  ASSERT_EQ(close(next), 0);
  rlimit none_left = before;
  none_left.rlim_cur = static_cast<rlim_t>(next);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none_left), 0);
  Dialer refused;
  connect(refused, "127.0.0.1", listener_->address().port);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->fault, base::Fault::local);
  EXPECT_NE(refused.failure->detail.find("too many open files"), std::string::npos)
      << refused.failure->detail;
  Dialer later;
  connect(later, "127.0.0.1", listener_->address().port);
  EXPECT_FALSE(later.failure);
}
#endif

TEST_F(ConnectorTest, SaysWhenANameIsUnknown) {
  Dialer dialer;
  connect(dialer, "no-such-host.invalid", 25, seconds(3));
  ASSERT_TRUE(dialer.failure);
  EXPECT_EQ(dialer.failure->fault, base::Fault::unreachable);
  EXPECT_EQ(dialer.failure->detail.find("no-such-host.invalid"), 0U) << dialer.failure->detail;
}

TEST_F(ConnectorTest, SaysWhenAnAddressIsNoneOfOurs) {
  Dialer dialer;
  connect(dialer, "0.0.0.0.0", 25, seconds(3));
  EXPECT_TRUE(dialer.failure);
}

TEST_F(ConnectorTest, GivesUpQuietlyWhenDestroyed) {
  for (const char* host : {"127.0.0.1", "localhost", "no-such-host.invalid"}) {
    Dialer dialer;
    dialer.connector =
        Connector::connect(*loop_, host, listener_->address().port, seconds(5), dialer);
    dialer.connector.reset();
    Dialer later;
    connect(later, "127.0.0.1", listener_->address().port);
    EXPECT_FALSE(dialer.is_done);
  }
}

TEST_F(ConnectorTest, MayBeDestroyedInItsCallback) {
  struct Selfless : ConnectorEvents {
    void on_connected(TcpStream) override { connector.reset(); }
    void on_connect_failed(const base::Error&) override { connector.reset(); }
    std::unique_ptr<Connector> connector;
  };
  Selfless good;
  good.connector =
      Connector::connect(*loop_, "127.0.0.1", listener_->address().port, seconds(5), good);
  run_until([&] { return !good.connector; });
  Selfless bad;
  bad.connector = Connector::connect(*loop_, "127.0.0.1", closed_port(), seconds(5), bad);
  run_until([&] { return !bad.connector; });
}

class ResolverTest : public NetTest, protected ResolverEvents {
 protected:
  void on_resolved(std::vector<SocketAddress> addresses) override { found_ = addresses; }
  void on_resolve_failed(const base::Error& error) override { failure_ = error; }

  std::optional<std::vector<SocketAddress>> found_;
  std::optional<base::Error> failure_;
};

TEST_F(ResolverTest, GivesAnAddressBackAsItIs) {
  const auto resolver = Resolver::resolve(*loop_, "192.0.2.1", 587, *this);
  EXPECT_FALSE(found_);
  run_until([this] { return found_ || failure_; });
  ASSERT_TRUE(found_);
  EXPECT_EQ(found_->at(0).to_string(), "192.0.2.1:587");
}

TEST_F(ResolverTest, FindsTheLoopbackByName) {
  const auto resolver = Resolver::resolve(*loop_, "localhost", 25, *this);
  run_until([this] { return found_ || failure_; });
  ASSERT_TRUE(found_);
  EXPECT_TRUE(found_->at(0).is_loopback());
}

TEST_F(ResolverTest, MayBeDestroyedAtAnyTime) {
  auto resolver = Resolver::resolve(*loop_, "localhost", 25, *this);
  resolver.reset();
  auto literal = Resolver::resolve(*loop_, "127.0.0.1", 25, *this);
  literal.reset();
  const auto last = Resolver::resolve(*loop_, "127.0.0.1", 25, *this);
  run_until([this] { return found_.has_value(); });
}

}  // namespace
}  // namespace net
