// See mail_rates.h.
#include "app/mail_rates.h"

namespace app {

bool MailRate::take(base::Instant now) {
  const std::lock_guard lock(mutex_);
  return window_.take(now);
}

base::Instant MailRate::turn_of(std::size_t ahead, base::Instant now) const {
  const std::lock_guard lock(mutex_);
  return window_.turn_of(ahead, now);
}

std::shared_ptr<MailRate> MailRates::of(const std::string& section, const relay::Rate& rate) {
  if (!rate.is_limit()) return nullptr;
  const std::lock_guard lock(mutex_);
  std::shared_ptr<MailRate>& known = by_section_[section];
  if (!known || known->rate() != rate) known = std::make_shared<MailRate>(rate);
  return known;
}

}  // namespace app
