// See mbedtls_engine.h.
#include "tls/mbedtls_engine.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tls/alerts.h"
#include "tls/certificate_text.h"

// packagefiles/mbedtls/smtpseal_peer_certificate.c
extern "C" unsigned long smtpseal_peer_certificates_read(void);
// packagefiles/mbedtls/smtpseal_key_exchange.c
extern "C" unsigned smtpseal_key_exchange_group(const mbedtls_ssl_context* ssl);

namespace tls::mbed {

using base::Error;
using base::Fault;

EngineBase::EngineBase(const mbedtls_ssl_config& config, std::string_view peer) : peer_(peer) {
  const int code = mbedtls_ssl_setup(&ssl_.raw, &config);
  if (code != 0) fail(library_error(Fault::local, "cannot set TLS up", code));
  mbedtls_ssl_set_bio(&ssl_.raw, this, on_send, on_receive, nullptr);
  mbedtls_ssl_set_user_data_p(&ssl_.raw, this);
  mbedtls_ssl_set_export_keys_cb(&ssl_.raw, on_keys, this);
}

void EngineBase::receive(std::string_view ciphertext) {
  if (is_over()) return;
  incoming_.append(ciphertext);
  if (state_ == State::judging && incoming_.size() > kMaxUnjudged) {
    fail({Fault::tls, peer(" goes on sending while its certificate is judged")});
  }
  advance();
}

void EngineBase::receive_eof() {
  has_eof_ = true;
  advance();
}

void EngineBase::send(std::string_view plaintext) {
  // At once, what the records will take, their headers and tags included.
  constexpr std::size_t kRecordOverhead = 64;
  const std::size_t records = plaintext.size() / MBEDTLS_SSL_OUT_CONTENT_LEN + 1;
  std::string& queue = outgoing_.back();
  queue.reserve(queue.size() + plaintext.size() + records * kRecordOverhead);
  while ((state_ == State::established || may_still_speak_) && !plaintext.empty()) {
    const int code = mbedtls_ssl_write(&ssl_.raw, octets_of(plaintext), plaintext.size());
    // The output queue takes everything: there is nothing to wait for.
    SMTPSEAL_CHECK(code != MBEDTLS_ERR_SSL_WANT_WRITE && code != MBEDTLS_ERR_SSL_WANT_READ);
    if (code > 0) {
      plaintext.remove_prefix(static_cast<std::size_t>(code));
    } else {
      fail(library_error(Fault::connection, "TLS connection lost", code));
    }
  }
}

void EngineBase::take_good_verdict() {
  if (state_ != State::judging) return;
  is_awaiting_verdict_ = false;
  outgoing_.append(held_.view());
  held_.clear();
  state_ = State::handshaking;
  if (has_shaken_hands_) finish_handshake();
  advance();
}

void EngineBase::close() {
  if (state_ == State::judging) fail({Fault::local, "closed while its certificate was judged"});
  if (state_ != State::established && !std::exchange(may_still_speak_, false)) return;
  state_ = State::closed;
  incoming_.clear();
  // The alert is the last thing written; whether it arrives does not matter any more.
  static_cast<void>(mbedtls_ssl_close_notify(&ssl_.raw));
}

void EngineBase::fail(Error error) {
  state_ = State::failed;
  may_still_speak_ = false;
  error_ = std::move(error);
  incoming_.clear();
  held_.clear();
}

std::string EngineBase::peer(std::string_view does) const {
  return std::string(peer_).append(does);
}

// The keys are none of our business: it is the moment when what they are made of is known.
void EngineBase::on_keys(void* self, mbedtls_ssl_key_export_type, const unsigned char*, std::size_t,
                         const unsigned char*, const unsigned char*,
                         mbedtls_tls_prf_types) noexcept {
  auto* const engine = static_cast<EngineBase*>(self);
  engine->info_.group = group_name(smtpseal_key_exchange_group(&engine->ssl_.raw));
}

int EngineBase::on_send(void* self, const unsigned char* octets, std::size_t length) noexcept {
  auto* const engine = static_cast<EngineBase*>(self);
  base::ByteQueue& queue = engine->is_awaiting_verdict_ ? engine->held_ : engine->outgoing_;
  queue.append({reinterpret_cast<const char*>(octets), length});
  return static_cast<int>(length);
}

int EngineBase::on_receive(void* raw, unsigned char* octets, std::size_t length) noexcept {
  auto* const self = static_cast<EngineBase*>(raw);
  const std::size_t count = std::min(length, self->incoming_.size());
  if (count == 0) {
    self->is_starved_ = true;
    return self->has_eof_ ? 0 : MBEDTLS_ERR_SSL_WANT_READ;
  }
  std::copy_n(self->incoming_.view().data(), count, reinterpret_cast<char*>(octets));
  self->incoming_.consume(count);
  return static_cast<int>(count);
}

void EngineBase::advance() {
  if (is_over() || state_ == State::judging) return;
  is_starved_ = false;
  // The library may stop to say something although more is there to be read (a session ticket).
  // Each time it has taken at least one octet of what it had buffered, which bounds this.
  for (std::size_t left = incoming_.size() + MBEDTLS_SSL_IN_CONTENT_LEN; left > 0; --left) {
    const bool goes_on = state_ == State::handshaking ? shake_hands() : decrypt();
    if (is_over()) return;
    if (is_awaiting_verdict_ && (has_shaken_hands_ || is_starved_)) state_ = State::judging;
    if (!goes_on || is_starved_ || state_ == State::judging) return;
  }
  fail({Fault::connection, peer(" sends TLS messages without end")});
}

bool EngineBase::shake_hands() {
  if (!has_looked_) {
    has_looked_ = !incoming_.is_empty() && accept_first_octets();
    if (is_over() || (!has_looked_ && !incoming_.is_empty() && !has_eof_)) return false;
  }
  const unsigned long read_before = smtpseal_peer_certificates_read();
  const int code = mbedtls_ssl_handshake(&ssl_.raw);
  if (smtpseal_peer_certificates_read() != read_before) has_shown_certificate_ = true;
  if (code == MBEDTLS_ERR_SSL_WANT_READ) return true;
  if (code != 0) {
    on_failed_handshake(code);
    fail(failed_handshake(code));
    return false;
  }
  has_shaken_hands_ = true;
  if (!is_awaiting_verdict_) finish_handshake();
  return true;
}

void EngineBase::finish_handshake() {
  state_ = State::established;
  info_.version = mbedtls_ssl_get_version(&ssl_.raw);
  info_.cipher = iana_cipher_name(mbedtls_ssl_get_ciphersuite(&ssl_.raw));
  on_established();
}

bool EngineBase::decrypt() {
  std::array<unsigned char, MBEDTLS_SSL_IN_CONTENT_LEN> octets;
  const int code = mbedtls_ssl_read(&ssl_.raw, octets.data(), octets.size());
  if (code > 0) {
    plaintext_.append(
        {reinterpret_cast<const char*>(octets.data()), static_cast<std::size_t>(code)});
    return true;
  }
  if (code == MBEDTLS_ERR_SSL_WANT_READ) return true;
  if (code == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
    on_ticket();
    return true;
  }
  if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
    state_ = State::closed;
    may_still_speak_ = owes_last_words();
    incoming_.clear();
    return false;
  }
  fail(lost_connection(code));
  return false;
}

