// Logging in with credentials of our own: see smarthost_link.h.
//
// They are fetched before the connection is opened, and handed to the session when it is known who
// has answered. Refused ones are fetched anew, once: a token may have expired, a password may have
// been changed in its file since. The same ones are not tried again.
#include <utility>
#include <variant>

#include "app/smarthost_link.h"

namespace app {

namespace {

// How long a link waits while as many others as may are trying to log in.
constexpr base::Duration kAttemptPause = std::chrono::milliseconds(50);

}  // namespace

void SmarthostLink::prepare_login() {
  timer_.arm(target_.deadline);
  context_.login->want(*this);
}

void SmarthostLink::on_credentials(const base::Result<smtp::Credentials>& credentials) {
  if (is_dead_) return;
  if (!credentials) {
    // What a command said may hold anything: that is for whoever reads the log, not for clients.
    const base::Error& error = credentials.error();
    context_.log->warn(id_text(), "login-fail",
                       {{"host", target().host}, {"reason", error.detail}});
    fail({error.fault, "our login to the smarthost cannot be had, the log says why (login-fail)"});
    return;
  }
  const smtp::Credentials& fetched = credentials.value();
  if (login_refusal_ && credentials_ && fetched.secret == credentials_->secret) {
    early_failure_ = login_refusal_;
    timer_.arm(context_.loop->now());
    return;
  }
  credentials_ = fetched;
  begin_attempt();
}

void SmarthostLink::begin_attempt() {
  const base::Instant now = context_.loop->now();
  auto begun = login_guard().begin(context_.login->account(), now);
  is_login_waiting_ = std::holds_alternative<LoginGuard::Wait>(begun);
  if (is_login_waiting_) {
    timer_.arm(std::min(now + kAttemptPause, target_.deadline));
  } else if (const auto* const held = std::get_if<base::Error>(&begun)) {
    early_failure_ = *held;
    timer_.arm(now);
  } else {
    attempt_.emplace(std::get<LoginGuard::Attempt>(std::move(begun)));
    connect();
  }
}

// To nobody whose certificate did not say who it is, whatever the configuration says.
void SmarthostLink::hand_over_credentials() {
  if (!context_.login || !credentials_) return;
  const tls::Verification verification = engine_->info().verification;
  const bool is_known =
      verification == tls::Verification::verified || verification == tls::Verification::pinned;
  if (!is_known) return;
  session_->log_in_with(context_.login->make(*credentials_, target().host, target().port));
}

void SmarthostLink::settle_login() {
  if (attempt_) attempt_->accept();
  attempt_.reset();
  credentials_.reset();
  login_refusal_.reset();
}

// A smarthost that hangs up over a password, or never answers, may have counted it.
void SmarthostLink::enter_login_verdict(const base::Error& error) {
  const smtp::ClientLogin* const login = session_ ? session_->login() : nullptr;
  const base::Instant now = context_.loop->now();
  const auto trouble = login != nullptr ? login->trouble() : smtp::LoginTrouble::not_tried;
  if (attempt_ && trouble == smtp::LoginTrouble::refused) attempt_->refuse(error, now);
  if (attempt_ && trouble == smtp::LoginTrouble::put_off) attempt_->fail(error, now);
  attempt_.reset();
}

// Whether what the session failed with calls for fresh credentials.
bool SmarthostLink::may_log_in_again(const base::Error& error) {
  const smtp::ClientLogin* const login = session_->login();
  if (is_ready_ || login == nullptr) return false;
  enter_login_verdict(error);
  if (login->trouble() != smtp::LoginTrouble::refused) return false;
  context_.login->forget();
  return !login_refusal_;
}

void SmarthostLink::log_in_again(const base::Error& error) {
  context_.log->info(id_text(), "login-retry",
                     {{"host", target().host}, {"peer", peer_}, {"reason", error.detail}});
  login_refusal_ = error;
  drop_connection();
  context_.login->want(*this);
}

}  // namespace app
