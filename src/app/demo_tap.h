// The demo's wiretap: stands before smtpseal's plaintext listener, passes every byte on in both
// directions, and records what clients and smtpseal say to each other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/demo_exchange.h"
#include "base/result.h"
#include "net/listener.h"
#include "net/timer.h"

namespace app {

class DemoTapEvents {
 public:
  // A mail transaction of a client ended, or its connection did. Comes from inside the tap: end
  // nothing of it there.
  virtual void on_client_exchange(const Exchange& exchange) = 0;

 protected:
  ~DemoTapEvents() = default;
};

class DemoTap final : net::ListenerEvents, net::TimerEvents {
 public:
  // `counter`: for the order of what is said (Recorder).
  DemoTap(net::Loop& loop, std::uint64_t& counter, DemoTapEvents& events);
  ~DemoTap();
  DemoTap(const DemoTap&) = delete;
  DemoTap& operator=(const DemoTap&) = delete;

  // Listens on a free port of 127.0.0.1 and passes what comes on to `target`.
  [[nodiscard]] base::Result<void> start(const net::SocketAddress& target);
  [[nodiscard]] const net::SocketAddress& address() const { return listener_->address(); }
  [[nodiscard]] bool has_sessions() const { return !sessions_.empty(); }

 private:
  class Session;

  void on_accept(net::TcpStream stream) override;
  void on_accept_error(const base::Error& error) override;
  void on_timer() override;  // finished sessions go
  void report(Session& session);

  net::Loop& loop_;
  std::uint64_t& counter_;
  DemoTapEvents& events_;
  net::Timer reaper_;
  net::SocketAddress target_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

}  // namespace app
