// The demo's smarthost, the part that moves bytes: a listener, TLS with a certificate of its own
// authority, and a record of everything that was said.
//
// It keeps the last messages and exchanges in memory and nothing on disk.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/demo_exchange.h"
#include "app/demo_smarthost_session.h"
#include "base/result.h"
#include "net/listener.h"
#include "net/timer.h"
#include "tls/tls_engine.h"

namespace app {

class DemoSmarthostEvents {
 public:
  // A mail transaction ended, or a connection did that had one or said anything at all. `peer`: the
  // client's address. Comes from inside the smarthost: end nothing of it there.
  virtual void on_smarthost_exchange(const std::string& peer, const Exchange& exchange) = 0;

 protected:
  ~DemoSmarthostEvents() = default;
};

class DemoSmarthost final : net::ListenerEvents, net::TimerEvents {
 public:
  static constexpr std::string_view kName = "smarthost.demo.test";

  // `counter`: for the order of what is said (Recorder).
  DemoSmarthost(net::Loop& loop, std::uint64_t& counter, DemoSmarthostEvents& events);
  ~DemoSmarthost();
  DemoSmarthost(const DemoSmarthost&) = delete;
  DemoSmarthost& operator=(const DemoSmarthost&) = delete;

  // Makes the authority and the certificate (for kName, localhost and the address), and listens.
  [[nodiscard]] base::Result<void> start(const net::SocketAddress& address);

  [[nodiscard]] const net::SocketAddress& address() const { return listener_->address(); }
  // The authority's certificate.
  [[nodiscard]] const std::string& ca_pem() const { return ca_pem_; }

  // The exchange of this sender that ended with this verdict, or else one without a verdict, ended
  // or not; it is not found again. Nothing when there is none.
  [[nodiscard]] std::optional<Exchange> take_exchange(std::string_view verdict,
                                                      std::string_view reverse_path);
  // The last accepted messages, oldest first.
  [[nodiscard]] const std::deque<DemoMessage>& messages() const { return messages_; }
  [[nodiscard]] unsigned handshakes() const { return handshakes_; }

 private:
  class Connection;

  void on_accept(net::TcpStream stream) override;
  void on_accept_error(const base::Error& error) override;
  void on_timer() override;  // finished connections go

  [[nodiscard]] base::Result<void> make_certificate(const net::SocketAddress& address);
  void report(Connection& connection);
  void keep(DemoMessage message);

  net::Loop& loop_;
  std::uint64_t& counter_;
  DemoSmarthostEvents& events_;
  net::Timer reaper_;
  std::string ca_pem_;
  std::unique_ptr<tls::ServerContext> tls_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Exchange> exchanges_;
  std::deque<DemoMessage> messages_;
  std::uint64_t queue_counter_ = 0;
  unsigned handshakes_ = 0;
};

}  // namespace app
