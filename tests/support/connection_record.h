// What a scripted smarthost saw of one connection. Plain data.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tls/tls_engine.h"

namespace support {

// A piece of the conversation above TLS, in the order in which it was read and written.
struct Exchange {
  bool is_received = false;  // from smtpseal; otherwise from the smarthost
  bool is_sealed = false;    // inside TLS
  std::string bytes;
};

struct ConnectionRecord {
  int number = 0;                // from 0, in the order of accepting
  bool is_implicit_tls = false;  // TLS from the first byte was expected
  std::string raw;               // every octet that came over the wire
  std::size_t clear_size = 0;    // how much of it came before TLS was to start
  std::vector<Exchange> exchanges;
  bool is_handshake_begun = false;  // the smarthost waited for a ClientHello, or got one
  bool is_tls_up = false;
  std::string tls_error;  // why the handshake or the connection inside TLS failed
  tls::SessionInfo tls;
  bool is_over = false;  // the peer or the smarthost has closed it
  std::string end;       // how: "closed by smtpseal", "reset", ...

  // What came over the wire in the clear: an eavesdropper's view (O3).
  [[nodiscard]] std::string clear() const { return raw.substr(0, clear_size); }
  // What smtpseal said inside TLS, or in the clear.
  [[nodiscard]] std::string received(bool is_sealed) const {
    std::string all;
    for (const Exchange& each : exchanges) {
      if (each.is_received && each.is_sealed == is_sealed) all += each.bytes;
    }
    return all;
  }
};

// A mail the smarthost said 250 to.
struct StoredMail {
  int connection = 0;
  std::string mail;                // the MAIL command line
  std::vector<std::string> rcpts;  // the RCPT command lines that were accepted
  std::string data;                // unstuffed, with the final CRLF, without the lone dot

  // Without the trace line that smtpseal puts before it. Throws Failure if there is none.
  [[nodiscard]] std::string without_trace() const;
  // That line, unfolded.
  [[nodiscard]] std::string trace() const;
};

}  // namespace support
