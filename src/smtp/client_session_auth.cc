// AUTH with credentials of our own, on the way to Ready: see client_session.h.
#include <utility>

#include "smtp/client_session.h"

namespace smtp {

void ClientSession::log_in_with(Login login) { credentials_ = std::move(login); }

// Never in the clear, whatever else was configured: this is the last place where it can be seen.
ClientEvent ClientSession::log_in() {
  if (!is_encrypted_ || !credentials_) {
    return fail(base::Fault::login,
                "no login: credentials are only given away inside TLS, to a smarthost whose "
                "certificate was verified");
  }
  state_ = State::login;
  login_ = std::make_unique<ClientLogin>(*std::exchange(credentials_, std::nullopt),
                                         extensions_.auth_mechanisms);
  return follow(login_->begin());
}

ClientEvent ClientSession::follow(ClientLogin::Step step) {
  if (auto* say = std::get_if<ClientLogin::Say>(&step)) {
    replies_.allow_long_line(true);
    return proceed(Sent::auth, std::move(say->line));
  }
  if (auto* error = std::get_if<base::Error>(&step)) {
    return fail(error->fault, std::move(error->detail));
  }
  return enter_ready();
}

ClientEvent ClientSession::on_login_reply(const Reply& reply) {
  return follow(login_->on_reply(reply));
}

}  // namespace smtp
