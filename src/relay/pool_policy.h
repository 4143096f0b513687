// Which connection to lease, when to open one, which to keep and when to let go: pure decisions
// over facts and a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/instant.h"
#include "relay/rate_policy.h"
#include "smtp/extensions.h"

namespace relay {

struct PoolOptions {
  unsigned max_connections = 8;
  base::Duration idle_timeout = std::chrono::seconds(30);
  unsigned max_transactions = 100;
  base::Duration max_age = std::chrono::minutes(5);
  std::uint64_t max_bytes = std::uint64_t{1} << 30;
  Rate max_rate;  // over all connections of all loops
  // How long a client waits for a connection when all are in use: connect_timeout.
  base::Duration max_wait = std::chrono::seconds(30);
  // How long extensions learnt from the smarthost are believed while no connection to it is open.
  base::Duration extensions_fresh = std::chrono::hours(1);
};

// An idle connection sends RSET before the next MAIL once it sat longer than this: it may be dead.
inline constexpr base::Duration kProbeAfterIdle = std::chrono::seconds(1);

// What is known of a connection that is not leased.
struct IdleConnection {
  std::uint64_t id = 0;
  base::Instant opened;
  base::Instant idle_since;
  unsigned transactions = 0;
  std::uint64_t bytes = 0;
  bool is_unused = false;  // opened and never leased yet
  smtp::Extensions extensions;
};

// Why a connection may not serve again; empty when it may.
[[nodiscard]] std::string_view why_retire(const IdleConnection& connection,
                                          const PoolOptions& options, base::Instant now);
// When the earliest of why_retire's time limits strikes.
[[nodiscard]] base::Instant retire_at(const IdleConnection& connection, const PoolOptions& options);

enum class Choice { lease, open, wait };
struct Decision {
  Choice choice = Choice::wait;
  std::uint64_t id = 0;  // of the connection to lease
};

// The most recently used idle connection that covers `needs` (so that the others can age out; with
// `must_be_fresh` only one that nobody has used and that was opened just now), else one that nobody
// has used although it does not (the smarthost offers no more now: who asked decides, and
// connections are not opened one after the other in search of a better one), else a new one when
// fewer than max_connections exist
// (`existing` counts leased and opening ones too), else an idle one must make room (then `open`
// with the id of the one to close), else wait. An id of 0 is none.
[[nodiscard]] Decision choose(std::span<const IdleConnection> idle, unsigned existing,
                              const smtp::Extensions& needs, bool must_be_fresh,
                              const PoolOptions& options, base::Instant now);

// Spacing of attempts while the smarthost cannot be reached: one attempt at a time, shared by
// everyone who waits; the next not before `next_attempt`. Short on purpose (a client that comes
// after the recovery must be served at once) with jitter so that many sidecars do not strike
// together.
class Backoff {
 public:
  static constexpr base::Duration kFirst = std::chrono::milliseconds(250);
  static constexpr base::Duration kMost = std::chrono::seconds(1);

  // `random`: any number, for the jitter.
  void on_failure(base::Instant now, std::uint64_t random);
  void on_success() {
    failures_ = 0;
    next_attempt_.reset();
  }
  [[nodiscard]] bool is_failing() const { return failures_ > 0; }
  [[nodiscard]] std::optional<base::Instant> next_attempt() const { return next_attempt_; }

 private:
  unsigned failures_ = 0;
  std::optional<base::Instant> next_attempt_;
};

}  // namespace relay
