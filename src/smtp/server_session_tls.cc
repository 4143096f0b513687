// The client's way to TLS (RFC 3207), and what is closed to it before: see server_session.h.
#include <utility>

#include "smtp/server_session.h"

namespace smtp {

// No command may reach TLS from outside it (CVE-2011-0411): what stands behind STARTTLS in
// plaintext ends the session, whether it came along with it, before our 220, or after that; the
// last of these the session only sees if its owner hands it on in spite of is_tls_due().
ServerEvent ServerSession::on_starttls(const SplitCommand& command) {
  if (is_tls_up_) return refuse_command(Reply::make(503, "5.5.1", "TLS runs already"));
  if (!offered_.starttls) {
    return refuse_command(Reply::make(502, "5.5.1", "STARTTLS was not offered"));
  }
  if (!command.argument.empty()) {
    return refuse_command(Reply::make(501, "5.5.4", "STARTTLS takes no parameter"));
  }
  if (!may_use_extensions()) return refuse_command(Reply::make(503, "5.5.1", "EHLO first"));
  if (has_hello_) {
    use_extension();
  } else {
    tolerate(Tolerance::no_hello);
  }
  end_transaction();
  owed_ = Owed::starttls;
  return from_client::StartTls{};
}

void ServerSession::settle_starttls(const Reply& reply) {
  owed_ = Owed::nothing;
  if (!reply.is_positive()) {
    ++errors_;
    say(reply);
  } else if (!lines_.is_empty()) {
    say(Reply::make(554, "5.5.0", "nothing may follow STARTTLS before TLS is up"));
    cut(std::string(kPlaintextBehindStartTls));
  } else if (has_eof_) {
    cut("client closed the connection");
  } else {
    say(reply);
    state_ = State::tls_wait;
  }
}

void ServerSession::tls_established(const Extensions& offered, base::Instant now) {
  if (state_ == State::finished) return;
  if (state_ == State::tls_wait) state_ = State::commands;
  is_tls_up_ = true;
  offered_ = offered;
  client_name_.clear();
  has_hello_ = is_extended_ = is_authenticated_ = false;
  end_transaction();
  last_progress_ = now;
}

Reply ServerSession::must_start_tls() {
  return Reply::make(530, "5.7.0", "Must issue a STARTTLS command first");
}

// 530 to all but NOOP, EHLO, HELO, STARTTLS and QUIT (RFC 3207 4). Nothing when the command may go
// on: what brings mail data with it is told where it is known how that is kept from passing for
// commands.
std::optional<ServerEvent> ServerSession::refuse_in_plaintext(const SplitCommand& command) {
  switch (command.verb) {
    case Verb::noop:
    case Verb::ehlo:
    case Verb::helo:
    case Verb::starttls:
    case Verb::quit:
    case Verb::data:
    case Verb::foreign: return std::nullopt;
    case Verb::bdat: say(must_start_tls()); return finish("client sent BDAT before STARTTLS");
    default: break;
  }
  return refuse_command(must_start_tls());
}

}  // namespace smtp
