// How a client authenticates: at the smarthost, or to us. See client_link.h.
#include <algorithm>
#include <utility>

#include "app/client_link.h"
#include "relay/outcome.h"

namespace app {

void ClientLink::prepare_login() {
  if (!context_.desk) return;
  ClientLoginEvents& events = *this;
  login_ = std::make_unique<ClientLogin>(*context_.desk, *context_.log,
                                         LoginLabel{id_text_, peer_.to_string(), context_.hostname},
                                         events);
}

void ClientLink::on_auth(const smtp::from_client::Auth& event) {
  if (!login_) {
    perform(transaction_.on(event, now()));
    return;
  }
  login_->begin(event, now());
  settle_login();
}

void ClientLink::on_auth_response(const smtp::from_client::AuthResponse& event) {
  if (!login_) {
    perform(transaction_.on(event, now()));
    return;
  }
  login_->respond(event, now());
  settle_login();
}

void ClientLink::on_login_answered() {
  if (is_finished_) return;
  settle_login();
  drive();
}

void ClientLink::settle_login() {
  if (!login_) return;
  const std::optional<smtp::Reply> reply = login_->take_reply(now());
  if (!reply) return;
  session_.reply(*reply, now());
  if (login_->is_over()) session_.refuse(relay::too_many_logins());
}

// Where AUTH ends here, the smarthost hears nothing of it: neither who a client is, nor for whom it
// says that it sends (AUTH=, RFC 4954 5).
bool ClientLink::may_send(smtp::from_client::Mail& mail) {
  if (!login_) return true;
  if (login_->is_missing()) {
    session_.reply(relay::authentication_required(), now());
    return false;
  }
  std::erase_if(mail.command.parameters,
                [](const smtp::Parameter& parameter) { return parameter.keyword == "AUTH"; });
  return true;
}

// Who is let in by auth = any has proved nothing.
bool ClientLink::is_client_authenticated() const {
  if (!session_.is_authenticated()) return false;
  return !login_ || !login_->user().empty();
}

std::string ClientLink::client_user() const { return login_ ? login_->user() : std::string(); }

}  // namespace app
