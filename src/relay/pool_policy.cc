#include "relay/pool_policy.h"

#include <algorithm>

namespace relay {

std::string_view why_retire(const IdleConnection& connection, const PoolOptions& options,
                            base::Instant now) {
  const base::Duration idle = now - connection.idle_since;
  // What was opened just now is there for whoever waits, though no connection be kept (0).
  const bool is_just_opened = connection.is_unused && idle == base::Duration::zero();
  if (idle >= options.idle_timeout && !is_just_opened) return "idle timeout";
  if (now - connection.opened >= options.max_age) return "maximum age";
  if (connection.transactions >= options.max_transactions) return "maximum transactions";
  if (connection.bytes >= options.max_bytes) return "maximum bytes";
  // LIMITS MAILMAX (RFC 9422) counts for the connection, whoever's mail it was.
  const std::optional<unsigned> mail_max = connection.extensions.mail_max;
  if (mail_max && connection.transactions >= *mail_max) return "smarthost's MAILMAX";
  return {};
}

base::Instant retire_at(const IdleConnection& connection, const PoolOptions& options) {
  return std::min(connection.idle_since + options.idle_timeout,
                  connection.opened + options.max_age);
}

Decision choose(std::span<const IdleConnection> idle, unsigned existing,
                const smtp::Extensions& needs, bool must_be_fresh, const PoolOptions& options,
                base::Instant now) {
  const IdleConnection* best = nullptr;
  const IdleConnection* fallback = nullptr;
  const IdleConnection* oldest = nullptr;
  for (const IdleConnection& connection : idle) {
    if (oldest == nullptr || connection.idle_since < oldest->idle_since) oldest = &connection;
    const bool is_fresh = connection.is_unused && now - connection.idle_since <= kProbeAfterIdle;
    if (must_be_fresh && !is_fresh) continue;
    if (!why_retire(connection, options, now).empty()) continue;
    if (!smtp::covers(connection.extensions, needs)) {
      if (connection.is_unused) fallback = &connection;
      continue;
    }
    if (best == nullptr || connection.idle_since > best->idle_since) best = &connection;
  }
  if (best == nullptr) best = fallback;
  if (best != nullptr) return {Choice::lease, best->id};
  if (existing < options.max_connections) return {Choice::open, 0};
  if (oldest != nullptr) return {Choice::open, oldest->id};
  return {Choice::wait, 0};
}

void Backoff::on_failure(base::Instant now, std::uint64_t random) {
  if (failures_ < 16) ++failures_;
  base::Duration spacing = kFirst;
  for (unsigned i = 1; i < failures_ && spacing < kMost; ++i) spacing *= 2;
  spacing = std::min(spacing, kMost);
  // Up to a quarter less: never longer than kMost.
  const auto quarter = static_cast<std::uint64_t>((spacing / 4).count());
  const auto jitter = base::Duration(static_cast<base::Duration::rep>(random % (quarter + 1)));
  next_attempt_ = now + spacing - jitter;
}

}  // namespace relay
