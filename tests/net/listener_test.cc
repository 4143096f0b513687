// net/listener: accepting, refusing an address, running out of descriptors.
#include "net/listener.h"

#include <gtest/gtest.h>

#ifndef _WIN32
#include <sys/resource.h>
#include <unistd.h>
#endif

#include "net/net_fixture.h"

namespace net {
namespace {

using ListenerTest = NetTest;

TEST_F(ListenerTest, ResolvesPortZero) {
  Acceptor acceptor;
  const auto listener = Listener::open(*loop_, loopback(), acceptor);
  ASSERT_TRUE(listener);
  EXPECT_NE((*listener)->address().port, 0);
  EXPECT_EQ((*listener)->address().host(), "127.0.0.1");
}

TEST_F(ListenerTest, SaysWhichAddressIsTaken) {
  Acceptor acceptor;
  const auto first = Listener::open(*loop_, loopback(), acceptor);
  ASSERT_TRUE(first);
  const SocketAddress taken = (*first)->address();
  const auto second = Listener::open(*loop_, taken, acceptor);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().detail.find(taken.to_string()), std::string::npos);
  EXPECT_NE(second.error().detail.find("already in use"), std::string::npos);
}

TEST_F(ListenerTest, ListensForIpv6Alone) {
  Acceptor acceptor;
  const auto six = Listener::open(*loop_, *base::parse_ip("::1", 0), acceptor);
  if (!six) GTEST_SKIP() << "no IPv6 here: " << six.error().detail;
  const auto four = Listener::open(*loop_, loopback((*six)->address().port), acceptor);
  EXPECT_TRUE(four);
}

TEST_F(ListenerTest, AcceptsManyAtOnce) {
  Acceptor acceptor;
  const auto listener = Listener::open(*loop_, loopback(), acceptor);
  ASSERT_TRUE(listener);
  std::vector<std::unique_ptr<Dialer>> dialers;
  for (int i = 0; i < 100; ++i) {
    dialers.push_back(std::make_unique<Dialer>());
    dialers.back()->connector =
        Connector::connect(*loop_, "127.0.0.1", (*listener)->address().port,
                           std::chrono::seconds(5), *dialers.back());
  }
  run_until([&] { return acceptor.sessions.size() == dialers.size(); });
}

#ifndef _WIN32
TEST_F(ListenerTest, GoesOnAfterDescriptorsRanOut) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizers need descriptors themselves; runs in every other build";
#endif
  Acceptor acceptor;
  const auto listener = Listener::open(*loop_, loopback(), acceptor);
  ASSERT_TRUE(listener);
  const std::uint16_t port = (*listener)->address().port;
  Dialer first;
  first.connector =
      Connector::connect(*loop_, "127.0.0.1", port, std::chrono::seconds(5), first);
  run_until([&] { return first.is_done && acceptor.sessions.size() == 1; });
  Dialer second;
  second.connector =
      Connector::connect(*loop_, "127.0.0.1", port, std::chrono::seconds(5), second);
  run_until([&] { return acceptor.sessions.size() == 2; });

  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  // One more descriptor: enough for the client's end, not for ours.
  const int next = dup(0);
  ASSERT_GE(next, 0);
  close(next);
  const rlimit few{static_cast<rlim_t>(next) + 1, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  Dialer third;
  third.connector =
      Connector::connect(*loop_, "127.0.0.1", port, std::chrono::seconds(5), third);
  // libuv gives its spare descriptor to close whom we cannot serve, rather than turn for ever.
  run_until([&] {
    const Recorder& refused = third.recorder;
    return refused.eofs > 0 || !refused.errors.empty() || !acceptor.errors.empty() ||
           third.failure;
  });
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);

  Dialer fourth;
  fourth.connector =
      Connector::connect(*loop_, "127.0.0.1", port, std::chrono::seconds(5), fourth);
  const std::size_t wanted = acceptor.sessions.size() + 1;
  run_until([&] { return acceptor.sessions.size() >= wanted; });
}
#endif

}  // namespace
}  // namespace net
