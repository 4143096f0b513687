// Smarthosts whose certificates will soon expire: who is to be warned of which, and how often.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/instant.h"
#include "tls/tls_engine.h"

namespace app {

// Days left below which people are warned: time enough to reach whoever runs the smarthost.
inline constexpr int kExpiryWarningDays = 21;

// Of one process, for all its workers.
class ExpiryWatch {
 public:
  // Whether to warn now of a connection to `host`: its certificate expires soon, that will end its
  // being accepted, and nobody was warned of it within a day.
  [[nodiscard]] bool is_to_be_told(const std::string& host, const tls::SessionInfo& info,
                                   base::WallTime now);

 private:
  std::mutex mutex_;
  std::map<std::string, base::WallTime> told_;  // by smarthost and certificate
};

// The one of this process.
[[nodiscard]] ExpiryWatch& expiry_watch();

// "the smarthost's certificate expires in 12 days, on 2026-12-08: …"
[[nodiscard]] std::string expiry_warning(const tls::CertificateFacts& certificate,
                                         base::WallTime now);

}  // namespace app
