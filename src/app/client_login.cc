// See client_login.h.
#include "app/client_login.h"

#include <utility>

namespace app {

void ClientLogin::begin(const smtp::from_client::Auth& event, base::Instant now) {
  exchange_.emplace(desk_.users.get(), label_.hostname, desk_.crypto);
  proceed(exchange_->begin(event.argument), now);
}

void ClientLogin::respond(const smtp::from_client::AuthResponse& event, base::Instant now) {
  if (event.fault) {
    end({*event.fault, {}, event.fault->lines.front(), false}, now);
  } else {
    proceed(exchange_->respond(event.line), now);
  }
}

void ClientLogin::forget() {
  check_.reset();
  exchange_.reset();
  reply_.reset();
  user_.clear();
}

void ClientLogin::proceed(smtp::SaslStep step, base::Instant now) {
  now_ = now;
  if (auto* check = std::get_if<smtp::SaslCheck>(&step)) {
    if (!desk_.checks.is_proven(*check)) {
      check_ = desk_.checks.begin(std::move(*check), *this);
      return;
    }
    step = exchange_->settle(true);
  }
  if (const auto* ended = std::get_if<smtp::SaslEnd>(&step)) {
    end(*ended, now);
  } else {
    reply_ = std::get<smtp::SaslChallenge>(step).reply;
    due_ = now;
  }
}

void ClientLogin::on_password_checked(const base::Result<bool>& is_right) {
  check_.reset();
  proceed(exchange_->settle(is_right), now_);
  events_.on_login_answered();
}

void ClientLogin::end(const smtp::SaslEnd& end, base::Instant now) {
  const std::string mechanism = exchange_->mechanism();
  exchange_.reset();
  reply_ = end.reply;
  due_ = end.is_wrong ? now + desk_.delay : now;
  if (end.is_wrong) ++wrong_;
  const bool is_in = end.reply.is_positive();
  if (is_in) user_ = end.user;
  const base::LogLevel level = is_in ? base::LogLevel::info : base::LogLevel::warn;
  if (!log_.is_enabled(level)) return;
  log_.write(level, label_.id, "session-auth",
             {{"client", label_.client},
              {"mechanism", mechanism},
              {"result", is_in ? "accepted" : "refused"},
              {"user", end.user.empty() ? "-" : end.user},
              {"reason", !end.why.empty() ? end.why
                         : desk_.users    ? "-"
                                          : "auth = any"}});
}

std::optional<smtp::Reply> ClientLogin::take_reply(base::Instant now) {
  if (!reply_ || now < due_) return std::nullopt;
  return std::exchange(reply_, std::nullopt);
}

std::optional<base::Instant> ClientLogin::deadline() const {
  return reply_ ? std::optional(due_) : std::nullopt;
}

}  // namespace app
