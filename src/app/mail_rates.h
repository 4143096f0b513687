// How fast mail may go to each smarthost (max_rate), over all loops of the process: providers count
// what comes from an account, whichever connection and whichever loop it came by.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/instant.h"
#include "relay/rate_policy.h"

namespace app {

// Of one smarthost. May be used from any thread.
class MailRate {
 public:
  explicit MailRate(relay::Rate rate) : rate_(rate), window_(rate) {}

  [[nodiscard]] const relay::Rate& rate() const { return rate_; }
  // As of relay::RateWindow.
  [[nodiscard]] bool take(base::Instant now);
  [[nodiscard]] base::Instant turn_of(std::size_t ahead, base::Instant now) const;

 private:
  const relay::Rate rate_;
  mutable std::mutex mutex_;
  relay::RateWindow window_;
};

// Of all smarthost sections, by name. May be used from any thread.
class MailRates {
 public:
  // The one of this section; it outlives reloads that leave the rate as it was, and begins anew
  // with another. Nothing when there is no limit.
  [[nodiscard]] std::shared_ptr<MailRate> of(const std::string& section, const relay::Rate& rate);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<MailRate>> by_section_;
};

}  // namespace app
