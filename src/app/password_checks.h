// Passwords that clients said, checked in the background: that is slow by intention, and no other
// client may have to wait for it.
//
// A few at a time, in the order they came: the threads are few, and names are looked up by them as
// well. What a client that has left still costs counts, too, or one that comes and goes could keep
// every thread busy. Who said the right password before is let in without all that.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "net/background.h"
#include "net/loop.h"
#include "smtp/sasl_server.h"

namespace app {

class PasswordCheckEvents {
 public:
  // Once, on a later turn than begin().
  virtual void on_password_checked(const base::Result<bool>& is_right) = 0;

 protected:
  ~PasswordCheckEvents() = default;
};

// Of one listener in one loop, and one file of users.
class PasswordChecks {
 public:
  // At the same time.
  static constexpr std::size_t kMaxAtOnce = 2;

  // A check that is wanted: who destroys it is told nothing any more.
  class Check {
   public:
    ~Check();
    Check(const Check&) = delete;
    Check& operator=(const Check&) = delete;

   private:
    friend class PasswordChecks;
    Check(PasswordChecks& owner, smtp::SaslCheck what, PasswordCheckEvents& events)
        : owner_(owner), what_(std::move(what)), events_(events) {}

    PasswordChecks& owner_;
    smtp::SaslCheck what_;
    PasswordCheckEvents& events_;
  };

  PasswordChecks(net::Loop& loop, const base::Crypto& crypto);
  ~PasswordChecks();
  PasswordChecks(const PasswordChecks&) = delete;
  PasswordChecks& operator=(const PasswordChecks&) = delete;

  // Whether this very password was found right before.
  [[nodiscard]] bool is_proven(const smtp::SaslCheck& what);
  [[nodiscard]] std::unique_ptr<Check> begin(smtp::SaslCheck what, PasswordCheckEvents& events);
  // Those that wait, and those that are being made.
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t running() const { return runs_.size(); }

 private:
  struct Run;

  void start_waiting();
  void on_done(Run& run, const base::Result<bool>& is_right);
  void forget(const Check& check);
  void remember(const smtp::SaslCheck& what);
  [[nodiscard]] std::optional<std::string> mark_of(const smtp::SaslCheck& what);

  net::Loop& loop_;
  const base::Crypto& crypto_;
  std::deque<Check*> waiting_;
  std::vector<std::unique_ptr<Run>> runs_;
  // By user, what only the right password makes with a key that never leaves this process.
  std::string mark_key_;
  std::map<std::string, std::string, std::less<>> proven_;
};

}  // namespace app