std::string EngineBase::meaning_of(int alert) const { return alert_meaning(alert); }

Error EngineBase::failed_handshake(int code) const {
  if (code == MBEDTLS_ERR_SSL_CONN_EOF || code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
    return {Fault::tls, peer(" closed the connection in the TLS handshake")};
  }
  const bool is_alert = code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE;
  const std::optional<int> unsealed =
      code == MBEDTLS_ERR_SSL_INVALID_MAC ? plaintext_alert(ssl_.raw) : std::nullopt;
  if (!is_alert && !unsealed) return handshake_error(code);
  const int alert = is_alert ? received_alert(ssl_.raw) : *unsealed;
  const std::string meaning = meaning_of(alert);
  return {Fault::tls, peer(" broke the TLS handshake off with the alert ") + alert_name(alert) +
                          (meaning.empty() ? "" : " (" + meaning + ")")};
}

Error EngineBase::lost_connection(int code) const {
  switch (code) {
    case 0:
    case MBEDTLS_ERR_SSL_CONN_EOF:
      return {Fault::connection, peer(" cut the connection without ending TLS")};
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
      return {Fault::connection,
              peer(" broke TLS off with the alert ") + alert_name(received_alert(ssl_.raw))};
    case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
      return {Fault::connection,
              peer(" sent a TLS message that is not supported (new keys, or a request for a "
                   "certificate)")};
    default: return library_error(Fault::connection, "TLS connection lost", code);
  }
}

}  // namespace tls::mbed
