// Unix sockets: listening, connecting, and what becomes of their files.
#ifndef _WIN32
#include "net/unix_socket.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/net_fixture.h"
#include "net/shared_socket.h"
#include "net/unix_connect.h"

namespace net {
namespace {

using ::testing::HasSubstr;

class UnixSocketTest : public NetTest {
 protected:
  void SetUp() override {
    NetTest::SetUp();
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("smtpseal-unix-" + std::to_string(std::random_device{}()));
    std::filesystem::create_directories(folder_);
    address_ = *base::parse_unix_path((folder_ / "socket").string());
  }
  void TearDown() override {
    client_.stream.reset();
    acceptor_.sessions.clear();
    std::filesystem::remove_all(folder_);
  }

  static std::shared_ptr<SharedSocket> bound(const SocketAddress& address, unsigned mode = 0600) {
    auto made = SharedSocket::bind(address, mode);
    EXPECT_TRUE(made) << made.error().detail;
    return made ? std::move(made).value() : nullptr;
  }
  std::unique_ptr<Listener> listening(const SharedSocket& socket) {
    auto opened = Listener::open(*loop_, socket, acceptor_);
    EXPECT_TRUE(opened) << opened.error().detail;
    return opened ? std::move(opened).value() : nullptr;
  }
  void connect() {
    auto connected = connect_unix(*loop_, address_);
    ASSERT_TRUE(connected) << connected.error().detail;
    client_.stream.emplace(std::move(connected).value());
    ASSERT_TRUE(client_.stream->start(client_));
    run_until([this] { return !acceptor_.sessions.empty(); });
  }
  [[nodiscard]] bool has_file() const { return std::filesystem::exists(address_.path); }
  [[nodiscard]] unsigned mode_of_file() const {
    struct stat file {};
    EXPECT_EQ(stat(address_.path.c_str(), &file), 0);
    return file.st_mode & 07777;
  }
  // A file as a process leaves it that was killed.
  void leave_stale_file() const {
    auto left = listen_unix(address_, 0600);
    ASSERT_TRUE(left) << left.error().detail;
  }

  std::filesystem::path folder_;
  SocketAddress address_;
  Acceptor acceptor_;
  Recorder client_;
};

TEST_F(UnixSocketTest, CarriesBothDirectionsToTheirEnds) {
  const auto socket = bound(address_);
  const auto listener = listening(*socket);
  EXPECT_EQ(listener->address(), address_);
  connect();
  Recorder& server = *acceptor_.sessions.front();
  const std::string much(1 << 20, 'x');
  client_.stream->write(much);
  server.stream->write("220 hello\r\n");
  run_until([&] { return server.received.size() == much.size() && !client_.received.empty(); });
  EXPECT_EQ(server.received, much);
  EXPECT_EQ(client_.received, "220 hello\r\n");
  TcpStream::close_after_flush(std::move(*server.stream), std::chrono::seconds(5));
  server.stream.reset();
  run_until([&] { return client_.eofs == 1; });
}

TEST_F(UnixSocketTest, TellsWhoConnected) {
  const auto socket = bound(address_);
  const auto listener = listening(*socket);
  connect();
  const TcpStream& stream = *acceptor_.sessions.front()->stream;
  EXPECT_EQ(stream.peer(), address_);
  EXPECT_EQ(stream.local(), address_);
  ASSERT_TRUE(stream.process());
  EXPECT_EQ(stream.process()->uid, getuid());
#ifdef __linux__
  EXPECT_EQ(stream.process()->pid, static_cast<std::uint32_t>(getpid()));
#endif
}

TEST_F(UnixSocketTest, RemovesItsFileAtTheEnd) {
  auto socket = bound(address_);
  auto listener = listening(*socket);
  EXPECT_TRUE(has_file());
  listener.reset();
  EXPECT_TRUE(has_file());
  socket.reset();
  EXPECT_FALSE(has_file());
}

TEST_F(UnixSocketTest, LeavesTheFileOfAnotherAlone) {
  auto socket = bound(address_);
  std::filesystem::remove(address_.path);
  const auto other = bound(address_);
  socket.reset();
  EXPECT_TRUE(has_file());
  EXPECT_TRUE(connect_unix(*loop_, address_));
}

TEST_F(UnixSocketTest, ReplacesTheFileOfADeadProcess) {
  leave_stale_file();
  ASSERT_TRUE(has_file());
  EXPECT_FALSE(connect_unix(*loop_, address_));
  const auto socket = bound(address_);
  EXPECT_TRUE(connect_unix(*loop_, address_));
}

TEST_F(UnixSocketTest, LeavesALiveSocketToItsOwner) {
  const auto socket = bound(address_);
  const auto second = SharedSocket::bind(address_, 0600);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().detail, "cannot listen on " + address_.to_string() +
                                       ": address already in use, a process listens there");
  EXPECT_TRUE(connect_unix(*loop_, address_));
}

TEST_F(UnixSocketTest, LeavesSocketsOfOtherKindsAlone) {
  Descriptor datagram(::socket(AF_UNIX, SOCK_DGRAM, 0));
  sockaddr_un raw{};
  raw.sun_family = AF_UNIX;
  address_.path.copy(raw.sun_path, sizeof raw.sun_path - 1);
  ASSERT_EQ(bind(datagram.number(), reinterpret_cast<const sockaddr*>(&raw), sizeof raw), 0);
  EXPECT_FALSE(SharedSocket::bind(address_, 0600));
  EXPECT_TRUE(has_file());
}

TEST_F(UnixSocketTest, LeavesFilesThatAreNoSocketsAlone) {
  std::ofstream(address_.path) << "precious";
  const auto socket = SharedSocket::bind(address_, 0600);
  ASSERT_FALSE(socket);
  EXPECT_THAT(socket.error().detail, HasSubstr(address_.to_string()));
  EXPECT_THAT(socket.error().detail, HasSubstr("no socket"));
  EXPECT_EQ(std::filesystem::file_size(address_.path), 8u);
  std::filesystem::remove(address_.path);
  std::filesystem::create_symlink(folder_ / "elsewhere", address_.path);
  EXPECT_FALSE(SharedSocket::bind(address_, 0600));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "elsewhere"));
}

