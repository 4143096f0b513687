// Which sessions may be resumed (RFC 8446 2.2, RFC 5077), and until when: rules over facts and a
// time.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "base/instant.h"
#include "tls/tls_engine.h"

namespace tls {

// Tickets kept for one smarthost and policy, the newest of them: enough for the connections of a
// pool.
inline constexpr std::size_t kMaxTickets = 16;
// RFC 8446 4.6.1 allows seven days. What was verified a day ago is verified again.
inline constexpr std::chrono::hours kMaxTicketAge{24};

// How long TLS 1.2 is believed to be the best a peer can do.
inline constexpr std::chrono::hours kMaxTls12TicketAge{1};

// Until when a session whose peer showed `chain`, verified at `now`, may be resumed: not longer
// than `most`, nor than any certificate is valid that was so at `now`.
[[nodiscard]] base::WallTime resumable_until(const std::vector<CertificateFacts>& chain,
                                             base::WallTime now, std::chrono::hours most);

}  // namespace tls
