// How often a smarthost is asked to let us in after it said no: servers count failures, and lock
// accounts and addresses out.
//
// Of one process, for all its workers. After kMostRefusals failures within kWindow nobody tries
// again until the window has passed; as long as no login has succeeded yet, those under way count
// as well. What is refused over and over is wrong, and is tried every kLongPause only. A reload
// begins anew, and so does another password: somebody may have mended it.
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
  // Between further attempts with what was refused more than kMostRefusals times in a row.
  static constexpr base::Duration kLongPause = std::chrono::minutes(10);
  // What nobody asked about for so long is known no more.
  static constexpr base::Duration kForgotten = std::chrono::hours(1);

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
    // It came to nothing, and nobody knows whether the smarthost counts it.
    void fail(const base::Error& why, base::Instant now);

   private:
    void settle(const base::Error& why, base::Instant now, bool is_refusal);

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
  // What was refused so far says nothing about the password that there is now.
  void renew(const std::string& account);

 private:
  struct Record {
    std::size_t open = 0;  // attempts
    bool is_proven = false;
    std::deque<base::Instant> refusals;  // within the window; failures of other kinds, too
    base::Error last;
    std::size_t in_a_row = 0;  // refusals since a success, or since the password is another
    base::Instant held_until;
    base::Instant asked;  // by begin()
  };

  void prune(base::Instant now);
  // When one that has used up its attempts may try again.
  [[nodiscard]] static base::Instant held_until(const Record& record);

  std::mutex mutex_;
  std::map<std::string, Record> records_;
};

// The one of this process.
[[nodiscard]] LoginGuard& login_guard();

}  // namespace app
