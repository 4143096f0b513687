// See login_guard.h.
#include "app/login_guard.h"

#include <algorithm>

namespace app {

LoginGuard::Attempt::~Attempt() {
  if (guard_ == nullptr) return;
  const std::lock_guard lock(guard_->mutex_);
  --guard_->records_[account_].open;
}

LoginGuard::Attempt::Attempt(Attempt&& other) noexcept
    : guard_(std::exchange(other.guard_, nullptr)), account_(std::move(other.account_)) {}

LoginGuard::Attempt& LoginGuard::Attempt::operator=(Attempt other) noexcept {
  std::swap(guard_, other.guard_);
  std::swap(account_, other.account_);
  return *this;
}

void LoginGuard::Attempt::accept() {
  if (guard_ == nullptr) return;
  LoginGuard& guard = *std::exchange(guard_, nullptr);
  const std::lock_guard lock(guard.mutex_);
  Record& record = guard.records_[account_];
  --record.open;
  record.is_proven = true;
  record.in_a_row = 0;
}

void LoginGuard::Attempt::refuse(const base::Error& why, base::Instant now) {
  settle(why, now, true);
}

void LoginGuard::Attempt::fail(const base::Error& why, base::Instant now) {
  settle(why, now, false);
}

void LoginGuard::Attempt::settle(const base::Error& why, base::Instant now, bool is_refusal) {
  if (guard_ == nullptr) return;
  LoginGuard& guard = *std::exchange(guard_, nullptr);
  const std::lock_guard lock(guard.mutex_);
  Record& record = guard.records_[account_];
  --record.open;
  record.is_proven = false;
  record.refusals.push_back(now);
  record.last = why;
  if (is_refusal && ++record.in_a_row > kMostRefusals) record.held_until = now + kLongPause;
}

std::variant<LoginGuard::Attempt, LoginGuard::Wait, base::Error> LoginGuard::begin(
    const std::string& account, base::Instant now) {
  const std::lock_guard lock(mutex_);
  prune(now);
  Record& record = records_[account];
  record.asked = now;
  const base::Instant until = held_until(record);
  if (until > now) {
    const auto left = base::milliseconds_between(now, until);
    return base::Error{record.last.fault, record.last.detail + "; it is not asked again for " +
                                              std::to_string(left / 1000 + 1) + " s"};
  }
  if (!record.is_proven && record.refusals.size() + record.open >= kMostRefusals) return Wait{};
  ++record.open;
  return Attempt(*this, account);
}

base::Instant LoginGuard::held_until(const Record& record) {
  if (record.refusals.size() < kMostRefusals) return record.held_until;
  return std::max(record.held_until, record.refusals.front() + kWindow);
}

void LoginGuard::renew(const std::string& account) {
  const std::lock_guard lock(mutex_);
  const auto found = records_.find(account);
  if (found == records_.end()) return;
  found->second.in_a_row = 0;
  found->second.held_until = {};
}

bool LoginGuard::is_proven(const std::string& account) {
  const std::lock_guard lock(mutex_);
  const auto found = records_.find(account);
  return found != records_.end() && found->second.is_proven;
}

// Accounts of configurations that are gone, too.
void LoginGuard::prune(base::Instant now) {
  for (auto each = records_.begin(); each != records_.end();) {
    Record& record = each->second;
    while (!record.refusals.empty() && record.refusals.front() + kWindow <= now) {
      record.refusals.pop_front();
    }
    const bool is_over = record.open == 0 && now >= record.asked + kForgotten;
    each = is_over ? records_.erase(each) : std::next(each);
  }
}

LoginGuard& login_guard() {
  static LoginGuard guard;
  return guard;
}

}  // namespace app
