// See check_advice.h: what is tried once mail could be sent, --auth-user, --mail-from and
// --rcpt-to.
#include "app/check_advice.h"

namespace app {

std::string advise_on_login(const smtp::Reply& refusal) {
  if (refusal.is_transient()) return "Wait and try again; the smarthost cannot check logins now.";
  if (refusal.code == 534 || refusal.code == 538) {
    return "The smarthost wants another way to log in; its text above says which. Some providers "
           "want a password made for this application alone.";
  }
  return "User name or password is wrong, or the account may not send mail by SMTP (some providers "
         "must be told to allow it, or want a password made for this application alone).";
}

std::string advise_on_envelope(const smtp::Reply& refusal, bool is_logged_in) {
  if (refusal.is_transient()) {
    return "The smarthost puts this mail off; see its text above. Some put off whom they see for "
           "the first time: try again in a few minutes.";
  }
  // RFC 3463 3.2: about the address.
  const auto enhanced = refusal.enhanced();
  if (enhanced && enhanced->subject == 1) {
    return "The smarthost says that this address does not exist, or cannot be one; see its text "
           "above. Check its spelling.";
  }
  if (refusal.code == 530 || (!is_logged_in && refusal.code == 550)) {
    return "The smarthost takes this mail from known senders only: the application must log in "
           "(try one here with --auth-user NAME), or the smarthost's administrator must allow this "
           "machine's address.";
  }
  return "The smarthost refuses this mail; see its text above. Its administrator can say which "
         "senders and recipients it takes from here.";
}

std::string advise_on_probe(const base::Error& error) {
  switch (error.fault) {
    case base::Fault::tls:
      return "Use tls = verify (--tls verify). smtpseal and this command never give a password "
             "away otherwise.";
    case base::Fault::login:
    case base::Fault::peer_refused:
      return "If mail needs a login here, ask the smarthost's administrator how, and at which "
             "port: many offer AUTH at 587 and 465 only.";
    default: return advise_on_failure({base::Fault::connection, {}});
  }
}

}  // namespace app
