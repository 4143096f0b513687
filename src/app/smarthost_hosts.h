// The hosts of one smarthost section: which there are, how they fare, and in which order one
// connection goes through them.
//
// relay::HostHealth decides; here are the books, the look-ups of srv: and mx:, and a TLS context
// for each host.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/host_lookup.h"
#include "app/link_target.h"
#include "app/smarthost_link.h"
#include "base/instant.h"
#include "net/timer.h"
#include "relay/host_health.h"

namespace app {

// The way of one connection through the hosts: each is tried once, until one is ready for mail.
struct HostWalk {
  std::vector<relay::Target> left;
  std::vector<relay::HostFailure> failures;
  std::size_t tried = 0;
  base::Instant deadline;        // of it all
  bool is_first_chosen = false;  // the first of those left comes first, however it fares
  bool is_trial = false;         // of a host that failed, beside those that serve
};

class SmarthostHostsEvents {
 public:
  virtual void on_hosts_known() = 0;

 protected:
  ~SmarthostHostsEvents() = default;
};

class SmarthostHosts final : HostLookupEvents, net::TimerEvents {
 public:
  // Of more than these no connection tries.
  static constexpr std::size_t kMaxTried = 8;
  // An answer of the DNS that is too old is used all the same if there is no newer one by then
  // (RFC 8767 5, "client response timer").
  static constexpr base::Duration kStalePatience = std::chrono::seconds(2);

  SmarthostHosts(SmarthostContext& context, SmarthostHostsEvents& events);
  SmarthostHosts(const SmarthostHosts&) = delete;
  SmarthostHosts& operator=(const SmarthostHosts&) = delete;

  // Whether it is known where to go. If not, it is being looked up, and on_hosts_known() follows.
  [[nodiscard]] bool are_known();
  [[nodiscard]] bool is_looking_up() const { return waiting_until_ && now() < *waiting_until_; }

  // A connection that clients wait for. `is_alone`: there is no room for a trial beside it, so that
  // a host that is due for one comes first.
  [[nodiscard]] HostWalk begin(bool is_alone);
  // The next one on the way; nothing when all were tried, or time is up.
  [[nodiscard]] std::optional<LinkTarget> next(HostWalk& walk);
  // A walk to a host that failed, and is preferred to those that are well, when it is time.
  [[nodiscard]] std::optional<HostWalk> begin_trial();

  void on_ready(const relay::Target& target) { health_.on_ready(target); }
  // A trial came to nothing for reasons of ours.
  void on_trial_ended(const relay::Target& target) { health_.on_trial_ended(target, now()); }
  void on_failure(HostWalk& walk, const relay::Target& target, const base::Error& error);
  // Whether a host that is preferred to it can be had again.
  [[nodiscard]] bool is_outdone(const relay::Target& target) const {
    return health_.is_outdone(target, targets_);
  }

 private:
  // An item of `host`, which is a target, or is looked up.
  struct Item {
    std::optional<relay::Target> target;
    std::unique_ptr<HostLookup> lookup;
  };
  using Peer = std::pair<std::string, std::string>;  // whose tickets, and which name

  void on_lookup_done() override;
  void on_timer() override { events_.on_hosts_known(); }

  void gather_targets();
  void log_lookup(const KnownHosts& known);
  [[nodiscard]] base::Instant now() const { return context_.loop->now(); }
  [[nodiscard]] std::shared_ptr<tls::ClientContext> context_for(const relay::Target& target);

  SmarthostContext& context_;
  SmarthostHostsEvents& events_;
  net::Timer timer_;
  std::vector<Item> items_;
  std::optional<base::Instant> waiting_until_;  // for look-ups
  relay::HostHealth health_;
  std::vector<relay::Target> targets_;
  std::map<Peer, std::shared_ptr<tls::ClientContext>> contexts_;
};

}  // namespace app
