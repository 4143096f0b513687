// A connection from a proxy, until that has said whose it is: before TLS and before SMTP.
//
// It belongs to the App, which alone destroys it, after it was told what came of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/proxy_header.h"
#include "base/result.h"
#include "net/loop.h"
#include "net/tcp_stream.h"
#include "net/timer.h"

namespace app {

// proxy-protocol.txt 2 asks for 3 s at least, for a segment that has to be sent again.
inline constexpr base::Duration kProxyHeaderTimeout = std::chrono::seconds(5);

class ProxyGate;

// Exactly one of the two comes, once; the gate is done with then.
class ProxyGateEvents {
 public:
  // `rest`: what the client said behind the header.
  virtual void on_header(ProxyGate& gate, const base::ProxyHeader& header,
                         std::string_view rest) = 0;
  virtual void on_no_header(ProxyGate& gate, const base::Error& error) = 0;

 protected:
  ~ProxyGateEvents() = default;
};

class ProxyGate final : net::StreamEvents, net::TimerEvents {
 public:
  ProxyGate(net::Loop& loop, net::TcpStream stream, std::uint64_t id, ProxyGateEvents& events);
  ProxyGate(const ProxyGate&) = delete;
  ProxyGate& operator=(const ProxyGate&) = delete;

  // Something may come of it at once.
  void start();

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] const net::TcpStream& stream() const { return stream_; }
  [[nodiscard]] net::TcpStream take_stream() { return std::move(stream_); }

 private:
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_error(const base::Error& error) override;
  void on_drained() override {}
  void on_timer() override;
  void fail(std::string why);

  net::TcpStream stream_;
  std::uint64_t id_;
  ProxyGateEvents& events_;
  net::Timer timer_;
  base::Instant deadline_;
  std::string octets_;
  bool is_done_ = false;
};

}  // namespace app
