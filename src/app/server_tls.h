// TLS under one client's session, where we are the server: the engine, and what its owner must see
// to beside: that the handshake has an end, that plaintext in its place is called by its name.
//
// No I/O and no clock: time is a parameter.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "tls/tls_engine.h"

namespace app {

class ServerTls {
 public:
  enum class Begin { starttls, implicit };

  // The handshake may take `most`, absolutely.
  ServerTls(std::unique_ptr<tls::Engine> engine, Begin begin, base::Instant now,
            base::Duration most);

  // Ciphertext that arrived; look at everything below after it.
  void receive(std::string_view bytes);
  // The client closed its side of the TCP connection while the handshake went on.
  void receive_eof();
  // When to call on_time: the handshake is over by then, whatever the client sends until then.
  [[nodiscard]] std::optional<base::Instant> deadline() const;
  void on_time(base::Instant now);

  // Anything at all.
  [[nodiscard]] bool has_heard() const { return has_heard_; }
  [[nodiscard]] bool is_handshaking() const;
  [[nodiscard]] bool is_established() const;
  // The client said that it sends nothing more (close_notify).
  [[nodiscard]] bool is_closed() const;
  // Why there is no TLS, or no more; empty while nothing is wrong.
  [[nodiscard]] const std::string& failure() const { return failure_; }

  [[nodiscard]] std::string_view plaintext() const { return engine_->plaintext(); }
  void consume_plaintext(std::size_t count) { engine_->consume_plaintext(count); }
  // For the client; dropped where there is no way to say it.
  void send(std::string_view plaintext);
  // Says close_notify, where that can be said.
  void close() { engine_->close(); }
  [[nodiscard]] std::string_view output() const { return engine_->output(); }
  void consume_output(std::size_t count) { engine_->consume_output(count); }

  // Once established.
  [[nodiscard]] const tls::SessionInfo& info() const { return engine_->info(); }
  // "TLSv1.3 TLS_AES_128_GCM_SHA256"
  [[nodiscard]] std::string summary() const;
  // Of the client's certificate, when it was verified; else empty.
  [[nodiscard]] std::string verified_subject() const;

 private:
  void look_for_failure();

  std::unique_ptr<tls::Engine> engine_;
  Begin begin_;
  base::Duration most_;
  base::Instant deadline_;
  std::string failure_;
  bool has_heard_ = false;
};

}  // namespace app
