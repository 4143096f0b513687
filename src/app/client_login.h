// How one client authenticates to us (auth = any, auth = file:PATH): its AUTH exchanges, the check
// of what it says, and what wrong passwords cost it.
//
// A refusal is held back for a while, and after a few of them the session is over: a client that
// guesses gets few guesses, at a price, wherever it comes from.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/password_checks.h"
#include "base/instant.h"
#include "base/log.h"
#include "smtp/sasl_server.h"
#include "smtp/server_session.h"

namespace app {

// How long the refusal of a wrong password is held back.
inline constexpr base::Duration kLoginDelay = std::chrono::seconds(1);
// Wrong passwords in a session.
inline constexpr unsigned kMaxWrongLogins = 3;

// What all clients of a listener share.
struct LoginDesk {
  LoginDesk(net::Loop& loop, const base::Crypto& by) : crypto(by), checks(loop, by) {}

  const base::Crypto& crypto;
  std::unique_ptr<const smtp::Users> users;  // null: anybody is let in
  PasswordChecks checks;
  base::Duration delay = kLoginDelay;
};

class ClientLoginEvents {
 public:
  // take_reply() has one, or will at deadline().
  virtual void on_login_answered() = 0;

 protected:
  ~ClientLoginEvents() = default;
};

// Who talks, for the log.
struct LoginLabel {
  std::string id;
  std::string client;
  std::string hostname;  // ours
};

class ClientLogin final : PasswordCheckEvents {
 public:
  ClientLogin(LoginDesk& desk, base::LogSink& log, LoginLabel label, ClientLoginEvents& events)
      : desk_(desk), log_(log), label_(std::move(label)), events_(events) {}

  void begin(const smtp::from_client::Auth& event, base::Instant now);
  void respond(const smtp::from_client::AuthResponse& event, base::Instant now);
  // STARTTLS: what was said before is void.
  void forget();

  // The reply that is owed to the client, once it may be given: one for each event.
  [[nodiscard]] std::optional<smtp::Reply> take_reply(base::Instant now);
  // When a reply that is held back may be given.
  [[nodiscard]] std::optional<base::Instant> deadline() const;
  // Too many wrong passwords: nothing is to be said behind the last refusal but good-bye.
  [[nodiscard]] bool is_over() const { return wrong_ >= kMaxWrongLogins && !reply_; }
  // Whether mail must wait for it, and still does.
  [[nodiscard]] bool is_missing() const { return desk_.users && user_.empty(); }
  // Who it proved to be; empty: nobody.
  [[nodiscard]] const std::string& user() const { return user_; }

 private:
  void on_password_checked(const base::Result<bool>& is_right) override;
  void proceed(smtp::SaslStep step, base::Instant now);
  void end(const smtp::SaslEnd& end, base::Instant now);

  LoginDesk& desk_;
  base::LogSink& log_;
  LoginLabel label_;
  ClientLoginEvents& events_;
  std::optional<smtp::SaslServer> exchange_;  // while one is under way
  std::unique_ptr<PasswordChecks::Check> check_;
  std::optional<smtp::Reply> reply_;
  base::Instant due_;  // of it
  base::Instant now_;  // of the last event
  std::string user_;
  unsigned wrong_ = 0;
};

}  // namespace app
