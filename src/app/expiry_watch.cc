// See expiry_watch.h.
#include "app/expiry_watch.h"

#include <chrono>

#include "app/format.h"

namespace app {

bool ExpiryWatch::is_to_be_told(const std::string& host, const tls::SessionInfo& info,
                                base::WallTime now) {
  constexpr std::chrono::hours kPause{24};
  if (info.chain.empty() || !info.is_bound_by_dates) return false;
  const tls::CertificateFacts& leaf = info.chain.front();
  if (tls::days_left(leaf, now) >= kExpiryWarningDays) return false;
  // A renewed certificate may keep its key, and another one its date.
  const std::string which = host + ' ' + leaf.pin + ' ' + format_day(leaf.not_after);
  const std::lock_guard lock(mutex_);
  std::erase_if(told_, [&](const auto& entry) { return now - entry.second >= kPause; });
  return told_.emplace(which, now).second;
}

ExpiryWatch& expiry_watch() {
  static ExpiryWatch watch;
  return watch;
}

std::string expiry_warning(const tls::CertificateFacts& certificate, base::WallTime now) {
  const std::int64_t days = tls::days_left(certificate, now);
  const std::string left = days <= 0   ? "in less than a day"
                           : days == 1 ? "in 1 day"
                                       : "in " + std::to_string(days) + " days";
  return "the smarthost's certificate expires " + left + ", on " +
         format_day(certificate.not_after) +
         ": whoever runs it must renew it, or from then on no mail will be taken";
}

}  // namespace app
