// How a client's session comes to be inside TLS: see client_link.h.
#include <utility>

#include "app/client_link.h"
#include "relay/outcome.h"

namespace app {

void ClientLink::on_starttls() {
  perform(transaction_.on(smtp::from_client::StartTls{}, now()));
  if (login_) login_->forget();
  std::unique_ptr<tls::Engine> engine = context_.tls->make_engine();
  if (engine->state() == tls::State::failed) {
    context_.log->error(id_text_, "session-tls-fail",
                        {{"client", peer_.to_string()}, {"reason", engine->error().detail}});
    session_.reply(relay::tls_unavailable(), now());
    return;
  }
  session_.reply(relay::ready_for_tls(), now());
  if (!session_.is_tls_due()) {
    context_.log->warn(id_text_, "session-tls-fail",
                       {{"client", peer_.to_string()}, {"reason", session_.end_reason()}});
    return;
  }
  flush();  // the last that is said in plaintext
  begin_tls(std::move(engine), ServerTls::Begin::starttls);
}

void ClientLink::begin_tls(std::unique_ptr<tls::Engine> engine, ServerTls::Begin begin) {
  tls_ = std::make_unique<ServerTls>(std::move(engine), begin, now(), context_.handshake_timeout);
  pump_tls();
}

// What became of the octets that were put in.
void ClientLink::pump_tls() {
  const bool was_up = tls_->is_established() || tls_->is_closed();  // both in one go, even
  if (was_up && !session_.is_tls_up()) on_tls_up();
  const std::string_view plaintext = tls_->plaintext();
  if (session_.is_tls_up() && !plaintext.empty()) {
    session_.receive(plaintext, now());
    tls_->consume_plaintext(plaintext.size());
  }
  if (!tls_->failure().empty()) {
    on_tls_failure();
  } else if (tls_->is_closed()) {
    session_.receive_eof();
  }
}

void ClientLink::on_tls_up() {
  const tls::SessionInfo& info = tls_->info();
  const std::string subject = info.chain.empty() ? "-" : info.chain.front().subject;
  context_.log->info(id_text_, "session-tls",
                     {{"client", peer_.to_string()},
                      {"tls", info.version},
                      {"cipher", info.cipher},
                      {"verify", tls::to_string(info.verification)},
                      {"certificate", subject},
                      {"name", info.server_name.empty() ? "-" : info.server_name}});
  promised_ = offer(true);
  session_.tls_established(promised_, now());
  if (!is_greeted_) welcome();
}

void ClientLink::on_tls_failure() {
  if (session_.is_finished()) return;
  context_.log->warn(id_text_, "session-tls-fail",
                     {{"client", peer_.to_string()}, {"reason", tls_->failure()}});
  session_.cut(tls_->failure());
}

}  // namespace app
