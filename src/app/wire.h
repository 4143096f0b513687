// A connection for commands that do one thing after another (check, send): its owner waits for what
// comes.
//
// Waiting runs the loop, so nothing may live on it that must not be called back meanwhile; several
// wires may. It knows bytes only, neither TLS nor SMTP.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/result.h"
#include "net/connector.h"
#include "net/loop.h"
#include "net/tcp_stream.h"
#include "net/timer.h"

namespace app {

// Runs the loop until `is_done`, asked after every turn, or until the deadline. Returns whether it
// was done.
bool run_until(net::Loop& loop, base::Instant deadline, const std::function<bool()>& is_done);

// A line on a terminal that says what is waited for, and is gone when the waiting is over.
class WaitNote {
 public:
  // `out` is null where there is no terminal: nothing is ever written then.
  explicit WaitNote(std::ostream* out) : out_(out) {}
  WaitNote(const WaitNote&) = delete;
  WaitNote& operator=(const WaitNote&) = delete;
  ~WaitNote() { clear(); }

  // "waiting for the greeting, up to 30 s"
  void show(std::string_view what, base::Duration most);
  void clear();

 private:
  std::ostream* out_;
  std::size_t width_ = 0;
};

// The words of a failed connection to host:port without these, for lines that name them already.
[[nodiscard]] std::string without_address(std::string_view words, const std::string& host,
                                          std::uint16_t port);

class Wire final : net::ConnectorEvents, net::StreamEvents {
 public:
  // More unread octets than this and the peer must wait.
  static constexpr std::size_t kMaxUnread = 256 * 1024;

  enum class Heard {
    bytes,    // take_input() has something
    end,      // the peer closed its side, or the connection is lost: see error()
    silence,  // the deadline passed
  };

  explicit Wire(net::Loop& loop) : loop_(loop) {}
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // Begins to connect; call once. Reading begins by itself once connected.
  void connect(const std::string& host, std::uint16_t port, base::Duration timeout);
  void connect(const net::SocketAddress& address, base::Duration timeout);
  [[nodiscard]] bool is_connecting() const { return connector_ != nullptr; }
  [[nodiscard]] bool is_open() const { return stream_.has_value(); }
  // Waits until connect() succeeded or failed.
  [[nodiscard]] base::Result<void> await_open();

  // Waits for input that was not taken yet; returns at once when there is some.
  [[nodiscard]] Heard await_input(base::Instant deadline);
  [[nodiscard]] std::string take_input();
  void write(std::string_view bytes);
  // What was written is still sent. Nothing can be heard or said after it.
  void close();

  // Why it could not be opened, or was lost; nothing for an orderly end.
  [[nodiscard]] const std::optional<base::Error>& error() const { return error_; }
  // Only when open.
  [[nodiscard]] const net::SocketAddress& peer() const { return stream_->peer(); }
  [[nodiscard]] const net::SocketAddress& local() const { return stream_->local(); }
  // From connect() until it was open or had failed.
  [[nodiscard]] long long connect_milliseconds() const;
  [[nodiscard]] base::Instant settled() const { return settled_; }
  // When the latest bytes came.
  [[nodiscard]] base::Instant last_input() const { return last_input_; }

 private:
  void on_connected(net::TcpStream stream) override;
  void on_connect_failed(const base::Error& error) override;
  void on_read(std::string_view bytes) override;
  void on_eof() override { has_ended_ = true; }
  void on_error(const base::Error& error) override;
  void on_drained() override {}

  net::Loop& loop_;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<net::Connector> finished_;  // is not destroyed inside its own callback
  std::optional<net::TcpStream> stream_;
  std::optional<base::Error> error_;
  std::string input_;
  bool has_ended_ = false;
  base::Instant begun_;
  base::Instant settled_;
  base::Instant last_input_;
};

}  // namespace app
