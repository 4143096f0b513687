// A client's end of an SMTP connection: exact bytes out, strictly parsed replies in.
//
// The parser is the tests' own and shares nothing with the program: a reply that RFC 5321 4.2 does
// not allow is a Failure, wherever it turns up. Blocking, every wait has a deadline. From
// start_tls() on everything goes through TLS.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/fd.h"
#include "tls/tls_engine.h"

namespace support {

struct Reply {
  int code = 0;
  std::vector<std::string> lines;  // text without code and CRLF
  std::string raw;

  [[nodiscard]] bool is_positive() const { return code >= 200 && code < 300; }
  [[nodiscard]] bool is_transient() const { return code >= 400 && code < 500; }
  // The first line's text.
  [[nodiscard]] const std::string& text() const { return lines.front(); }
  [[nodiscard]] bool has_text(std::string_view part) const {
    return raw.find(part) != std::string::npos;
  }
};

// So that a failed comparison shows what came.
void PrintTo(const Reply& reply, std::ostream* out);

class SmtpSocket {
 public:
  explicit SmtpSocket(std::uint16_t port) : fd_(connect_loopback(port)) {}
  // To a Unix socket: "/run/x", "@name".
  explicit SmtpSocket(const std::string& path) : fd_(connect_unix(path)) {}

  // Throws Failure when the peer does not take it in time or is gone.
  void send(std::string_view bytes, Milliseconds patience = kPatience);
  // As send(), in pieces of `size` bytes, each a segment of its own.
  void send_in_pieces(std::string_view bytes, std::size_t size);
  // As much as the peer takes; false when it closed or reset the connection meanwhile.
  [[nodiscard]] bool try_send(std::string_view bytes, Milliseconds patience = kPatience);

  // One reply; throws Failure when it does not come in time, the connection ends, or it is not one.
  Reply read_reply(Milliseconds patience = kPatience);
  // Whether anything comes (a byte or the end) within this time.
  [[nodiscard]] bool has_input_within(Milliseconds patience);
  // What still comes until the peer closes. Throws Failure on a reset or when it does not close.
  std::string read_until_closed(Milliseconds patience = kPatience);

  // A handshake, sent in pieces of `piece` octets (0: as they come); throws Failure with the reason
  // when there is no TLS in the end.
  void start_tls(tls::ClientContext& context, std::size_t piece = 0);
  // In the clear, even inside TLS.
  void send_raw(std::string_view bytes, Milliseconds patience = kPatience);
  [[nodiscard]] const tls::SessionInfo& tls() const { return engine_->info(); }
  // The server said close_notify before it closed.
  [[nodiscard]] bool is_tls_ended() const {
    return engine_ && engine_->state() == tls::State::closed;
  }
  // TLS records with something of a conversation in them that came so far.
  [[nodiscard]] int records() const { return records_; }

  void shut_down_writing();
  void close() { fd_.reset(); }
  void reset() { reset_connection(fd_); }

 private:
  // Adds what comes to input_; false at the end of the connection.
  bool receive(const Deadline& deadline);
  void take(std::string_view bytes);
  void count_records(std::string_view ciphertext);
  [[nodiscard]] bool try_send_raw(std::string_view bytes, Milliseconds patience);
  bool flush_tls(std::size_t piece, Milliseconds patience);
  [[nodiscard]] std::string read_line(const Deadline& deadline);

  Fd fd_;
  std::unique_ptr<tls::Engine> engine_;
  std::string input_;
  std::string partial_record_;
  int records_ = 0;
};

}  // namespace support
