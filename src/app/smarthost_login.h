// Credentials for the connections to one smarthost: fetched in the background, kept for a short
// while, thrown away once they were refused.
//
// Connections that want them at the same time share one fetch. What is kept is kept for kKept only:
// tokens of an hour or a day are renewed by whoever writes the file or answers the command.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/login_guard.h"
#include "base/instant.h"
#include "base/result.h"
#include "config/login.h"
#include "net/background.h"
#include "net/loop.h"
#include "net/timer.h"
#include "smtp/client_login.h"

namespace app {

// Who wants credentials.
class LoginWaiter {
 public:
  virtual void on_credentials(const base::Result<smtp::Credentials>& credentials) = 0;

 protected:
  ~LoginWaiter() = default;
};

class SmarthostLogin final : net::BackgroundEvents, net::TimerEvents {
 public:
  static constexpr base::Duration kKept = std::chrono::minutes(1);
  // Connections that are opened at the same time once a login has succeeded; before, one.
  static constexpr unsigned kMostOpenings = static_cast<unsigned>(LoginGuard::kMostRefusals);

  // `account`: see LoginGuard.
  SmarthostLogin(net::Loop& loop, config::Login login, std::string account);
  ~SmarthostLogin();
  SmarthostLogin(const SmarthostLogin&) = delete;
  SmarthostLogin& operator=(const SmarthostLogin&) = delete;

  // on_credentials() follows, once: from inside the call where they are at hand, never with an
  // error then.
  void want(LoginWaiter& waiter);
  void cancel(LoginWaiter& waiter);
  // The next one who wants credentials gets others than these, if there are others.
  void forget() { kept_.reset(); }

  // What the session logs in with. `host`, `port`: whom a token is for.
  [[nodiscard]] smtp::Login make(const smtp::Credentials& credentials, const std::string& host,
                                 std::uint16_t port) const;
  [[nodiscard]] const std::string& account() const { return account_; }
  [[nodiscard]] unsigned most_openings() const {
    return login_guard().is_proven(account_) ? kMostOpenings : 1;
  }

 private:
  void on_background_done(base::Result<void> result) override;
  void on_timer() override;
  void keep(const smtp::Credentials& credentials);

  net::Loop& loop_;
  config::Login login_;
  std::string account_;
  std::vector<LoginWaiter*> waiters_;
  std::unique_ptr<net::Background> fetching_;
  // Shared with the work, which nobody can stop.
  std::shared_ptr<std::optional<base::Result<smtp::Credentials>>> fetched_;
  std::optional<smtp::Credentials> kept_;
  net::Timer expiry_;  // of them
  // What tells one secret from another with a key that never leaves this process.
  std::string mark_key_;
  std::string mark_;  // of the last one
};

}  // namespace app
