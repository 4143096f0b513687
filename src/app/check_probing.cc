// The probes of check_conversation.h: a login (RFC 4954), an envelope without mail data.
#include <utility>

#include "app/check_conversation.h"
#include "app/login_secret.h"
#include "tls/crypto.h"

namespace app {

void CheckTalk::probe() {
  if (probes == nullptr || !held_.is_ready()) return;
  if (!probes->user.empty() || smarthost_.login.is_configured()) try_login();
  if (!held_.probe_failure && !held_.login_failure && !probes->reverse_path.empty()) {
    try_envelope();
  }
}

// The one that was given here, else that of the configuration. It may block: nothing else goes on.
base::Result<smtp::Login> CheckTalk::login_to_try() const {
  smtp::Login login;
  login.crypto = &tls::crypto();
  if (!probes->user.empty()) {
    login.credentials.username = probes->user;
    login.credentials.kind = smtp::SecretKind::password;
    login.credentials.secret = base::Secret(std::string(probes->password));
    return login;
  }
  auto credentials = fetch_credentials(smarthost_.login);
  if (!credentials) return credentials.error();
  login.credentials = std::move(credentials).value();
  login.credentials.host = smarthost_.hosts.front();
  login.credentials.port = smarthost_.port;
  login.mechanism = smarthost_.login.mechanism;
  return login;
}

void CheckTalk::try_login() {
  const tls::Verification verification =
      engine_ ? engine_->info().verification : tls::Verification::none;
  if (verification != tls::Verification::verified && verification != tls::Verification::pinned) {
    held_.probe_failure = {base::Fault::tls,
                           "not tried: a password is only given away inside TLS with a certificate "
                           "that was verified"};
    return;
  }
  auto login = login_to_try();
  if (!login) {
    held_.probe_failure = login.error();
    return;
  }
  smtp::ClientLogin dialogue(std::move(login).value(), held_.extensions->auth_mechanisms);
  smtp::ClientLogin::Step step = dialogue.begin();
  std::optional<smtp::Reply> latest;
  while (auto* say = std::get_if<smtp::ClientLogin::Say>(&step)) {
    latest = ask(smtp::Sent::auth, say->line, dialogue.shown());
    if (!latest) return;
    held_.exchanges.back().reply = dialogue.without_secrets(*latest);
    step = dialogue.on_reply(*latest);
  }
  const auto* const error = std::get_if<base::Error>(&step);
  if (error == nullptr) return;
  if (!latest) {
    held_.probe_failure = *error;
  } else if (!dialogue.was_refused_by(*latest)) {
    held_.login_failure = *error;
  }
}

void CheckTalk::try_envelope() {
  const std::string mail = "MAIL FROM:" + probes->reverse_path;
  const auto taken = ask(smtp::Sent::mail, mail, mail);
  if (taken && taken->is_positive()) {
    for (const std::string& path : probes->forward_paths) {
      const std::string rcpt = "RCPT TO:" + path;
      if (!ask(smtp::Sent::rcpt, rcpt, rcpt)) break;
    }
  }
  if (!held_.probe_failure) static_cast<void>(ask(smtp::Sent::rset, "RSET", "RSET"));
}

// The reply to a command; nothing when there was none, and probe_failure says why.
std::optional<smtp::Reply> CheckTalk::ask(smtp::Sent what, std::string_view line,
                                          std::string_view shown) {
  shown_ = shown;
  session_.send(what, line, loop_.now());
  while (!held_.failure) {
    const smtp::ClientEvent event = session_.next_event();
    if (const auto* replied = std::get_if<smtp::from_smarthost::Replied>(&event)) {
      return replied->reply;
    }
    if (const auto* failed = std::get_if<smtp::from_smarthost::Failed>(&event)) {
      fail(failed->error);
      break;
    }
    flush();
    hear();
  }
  held_.probe_failure = std::exchange(held_.failure, std::nullopt);
  return std::nullopt;
}

}  // namespace app