TEST_F(UnixSocketTest, NamesTheFolderThatIsMissing) {
  const auto address = *base::parse_unix_path((folder_ / "missing" / "socket").string());
  const auto socket = SharedSocket::bind(address, 0600);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().detail,
            "cannot listen on " + address.to_string() + ": no such file or directory");
}

TEST_F(UnixSocketTest, HasTheModeItWasToldWhateverTheUmask) {
  for (const unsigned mask : {0U, 0077U, 0777U}) {
    const mode_t before = umask(static_cast<mode_t>(mask));
    const auto socket = bound(address_, 0660);
    umask(before);
    EXPECT_EQ(mode_of_file(), 0660u);
    EXPECT_TRUE(socket->set_mode(0666));
    EXPECT_EQ(mode_of_file(), 0666u);
  }
}

TEST_F(UnixSocketTest, IsSharedByTwoListeners) {
  const auto socket = bound(address_);
  Acceptor other_acceptor;
  auto listener = listening(*socket);
  const auto other = Listener::open(*loop_, *socket, other_acceptor);
  ASSERT_TRUE(other);
  const auto accepted = [&] { return acceptor_.sessions.size() + other_acceptor.sessions.size(); };
  std::vector<TcpStream> clients;
  const auto connect_some = [&] {
    for (int i = 0; i < 20; ++i) {
      auto connected = connect_unix(*loop_, address_);
      ASSERT_TRUE(connected) << connected.error().detail;
      clients.push_back(std::move(connected).value());
    }
    run_until([&] { return accepted() == clients.size(); });
  };
  connect_some();
  // Whoever goes takes nothing from the other.
  listener.reset();
  connect_some();
  EXPECT_GE(other_acceptor.sessions.size(), 20u);
}

TEST_F(UnixSocketTest, CannotBeReachedWhereNobodyListens) {
  const auto connected = connect_unix(*loop_, address_);
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error(), (base::Error{base::Fault::unreachable,
                                            address_.to_string() + ": no such file or directory"}));
}

#ifdef __linux__
TEST_F(UnixSocketTest, MayHaveANameInPlaceOfAFile) {
  address_ = *base::parse_unix_path("@" + folder_.filename().string());
  auto socket = bound(address_);
  EXPECT_FALSE(SharedSocket::bind(address_, 0600));
  auto listener = listening(*socket);
  connect();
  EXPECT_EQ(acceptor_.sessions.front()->stream->peer(), address_);
  EXPECT_TRUE(socket->set_mode(0666));
  listener.reset();
  socket.reset();
  EXPECT_FALSE(connect_unix(*loop_, address_));
}
#endif

std::string trouble_of_inheriting(const Descriptor& descriptor) {
  const auto inherited = SharedSocket::inherit(descriptor.number());
  return inherited ? "" : inherited.error().detail;
}

TEST_F(UnixSocketTest, InheritsWhatListensAndNothingElse) {
  Descriptor stream(::socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_THAT(trouble_of_inheriting(stream), HasSubstr("does not listen"));
  EXPECT_THAT(trouble_of_inheriting(Descriptor(::socket(AF_INET, SOCK_DGRAM, 0))),
              HasSubstr("no stream socket"));
  EXPECT_THAT(trouble_of_inheriting(Descriptor(::open("/dev/null", O_RDONLY))),
              HasSubstr("no socket"));
  ASSERT_EQ(listen(stream.number(), 1), 0);
  const auto inherited = SharedSocket::inherit(stream.number());
  ASSERT_TRUE(inherited);
  EXPECT_NE((*inherited)->address().port, 0);
  EXPECT_TRUE(Listener::open(*loop_, **inherited, acceptor_));
}

TEST_F(UnixSocketTest, LeavesAnInheritedSocketItsFile) {
  auto outside = listen_unix(address_, 0600);
  ASSERT_TRUE(outside);
  {
    const auto inherited = SharedSocket::inherit(outside->number());
    ASSERT_TRUE(inherited) << inherited.error().detail;
    EXPECT_EQ((*inherited)->address(), address_);
    EXPECT_TRUE((*inherited)->set_mode(0666));
    EXPECT_EQ(mode_of_file(), 0600u);
    const auto listener = listening(**inherited);
    connect();
  }
  EXPECT_TRUE(has_file());
}

TEST_F(UnixSocketTest, EndsLingeringConnectionsWithTheLoop) {
  const auto socket = bound(address_);
  auto listener = listening(*socket);
  connect();
  TcpStream::close_after_flush(std::move(*acceptor_.sessions.front()->stream),
                               std::chrono::hours(1));
  acceptor_.sessions.clear();
  listener.reset();
  client_.stream.reset();
  loop_.reset();
}

}  // namespace
}  // namespace net
#endif
