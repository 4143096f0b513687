// Logging in to the smarthost with credentials of our own (RFC 4954): which mechanism, what is said
// to which reply, and what a refusal means. The session (client_session_auth.cc) sends the lines.
//
// With auto the strongest mechanism that is offered comes first, and the next one is tried only
// where the smarthost says that this one will not do (504, 534 and the like). A refused password is
// final: servers that count failures lock accounts and addresses out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "smtp/reply.h"
#include "smtp/sasl_client.h"

namespace smtp {

struct Login {
  Credentials credentials;
  std::optional<Mechanism> mechanism;    // nothing: the strongest that is offered
  const base::Crypto* crypto = nullptr;  // outlives the session
};

// How far a login that failed got: whether it counts where failures are counted.
enum class LoginTrouble {
  none,
  not_tried,  // nothing was said that the smarthost could hold against us
  put_off,    // 4yz, no answer, or the exchange went wrong
  refused,    // 5yz: these credentials are no good
};

class ClientLogin {
 public:
  // Mechanisms that are tried on one connection.
  static constexpr std::size_t kMaxMechanisms = 3;
  // Challenges that are answered in one exchange; the longest mechanism here has two.
  static constexpr unsigned kMaxRounds = 4;

  ClientLogin(Login login, std::vector<std::string> offered);

  struct Say {
    std::string line;
  };
  struct Done {};
  using Step = std::variant<Say, Done, base::Error>;  // the error: Fault::login, or the peer's

  [[nodiscard]] Step begin();
  // To what was said last: 235, 334, or a refusal.
  [[nodiscard]] Step on_reply(const Reply& reply);

  // With *** for what must not be shown: servers may repeat what was said to them. To be asked for
  // before on_reply() is, which forgets it in the end.
  [[nodiscard]] Reply without_secrets(Reply reply) const;
  [[nodiscard]] std::string without_secrets(std::string text) const;

  // After an error: whether this reply, the last one, is all there is to say about it.
  [[nodiscard]] bool was_refused_by(const Reply& reply) const {
    return reply.code >= 400 && !cancelled_;
  }
  [[nodiscard]] LoginTrouble trouble() const { return trouble_; }
  // The mechanism in use, or used last: "PLAIN"; empty before the first.
  [[nodiscard]] std::string_view mechanism() const { return name_; }
  // What was said last without what is secret: "AUTH LOGIN", "AUTH LOGIN (response)".
  [[nodiscard]] const std::string& shown() const { return shown_; }

 private:
  [[nodiscard]] std::vector<Mechanism> candidates() const;
  [[nodiscard]] std::string why_none() const;
  [[nodiscard]] Step try_next();
  [[nodiscard]] Step on_challenge(const Reply& reply);
  [[nodiscard]] Step on_refusal(const Reply& reply);
  [[nodiscard]] Step say_response(std::string response);
  [[nodiscard]] Step cancel(base::Error why);
  [[nodiscard]] Step fail(LoginTrouble trouble, base::Error error);
  [[nodiscard]] std::string words_of(const Reply& reply) const;
  // `command`, or nothing, and a response in base64: what is said next, and remembered.
  [[nodiscard]] Say say(std::string command, std::string encoded);

  Login login_;
  std::vector<std::string> offered_;
  std::vector<Mechanism> left_;  // to be tried, the next one last
  std::size_t tried_ = 0;
  std::unique_ptr<SaslClient> sasl_;
  std::string_view name_;
  std::string shown_;
  std::optional<base::Secret> initial_;  // too long for the command: the first response
  base::Secret said_;                    // the longest response, in base64
  unsigned rounds_ = 0;
  std::optional<base::Error> cancelled_;  // why "*" was said
  LoginTrouble trouble_ = LoginTrouble::not_tried;
};

}  // namespace smtp
