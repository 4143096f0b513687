// What a scripted smarthost saw, shared between its threads and the test.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "support/connection_record.h"
#include "support/patience.h"

namespace support {

class Journal {
 public:
  // A new connection; returns its number.
  int open(bool is_implicit_tls) {
    const std::lock_guard lock(mutex_);
    ConnectionRecord record;
    record.number = static_cast<int>(records_.size());
    record.is_implicit_tls = is_implicit_tls;
    records_.push_back(std::move(record));
    changed_.notify_all();
    return records_.back().number;
  }

  template <typename Change>
  void update(int number, Change&& change) {
    const std::lock_guard lock(mutex_);
    change(records_[static_cast<std::size_t>(number)]);
    changed_.notify_all();
  }

  // One piece of conversation; neighbours of the same kind are joined.
  void exchange(int number, bool is_received, bool is_sealed, std::string_view bytes) {
    update(number, [&](ConnectionRecord& record) {
      if (record.exchanges.empty() || record.exchanges.back().is_received != is_received ||
          record.exchanges.back().is_sealed != is_sealed) {
        record.exchanges.push_back({is_received, is_sealed, {}});
      }
      record.exchanges.back().bytes += bytes;
    });
  }

  void store(StoredMail mail) {
    const std::lock_guard lock(mutex_);
    mails_.push_back(std::move(mail));
    changed_.notify_all();
  }

  // A script that did not go as written.
  void complain(std::string what) {
    const std::lock_guard lock(mutex_);
    complaints_.push_back(std::move(what));
    changed_.notify_all();
  }

  [[nodiscard]] std::vector<ConnectionRecord> records() const {
    const std::lock_guard lock(mutex_);
    return records_;
  }
  [[nodiscard]] std::vector<StoredMail> mails() const {
    const std::lock_guard lock(mutex_);
    return mails_;
  }
  [[nodiscard]] std::vector<std::string> complaints() const {
    const std::lock_guard lock(mutex_);
    return complaints_;
  }

  // Waits until `holds(records, mails)`; false when it does not come to that in time.
  template <typename Condition>
  [[nodiscard]] bool wait_until(Condition&& holds, Milliseconds patience = kPatience) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return holds(records_, mails_); });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<ConnectionRecord> records_;
  std::vector<StoredMail> mails_;
  std::vector<std::string> complaints_;
};

}  // namespace support
