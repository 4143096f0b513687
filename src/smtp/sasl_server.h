// A client's AUTH exchange (RFC 4954) where it ends here and not at the smarthost: the server's
// side of SASL, without any I/O.
//
// Either the client has to prove that it knows the password of one of the users (PLAIN, LOGIN,
// SCRAM-SHA-256), or, without users, whatever it says is accepted, and not even decoded: for
// devices that insist on authenticating to whom they know. One object an exchange. A password that
// was said is checked by the owner, since that takes its time: SaslCheck asks for it.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "base/secret.h"
#include "smtp/reply.h"
#include "smtp/users.h"

namespace smtp {

// To be said to the client, whose response is then due.
struct SaslChallenge {
  Reply reply;  // 334
};
// Whether this is the password of that verifier: settle() with the answer.
struct SaslCheck {
  std::string user;
  base::Secret password;
  Users::Found found;
};
// The exchange is over.
struct SaslEnd {
  Reply reply;            // 235 when the client is let in
  std::string user;       // who that is; when it is not let in, whom it named, if there is one
  std::string why;        // it is not let in, for the log
  bool is_wrong = false;  // it was, for a name or a password that is wrong
};
using SaslStep = std::variant<SaslChallenge, SaslCheck, SaslEnd>;

// In the order to be offered in. `is_private`: nobody on the way sees a password that is said;
// where one would, only what never says it is offered.
[[nodiscard]] const std::vector<std::string>& mechanisms_of_users(bool is_private);
// What is taken from anybody; devices that know only CRAM-MD5 find it, all others something before.
[[nodiscard]] const std::vector<std::string>& mechanisms_of_any();

class SaslServer {
 public:
  // `users`: nothing lets anybody in. `hostname`: ours. What is pointed to outlives this.
  SaslServer(const Users* users, std::string_view hostname, const base::Crypto& crypto)
      : users_(users), hostname_(hostname), crypto_(crypto) {}

  // What follows AUTH: a mechanism that was offered, in upper case, and perhaps, after a space, an
  // initial response in base64 ("=" is an empty one).
  [[nodiscard]] SaslStep begin(std::string_view argument);
  // A response line: base64, or "*", which cancels.
  [[nodiscard]] SaslStep respond(std::string_view line);
  // To SaslCheck.
  [[nodiscard]] SaslStep settle(const base::Result<bool>& is_right);

  // "PLAIN", for the log.
  [[nodiscard]] const std::string& mechanism() const { return mechanism_; }

 private:
  enum class State {
    begun,            // nothing said yet
    message,          // the one message of PLAIN, the first of SCRAM, awaited
    user,             // LOGIN: the user name awaited
    password,         // LOGIN: the password awaited
    proof,            // SCRAM: the client's last message awaited
    acknowledgement,  // SCRAM: our last message must be answered by an empty line (RFC 4954 4)
    checking,         // settle() awaited
    over,
  };

  [[nodiscard]] SaslStep begin_unchecked(bool has_initial);
  [[nodiscard]] SaslStep respond_unchecked();
  [[nodiscard]] SaslStep take(const std::string& message);
  [[nodiscard]] SaslStep take_plain(std::string_view message);
  [[nodiscard]] SaslStep take_user(std::string_view name);
  [[nodiscard]] SaslStep take_first(std::string_view message);
  [[nodiscard]] SaslStep take_proof(std::string_view message);
  [[nodiscard]] SaslStep answer_first(const std::string& client_nonce);
  [[nodiscard]] SaslStep check(std::string_view password);
  [[nodiscard]] SaslStep challenge(State next, std::string_view text);
  [[nodiscard]] SaslStep accept();
  [[nodiscard]] SaslStep refuse(std::string why);
  [[nodiscard]] SaslStep malformed(std::string_view what);
  [[nodiscard]] SaslStep fail(const base::Error& error);

  const Users* users_;
  std::string_view hostname_;
  const base::Crypto& crypto_;
  State state_ = State::begun;
  std::string mechanism_;
  std::string user_;
  Users::Found found_;  // of user_

  // SCRAM (RFC 5802 3): what AuthMessage is made of.
  std::string gs2_header_;
  std::string client_first_bare_;
  std::string server_first_;
  std::string nonce_;
};

}  // namespace smtp
