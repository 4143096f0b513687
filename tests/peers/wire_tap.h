// Stands between a client and smtpseal, passes every octet on in both directions and keeps a copy
// of what the client said: what it really sent, however it composed its mail.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/fd.h"

namespace support {

// A mail that a client sent, as far as its end.
struct SentMail {
  std::string mail;                // the MAIL command line
  std::vector<std::string> rcpts;  // the RCPT command lines
  std::string data;                // unstuffed, with LF line ends, without the lone dot
  bool is_chunked = false;         // by BDAT
};
// Those in what one client said from its greeting on, if none of it was refused or in TLS.
[[nodiscard]] std::vector<SentMail> mails_in(std::string_view said);

class WireTap {
 public:
  // Connects to 127.0.0.1:`port` for each client that connects to it.
  explicit WireTap(std::uint16_t port);
  ~WireTap() { stop(); }
  WireTap(const WireTap&) = delete;
  WireTap& operator=(const WireTap&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_of(listener_); }
  // What clients said so far, one text a connection, in the order in which they came.
  [[nodiscard]] std::vector<std::string> said() const;
  // The mails of all of them.
  [[nodiscard]] std::vector<SentMail> mails() const;
  void stop();

 private:
  void accept_clients();
  void pass_on(Fd client, std::size_t number);

  std::uint16_t seal_port_;
  Fd listener_ = bind_loopback(true);
  Pipe stop_pipe_ = make_pipe();
  mutable std::mutex mutex_;
  std::vector<std::string> said_;
  std::vector<std::thread> passing_;
  std::thread acceptor_;
};

}  // namespace support
