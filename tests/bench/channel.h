// One TCP connection of the benchmark's programs: in plaintext, and in TLS after start_tls().
//
// What is sent gathers until end_flight() says when it leaves: at once, or later, which is how the
// sink plays a distant smarthost. Nothing blocks; a connection that broke is told by receive() and
// flush(), once each.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

namespace bench {

using Clock = std::chrono::steady_clock;
using Instant = Clock::time_point;

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using TlsContext = std::unique_ptr<SSL_CTX, Free>;
using Ticket = std::unique_ptr<SSL_SESSION, Free>;

enum class Role { client, server };

class Channel {
 public:
  explicit Channel(int fd) : fd_(fd) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  [[nodiscard]] int fd() const { return fd_; }

  // From here on everything is TLS. A client names the certificate to expect, and may offer a
  // session to resume.
  void start_tls(SSL_CTX* context, Role role, const char* name = nullptr,
                 SSL_SESSION* session = nullptr);
  // Goes on with the handshake as far as it can. False: it failed.
  [[nodiscard]] bool shake_hands();
  [[nodiscard]] bool is_sealed() const { return ssl_ != nullptr && SSL_is_init_finished(ssl_); }
  [[nodiscard]] bool is_shaking_hands() const { return ssl_ != nullptr && !is_sealed(); }
  [[nodiscard]] bool is_resumed() const { return ssl_ != nullptr && SSL_session_reused(ssl_) == 1; }

  // Bytes read into `buffer`: as many as fit mean that there may be more; 0: none now; -1: closed.
  [[nodiscard]] long receive(char* buffer, std::size_t size);
  // Call it with bytes only before start_tls() or once sealed.
  void send(std::string_view bytes);
  // Tells the peer that nothing follows, as TLS wants it.
  void say_goodbye();
  // What was sent since the last call, the handshake's bytes among it, leaves at `due`.
  void end_flight(Instant due);
  // Writes the flights whose time has come. False: the connection is broken.
  [[nodiscard]] bool flush(Instant now);
  // Something due could not be written: wait until the socket takes more.
  [[nodiscard]] bool is_blocked() const { return is_blocked_; }
  [[nodiscard]] bool has_output() const { return !flights_.empty(); }
  // When the next flight leaves; ask only while has_output().
  [[nodiscard]] Instant next_due() const { return flights_.front().due; }

 private:
  struct Flight {
    Instant due;
    std::string bytes;
  };

  void collect_records();

  int fd_;
  SSL* ssl_ = nullptr;
  std::string fresh_;
  std::deque<Flight> flights_;
  std::size_t written_ = 0;  // of the first flight
  bool is_blocked_ = false;
};

}  // namespace bench
