// How often a smarthost is asked to let us in after it said no: servers count failures, and lock
// accounts and addresses out.
//
// Of one process, for all its workers. After kMostRefusals refusals within kWindow nobody tries
// again until the window has passed; as long as no login has succeeded yet, those under way count
// as well. A reload begins anew: somebody may have mended the password.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <variant>

#include "base/instant.h"
#include "base/result.h"

namespace app {

class LoginGuard {
 public:
  static constexpr std::size_t kMostRefusals = 3;
  static constexpr base::Duration kWindow = std::chrono::minutes(1);

  // One attempt; given up when it ends without a verdict.
  class Attempt {
   public:
    Attempt(LoginGuard& guard, std::string account)
        : guard_(&guard), account_(std::move(account)) {}
    ~Attempt();
    Attempt(Attempt&& other) noexcept;
    Attempt& operator=(Attempt other) noexcept;

    // Each ends it.
    void accept();
    void refuse(const base::Error& why, base::Instant now);

   private:
    LoginGuard* guard_;  // null: it has ended
    std::string account_;
  };
  // Others are trying: ask again in a moment.
  struct Wait {};

  // `account`: whatever the smarthost counts together. The error: what it said last, and when it is
  // asked again.
  [[nodiscard]] std::variant<Attempt, Wait, base::Error> begin(const std::string& account,
                                                               base::Instant now);
  // The last login that came to a verdict was a success.
  [[nodiscard]] bool is_proven(const std::string& account);

 private:
  struct Record {
    std::size_t open = 0;  // attempts
    bool is_proven = false;
    std::deque<base::Instant> refusals;  // within the window
    base::Error last;
  };

  void prune(base::Instant now);

  std::mutex mutex_;
  std::map<std::string, Record> records_;
};

// The one of this process.
[[nodiscard]] LoginGuard& login_guard();

}  // namespace app
