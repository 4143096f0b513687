// How a connection to the smarthost comes to be inside TLS: see smarthost_link.h.
#include <algorithm>

#include "app/smarthost_link.h"

namespace app {

void SmarthostLink::start_tls() {
  engine_ = target_.tls->make_engine(resumption_);
  handshake_deadline_ =
      context_.loop->now() +
      std::min<base::Duration>(smtp::kHandshakeTimeout, context_.smarthost.command_timeout);
  engine_->start();
  context_.turn->want(*this);
}

// Elsewhere, for it may take its time: nothing more is said to the smarthost until then.
void SmarthostLink::begin_judging() {
  const tls::SystemJudge* const judge = target_.tls->judge();
  SMTPSEAL_CHECK(judge != nullptr);
  judging_ = net::Background::begin(
      *context_.loop,
      [judge, chain = engine_->chain_to_judge(), name = engine_->info().server_name] {
        return judge->judge(chain, name);
      },
      *this);
}

void SmarthostLink::on_background_done(base::Result<void> verdict) {
  judging_.reset();
  engine_->take_verdict(verdict);
  pump_tls();
  pump();
  context_.turn->want(*this);
}

void SmarthostLink::pump_tls() {
  if (is_dead_) return;
  if (engine_->state() == tls::State::judging && !judging_) begin_judging();
  // Its version is known once the handshake ended well, whatever came behind that in one go: a
  // smarthost that says 421 at once and leaves may have ended TLS already.
  if (!is_tls_up_ && !engine_->info().version.empty()) {
    is_tls_up_ = true;
    handshake_deadline_.reset();
    hand_over_credentials();
    session_->tls_established(context_.loop->now());
  }
  const std::string_view plaintext = engine_->plaintext();
  if (!plaintext.empty()) {
    session_->receive(plaintext, context_.loop->now());
    engine_->consume_plaintext(plaintext.size());
  }
  if (engine_->state() == tls::State::failed) {
    // What came before it counts: a verdict that was heard is not to be asked for again.
    pump();
    if (is_dead_ || !session_) return;
    if (may_try_without_session()) {
      try_without_session();
      return;
    }
    flush();  // the alert tells the smarthost's log why
    fail(engine_->error());
  } else if (engine_->state() == tls::State::closed) {
    session_->receive_eof();
  }
}

}  // namespace app
