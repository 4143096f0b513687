// net/connector: RFC 8305. The name of this machine has an address of each family; one of them is
// made to swallow what is sent to it, as a dead address does.
#include <cstring>
#include <utility>

#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/connector.h"
#include "net/net_fixture.h"

namespace net {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration kAttemptDelay = 250ms;  // RFC 8305 5, as recommended
constexpr base::Duration kTimeout = 8s;

// The families of localhost in the system's order.
std::vector<int> families_of_localhost() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  std::vector<int> families;
  if (getaddrinfo("localhost", "25", &hints, &list) != 0) return families;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    families.push_back(one->ai_family);
  }
  freeaddrinfo(list);
  return families;
}

class Socket {
 public:
  explicit Socket(int family) : fd_(socket(family, SOCK_STREAM, 0)) {}
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

// A port of a loopback address where connections are neither accepted nor refused: as many as fit
// wait already, and what comes more is dropped.
class BlackHole {
 public:
  BlackHole(int family, std::uint16_t port) : listener_(family), filler_(family) {
    sockaddr_storage address{};
    socklen_t length = sizeof(sockaddr_in);
    if (family == AF_INET) {
      auto& four = reinterpret_cast<sockaddr_in&>(address);
      four.sin_family = AF_INET;
      four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      four.sin_port = htons(port);
    } else {
      auto& six = reinterpret_cast<sockaddr_in6&>(address);
      six.sin6_family = AF_INET6;
      six.sin6_addr = in6addr_loopback;
      six.sin6_port = htons(port);
      length = sizeof six;
    }
    const auto* const raw = reinterpret_cast<const sockaddr*>(&address);
    is_there_ = bind(listener_.fd(), raw, length) == 0 && listen(listener_.fd(), 0) == 0 &&
                ::connect(filler_.fd(), raw, length) == 0;
  }
  [[nodiscard]] bool is_there() const { return is_there_; }

 private:
  Socket listener_;
  Socket filler_;
  bool is_there_ = false;
};

class HappyEyeballs : public NetTest {
 protected:
  void SetUp() override {
    NetTest::SetUp();
    families_ = families_of_localhost();
    if (families_.size() < 2 || families_[0] == families_[1]) {
      GTEST_SKIP() << "localhost has no address of each family here";
    }
  }
  void TearDown() override {
    acceptor_.sessions.clear();
    listener_.reset();
  }

  // Somebody listens at the address of this family alone.
  void listen_at(int family) {
    const auto address = *base::parse_ip(family == AF_INET ? "127.0.0.1" : "::1", 0);
    auto opened = Listener::open(*loop_, address, acceptor_);
    ASSERT_TRUE(opened);
    listener_ = std::move(opened).value();
  }

  base::Duration connect() {
    const base::Instant begun = loop_->now();
    dialer_.connector =
        Connector::connect(*loop_, "localhost", listener_->address().port, kTimeout, dialer_);
    run_until([&] { return dialer_.is_done; });
    EXPECT_FALSE(dialer_.failure) << dialer_.failure->detail;
    return loop_->now() - begun;
  }

  std::vector<int> families_;
  Acceptor acceptor_;
  std::unique_ptr<Listener> listener_;
  Dialer dialer_;
};

TEST_F(HappyEyeballs, DeadFirstAddressCostsOneAttemptDelayAndNotTheTimeout) {
  listen_at(families_[1]);
  const BlackHole hole(families_[0], listener_->address().port);
  if (!hole.is_there()) GTEST_SKIP() << "the port is taken, or the system does not drop";
  const base::Duration spent = connect();
  EXPECT_EQ(dialer_.recorder.stream->peer().is_v6(), families_[1] == AF_INET6);
  EXPECT_GE(spent, kAttemptDelay - 10ms);
  EXPECT_LT(spent, kTimeout);
}

TEST_F(HappyEyeballs, FirstAddressIsPreferredWhereItAnswers) {
  listen_at(families_[0]);
  const BlackHole hole(families_[1], listener_->address().port);
  if (!hole.is_there()) GTEST_SKIP() << "the port is taken, or the system does not drop";
  connect();
  EXPECT_EQ(dialer_.recorder.stream->peer().is_v6(), families_[0] == AF_INET6);
}

// RFC 8305 5: a failure does not wait for the delay.
TEST_F(HappyEyeballs, RefusalIsFollowedByTheNextAddressAtOnce) {
  listen_at(families_[1]);
  connect();
  EXPECT_EQ(dialer_.recorder.stream->peer().is_v6(), families_[1] == AF_INET6);
}

}  // namespace
}  // namespace net
