// See server_tls.h.
#include "app/server_tls.h"

#include <chrono>
#include <utility>

namespace app {

namespace {

constexpr char kTlsHandshakeRecord = 0x16;  // RFC 8446 5.1

}  // namespace

ServerTls::ServerTls(std::unique_ptr<tls::Engine> engine, Begin begin, base::Instant now,
                     base::Duration most)
    : engine_(std::move(engine)), begin_(begin), most_(most), deadline_(now + most) {
  engine_->start();
  look_for_failure();
}

bool ServerTls::is_handshaking() const {
  return failure_.empty() && engine_->state() == tls::State::handshaking;
}

bool ServerTls::is_established() const {
  return failure_.empty() && engine_->state() == tls::State::established;
}

bool ServerTls::is_closed() const {
  return failure_.empty() && engine_->state() == tls::State::closed;
}

void ServerTls::receive(std::string_view bytes) {
  if (!failure_.empty() || bytes.empty()) return;
  if (!std::exchange(has_heard_, true) && bytes.front() != kTlsHandshakeRecord) {
    failure_ = begin_ == Begin::implicit
                   ? "client sent something that is not TLS, which begins with the first byte here "
                     "(tls = implicit)"
                   : "client sent plaintext behind STARTTLS, which must not pass for encrypted";
    return;
  }
  engine_->receive(bytes);
  look_for_failure();
}

void ServerTls::receive_eof() {
  if (!failure_.empty()) return;
  engine_->receive_eof();
  look_for_failure();
}

std::optional<base::Instant> ServerTls::deadline() const {
  return is_handshaking() ? std::optional(deadline_) : std::nullopt;
}

void ServerTls::on_time(base::Instant now) {
  if (!is_handshaking() || now < deadline_) return;
  const auto most = std::chrono::ceil<std::chrono::seconds>(most_).count();
  failure_ = (has_heard_ ? "client did not end its TLS handshake within "
                         : "client did not begin its TLS handshake within ") +
             std::to_string(most) + " s";
}

void ServerTls::look_for_failure() {
  if (engine_->state() == tls::State::failed) failure_ = engine_->error().detail;
}

void ServerTls::send(std::string_view plaintext) {
  if (!is_established() && !is_closed()) return;
  engine_->send(plaintext);
  look_for_failure();
}

std::string ServerTls::summary() const { return info().version + " " + info().cipher; }

std::string ServerTls::verified_subject() const {
  const bool is_verified = info().verification == tls::Verification::verified;
  return is_verified && !info().chain.empty() ? info().chain.front().subject : std::string();
}

}  // namespace app
