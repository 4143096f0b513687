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
    dialers.back()->connector = Connector::connect(*loop_, "127.0.0.1", (*listener)->address().port,
                                                   std::chrono::seconds(5), *dialers.back());
  }
  run_until([&] { return acceptor.sessions.size() == dialers.size(); });
}

TEST_F(ListenerTest, LetsNobodyInWhileItIsHeld) {
  Acceptor acceptor;
  const auto listener = Listener::open(*loop_, loopback(), acceptor, {PortUse::alone, true});
  ASSERT_TRUE(listener);
  std::vector<std::unique_ptr<Dialer>> dialers;
  for (int i = 0; i < 3; ++i) {
    dialers.push_back(std::make_unique<Dialer>());
    Dialer& dialer = *dialers.back();
    dialer.connector = Connector::connect(*loop_, "127.0.0.1", (*listener)->address().port,
                                          std::chrono::seconds(5), dialer);
    run_until([&] { return dialer.is_done; });
    EXPECT_FALSE(dialer.failure);
  }
  int turns = 0;
  run_until([&] { return ++turns > 5; });
  EXPECT_TRUE(acceptor.sessions.empty());
  (*listener)->let_in();
  run_until([&] { return acceptor.sessions.size() == dialers.size(); });
}

TEST_F(ListenerTest, ClosesOnThoseItNeverLetIn) {
  Acceptor acceptor;
  auto listener = Listener::open(*loop_, loopback(), acceptor, {PortUse::alone, true});
  ASSERT_TRUE(listener);
  Dialer dialer;
  dialer.connector = Connector::connect(*loop_, "127.0.0.1", (*listener)->address().port,
                                        std::chrono::seconds(5), dialer);
  run_until([&] { return dialer.is_done; });
  ASSERT_FALSE(dialer.failure);
  std::move(listener).value().reset();
  run_until([&] { return dialer.recorder.eofs + dialer.recorder.errors.size() > 0; });
  EXPECT_TRUE(acceptor.sessions.empty());
}

TEST_F(ListenerTest, SharesAPortWithThoseWhoAgreedAndNobodyElse) {
  if (!base::kCanSharePorts) GTEST_SKIP() << "not on this system";
  Acceptor one, two;
  const auto first = Listener::open(*loop_, loopback(), one, {PortUse::first});
  ASSERT_TRUE(first) << first.error().detail;
  const SocketAddress address = (*first)->address();
  const auto second = Listener::open(*loop_, address, two, {PortUse::another});
  ASSERT_TRUE(second) << second.error().detail;
  EXPECT_EQ((*second)->address(), address);
  for (const PortUse use : {PortUse::alone, PortUse::first}) {
    const auto stranger = Listener::open(*loop_, address, two, {use});
    ASSERT_FALSE(stranger);
    EXPECT_NE(stranger.error().detail.find("already in use"), std::string::npos);
  }
  std::vector<std::unique_ptr<Dialer>> dialers;
  for (int i = 0; i < 64; ++i) {
    dialers.push_back(std::make_unique<Dialer>());
    dialers.back()->connector = Connector::connect(*loop_, "127.0.0.1", address.port,
                                                   std::chrono::seconds(5), *dialers.back());
  }
  run_until([&] { return one.sessions.size() + two.sessions.size() == dialers.size(); });
  EXPECT_FALSE(one.sessions.empty());
  EXPECT_FALSE(two.sessions.empty());
}

TEST_F(ListenerTest, SharesNoPortOfOneThatIsAlone) {
  if (!base::kCanSharePorts) GTEST_SKIP() << "not on this system";
  Acceptor acceptor;
  const auto alone = Listener::open(*loop_, loopback(), acceptor);
  ASSERT_TRUE(alone);
  for (const PortUse use : {PortUse::first, PortUse::another}) {
    EXPECT_FALSE(Listener::open(*loop_, (*alone)->address(), acceptor, {use}));
  }
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
  first.connector = Connector::connect(*loop_, "127.0.0.1", port, std::chrono::seconds(5), first);
  run_until([&] { return first.is_done && acceptor.sessions.size() == 1; });
  Dialer second;
  second.connector = Connector::connect(*loop_, "127.0.0.1", port, std::chrono::seconds(5), second);
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
  third.connector = Connector::connect(*loop_, "127.0.0.1", port, std::chrono::seconds(5), third);
  // libuv gives its spare descriptor to close whom we cannot serve, rather than turn for ever.
  run_until([&] {
    const Recorder& refused = third.recorder;
    return refused.eofs > 0 || !refused.errors.empty() || !acceptor.errors.empty() || third.failure;
  });
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);

  Dialer fourth;
  fourth.connector = Connector::connect(*loop_, "127.0.0.1", port, std::chrono::seconds(5), fourth);
  const std::size_t wanted = acceptor.sessions.size() + 1;
  run_until([&] { return acceptor.sessions.size() >= wanted; });
}
#endif

}  // namespace
}  // namespace net
