#include "tls/tickets.h"

#include <algorithm>

namespace tls {

base::WallTime resumable_until(const std::vector<CertificateFacts>& chain, base::WallTime now,
                               std::chrono::hours most) {
  base::WallTime until = now + most;
  for (const CertificateFacts& certificate : chain) {
    // Servers send along what has expired and is part of no chain that was verified.
    if (certificate.not_after > now) until = std::min(until, certificate.not_after);
  }
  return until;
}

}  // namespace tls
