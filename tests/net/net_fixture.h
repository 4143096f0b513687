// A loop with a watchdog, and stream listeners that record: for the tests of net.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/connector.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/tcp_stream.h"
#include "net/timer.h"

namespace net {

// A test that hangs fails instead: turns of the loop are bounded in time.
class NetTest : public testing::Test, protected TimerEvents {
 protected:
  void SetUp() override {
    auto made = Loop::make();
    ASSERT_TRUE(made);
    loop_ = std::move(made).value();
  }

  // Turns the loop until `is_done`; fails after ten seconds.
  void run_until(const std::function<bool()>& is_done) {
    // A turn that only ran timers goes on to wait for something else: the tick ends that wait.
    Timer tick(*loop_, *this);
    const base::Instant end = loop_->now() + std::chrono::seconds(10);
    while (!is_done()) {
      ASSERT_LT(loop_->now(), end) << "nothing happened in ten seconds";
      tick.arm(loop_->now() + std::chrono::milliseconds(20));
      loop_->run_once();
    }
  }

  void on_timer() override {}

  std::unique_ptr<Loop> loop_;
};

// Records what happens to a stream; `on_*` hooks run last, so that they may destroy everything.
struct Recorder : StreamEvents {
  void on_read(std::string_view bytes) override {
    received.append(bytes);
    if (read_hook) read_hook();
  }
  void on_eof() override {
    ++eofs;
    if (eof_hook) eof_hook();
  }
  void on_error(const base::Error& error) override {
    errors.push_back(error.detail);
    if (error_hook) error_hook();
  }
  void on_drained() override {
    ++drained;
    if (drained_hook) drained_hook();
  }

  std::optional<TcpStream> stream;
  std::string received;
  int eofs = 0;
  int drained = 0;
  std::vector<std::string> errors;
  std::function<void()> read_hook, eof_hook, error_hook, drained_hook;
};

// Accepts connections, each into a Recorder of its own.
struct Acceptor : ListenerEvents {
  void on_accept(TcpStream stream) override {
    auto recorder = std::make_unique<Recorder>();
    recorder->stream.emplace(std::move(stream));
    if (prepare) prepare(*recorder);
    ASSERT_TRUE(recorder->stream->start(*recorder));
    sessions.push_back(std::move(recorder));
  }
  void on_accept_error(const base::Error& error) override { errors.push_back(error.detail); }

  std::vector<std::unique_ptr<Recorder>> sessions;
  std::vector<std::string> errors;
  std::function<void(Recorder&)> prepare;
};

// Connects one Recorder.
struct Dialer : ConnectorEvents {
  void on_connected(TcpStream stream) override {
    recorder.stream.emplace(std::move(stream));
    ASSERT_TRUE(recorder.stream->start(recorder));
    is_done = true;
  }
  void on_connect_failed(const base::Error& error) override {
    failure = error;
    is_done = true;
  }

  Recorder recorder;
  std::optional<base::Error> failure;
  std::unique_ptr<Connector> connector;
  bool is_done = false;
};

inline SocketAddress loopback(std::uint16_t port = 0) { return *base::parse_ip("127.0.0.1", port); }

// A listener with one connection to it, both ends recorded.
class ConnectedTest : public NetTest {
 protected:
  void SetUp() override {
    NetTest::SetUp();
    auto opened = Listener::open(*loop_, loopback(), acceptor_);
    ASSERT_TRUE(opened);
    listener_ = std::move(opened).value();
    dial(client_);
    run_until([this] { return client_.is_done && acceptor_.sessions.size() == 1; });
    ASSERT_FALSE(client_.failure);
  }

  void TearDown() override {
    client_.recorder.stream.reset();
    acceptor_.sessions.clear();
    listener_.reset();
  }

  void dial(Dialer& dialer) {
    dialer.connector = Connector::connect(*loop_, "127.0.0.1", listener_->address().port,
                                          std::chrono::seconds(5), dialer);
  }

  Recorder& client() { return client_.recorder; }
  Recorder& server() { return *acceptor_.sessions.front(); }

  Acceptor acceptor_;
  std::unique_ptr<Listener> listener_;
  Dialer client_;
};

}  // namespace net
