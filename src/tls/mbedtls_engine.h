// What both sides of TLS have in common: mbedTLS between two queues of octets.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "tls/mbedtls_library.h"

namespace tls::mbed {

class EngineBase : public Engine {
 public:
  // What a peer may send while its chain is judged; it has nothing to say yet.
  static constexpr std::size_t kMaxUnjudged = 256UL * 1024;

  // `peer`: what the other side is called in errors.
  EngineBase(const mbedtls_ssl_config& config, std::string_view peer);

  void start() override { advance(); }
  void receive(std::string_view ciphertext) override;
  void receive_eof() override;
  void send(std::string_view plaintext) override;
  void close() override;

  [[nodiscard]] State state() const override { return state_; }
  [[nodiscard]] std::string_view output() const override { return outgoing_.view(); }
  void consume_output(std::size_t count) override { outgoing_.consume(count); }
  [[nodiscard]] std::string_view plaintext() const override { return plaintext_.view(); }
  void consume_plaintext(std::size_t count) override { plaintext_.consume(count); }
  [[nodiscard]] const base::Error& error() const override { return error_; }
  [[nodiscard]] const SessionInfo& info() const override { return info_; }

 protected:
  // Called before the library sees the first octets of the peer, until it returns true or fails.
  [[nodiscard]] virtual bool accept_first_octets() { return true; }
  virtual void on_established() {}
  virtual void on_failed_handshake(int code) { static_cast<void>(code); }
  // Whether the peer may wait for something although it has ended its own side (RFC 8446 6.1).
  [[nodiscard]] virtual bool owes_last_words() const { return false; }
  // The peer gave a ticket for a session to come (TLS 1.3).
  virtual void on_ticket() {}
  // What an alert in the handshake means, coming from such a peer.
  [[nodiscard]] virtual std::string meaning_of(int alert) const;
  // What to say about a handshake that failed with `code`, where the peer's side is not to blame.
  [[nodiscard]] virtual base::Error handshake_error(int code) const = 0;

  // From here on nothing goes out until a verdict is there.
  void await_verdict() { is_awaiting_verdict_ = true; }
  void take_good_verdict();
  void fail(base::Error error);
  [[nodiscard]] std::string peer(std::string_view does) const;

  [[nodiscard]] mbedtls_ssl_context& ssl() { return ssl_.raw; }
  [[nodiscard]] const mbedtls_ssl_context& ssl() const { return ssl_.raw; }

  base::ByteQueue incoming_;
  SessionInfo info_;
  bool has_eof_ = false;
  bool has_shown_certificate_ = false;  // the peer, in this handshake

 private:
  static void on_keys(void* self, mbedtls_ssl_key_export_type type, const unsigned char* secret,
                      std::size_t length, const unsigned char* client_random,
                      const unsigned char* server_random, mbedtls_tls_prf_types prf) noexcept;
  static int on_send(void* self, const unsigned char* octets, std::size_t length) noexcept;
  static int on_receive(void* raw, unsigned char* octets, std::size_t length) noexcept;

  [[nodiscard]] bool is_over() const { return state_ == State::failed || state_ == State::closed; }
  void advance();
  void finish_handshake();
  // Each returns false when it waits for more octets.
  bool shake_hands();
  bool decrypt();
  [[nodiscard]] base::Error failed_handshake(int code) const;
  [[nodiscard]] base::Error lost_connection(int code) const;

  Owned<mbedtls_ssl_context, mbedtls_ssl_init, mbedtls_ssl_free> ssl_;
  std::string_view peer_;
  base::ByteQueue outgoing_;
  base::ByteQueue held_;  // what is to go out once the verdict is there
  base::ByteQueue plaintext_;
  bool may_still_speak_ = false;  // the peer said close_notify, we did not yet
  State state_ = State::handshaking;
  base::Error error_;
  bool has_looked_ = false;
  bool is_awaiting_verdict_ = false;
  bool has_shaken_hands_ = false;
  bool is_starved_ = false;  // the library wanted more octets than there were
};

}  // namespace tls::mbed
