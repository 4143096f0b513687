// See login_guard.h.
#include "app/login_guard.h"

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
}

void LoginGuard::Attempt::refuse(const base::Error& why, base::Instant now) {
  if (guard_ == nullptr) return;
  LoginGuard& guard = *std::exchange(guard_, nullptr);
  const std::lock_guard lock(guard.mutex_);
  Record& record = guard.records_[account_];
  --record.open;
  record.is_proven = false;
  record.refusals.push_back(now);
  record.last = why;
}

std::variant<LoginGuard::Attempt, LoginGuard::Wait, base::Error> LoginGuard::begin(
    const std::string& account, base::Instant now) {
  const std::lock_guard lock(mutex_);
  prune(now);
  Record& record = records_[account];
  if (record.refusals.size() >= kMostRefusals) {
    const auto left = base::milliseconds_between(now, record.refusals.front() + kWindow);
    return base::Error{record.last.fault, record.last.detail + "; it is not asked again for " +
                                              std::to_string(left / 1000 + 1) + " s"};
  }
  if (!record.is_proven && record.refusals.size() + record.open >= kMostRefusals) return Wait{};
  ++record.open;
  return Attempt(*this, account);
}

bool LoginGuard::is_proven(const std::string& account) {
  const std::lock_guard lock(mutex_);
  const auto found = records_.find(account);
  return found != records_.end() && found->second.is_proven;
}

// Accounts of configurations that are gone go with their last refusal.
void LoginGuard::prune(base::Instant now) {
  for (auto each = records_.begin(); each != records_.end();) {
    Record& record = each->second;
    while (!record.refusals.empty() && record.refusals.front() + kWindow <= now) {
      record.refusals.pop_front();
    }
    const bool is_over = record.open == 0 && record.refusals.empty() && !record.is_proven;
    each = is_over ? records_.erase(each) : std::next(each);
  }
}

LoginGuard& login_guard() {
  static LoginGuard guard;
  return guard;
}

}  // namespace app
