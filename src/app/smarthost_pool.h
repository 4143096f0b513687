// The connections to one smarthost, and who waits for one.
//
// Requests are served at the end of the turn, never from inside the call that makes them, in the
// order they came; but a client's host that has many waiting takes turns with the others, so that
// nobody waits for all of them. One failed attempt to reach the smarthost answers everyone who
// waits for it, so that a thousand clients do not become a thousand connections. The decisions are
// relay::pool_policy's; here are the books.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/smarthost_hosts.h"
#include "app/smarthost_link.h"
#include "app/turn.h"
#include "net/timer.h"
#include "relay/pool_policy.h"

namespace app {

// Who may ask for a connection, or for what the smarthost offers.
class PoolClient : public SmarthostHolder {
 public:
  // The client holds `link` from now on, until it gives it back or loses it.
  virtual void on_leased(SmarthostLink& link, bool is_reused, bool is_reset_owed) = 0;
  virtual void on_lease_failed(const base::Error& error) = 0;
  virtual void on_extensions_known() = 0;
  virtual void on_extensions_unknown(const base::Error& error) = 0;

 protected:
  ~PoolClient() = default;
};

struct LeaseRequest {
  smtp::Extensions needs;
  bool must_be_fresh = false;  // for AUTH, or since another one has just failed the same mail
  bool is_pinned = false;
  // The name to have given in EHLO; empty: our own. Nothing: whatever it was.
  std::optional<std::string> ehlo_name;
  std::string host;  // on whose behalf: hosts take turns
};

class SmarthostPool final : SmarthostLinkOwner, SmarthostHostsEvents, net::TimerEvents, TurnTask {
 public:
  explicit SmarthostPool(std::unique_ptr<SmarthostContext> context);
  ~SmarthostPool();
  SmarthostPool(const SmarthostPool&) = delete;
  SmarthostPool& operator=(const SmarthostPool&) = delete;

  // on_leased or on_lease_failed follows, once, unless it is cancelled before.
  void lease(PoolClient& client, LeaseRequest request);
  // The smarthost's extensions: on_extensions_known or on_extensions_unknown follows, once.
  void want_extensions(PoolClient& client);
  // Whatever this client waits for.
  void cancel(PoolClient& client);
  // A leased link comes back. Not clean: it is closed, for the reason given.
  void give_back(SmarthostLink& link, bool is_clean, const std::string& why);

  // What the smarthost offered when it was reached last, if that is not too long ago or a
  // connection from then lives on.
  [[nodiscard]] const smtp::Extensions* fresh_extensions() const;
  // The same, however long ago; nothing when it never was.
  [[nodiscard]] const smtp::Extensions* known_extensions() const;

  // A mail is to go over a connection that its client holds already, without a lease (it
  // authenticated itself on it): the reason why not now.
  [[nodiscard]] std::optional<base::Error> take_turn_of_held();

  // Whether it has a connection that mail can be, or is being, sent through.
  [[nodiscard]] bool is_serving() const { return has_live_link(); }

  // Idle connections are closed, leased ones when they come back; requests are still served.
  void retire();
  // No connection is left.
  [[nodiscard]] bool is_empty() const { return links_.empty() && dead_.empty(); }
  // Destroys what died. From the end of the turn only.
  void reap() { dead_.clear(); }

  [[nodiscard]] const config::Smarthost& smarthost() const { return context_->smarthost; }

 private:
  struct Waiter {
    PoolClient* client = nullptr;
    LeaseRequest request;
    base::Instant since;
    std::uint64_t round = 0;  // of turns: see line_up()
  };

  // A link that says EHLO by another name, and for whom.
  struct Greeting {
    Waiter waiter;  // whose client is null once it waits no more
    bool was_reused = false;
  };

  struct ExtensionWaiter {
    PoolClient* client = nullptr;
    base::Instant since;
  };

  void on_link_ready(SmarthostLink& link) override;
  void on_link_dead(SmarthostLink& link, const base::Error& error) override;
  void on_hosts_known() override { context_->turn->want(*this); }
  void on_timer() override;
  void on_turn_end() override;

  void serve();
  [[nodiscard]] bool serve_one(const Waiter& waiter, std::vector<relay::IdleConnection>& idle,
                               unsigned& openings_wanted);
  void lease_link(const Waiter& waiter, SmarthostLink& link);
  void hand_over(const Waiter& waiter, SmarthostLink& link, bool is_reused, bool is_reset_owed);
  // smarthost_pool_rate.cc
  [[nodiscard]] bool needs_turn(const Waiter& waiter) const;
  [[nodiscard]] bool must_wait_for_turn(const Waiter& waiter) const;
  [[nodiscard]] bool take_turn(const Waiter& waiter);
  void refuse_too_many(base::Instant now);
  [[nodiscard]] std::optional<base::Instant> next_turn() const;
  // smarthost_pool_opening.cc
  void open_as_wanted(unsigned wanted);
  void try_preferred_host();
  [[nodiscard]] bool end_trial();
  [[nodiscard]] bool open_next(HostWalk walk);
  void go_on(HostWalk walk);
  // smarthost_pool_waiting.cc
  void line_up(Waiter waiter);
  void expire_waiters(base::Instant now);
  [[nodiscard]] base::Instant patience_ends(base::Instant since) const;
  [[nodiscard]] std::optional<base::Instant> next_end_of_patience() const;
  void fail_all(const base::Error& error);
  // smarthost_pool_greeting.cc
  [[nodiscard]] bool greet_first(const Waiter& waiter, SmarthostLink& link);
  void on_greeted(SmarthostLink& link);
  void on_greeting_failed(Greeting greeting, const base::Error& error);
  void expire();
  [[nodiscard]] bool has_waiters() const {
    return !waiters_.empty() || !extension_waiters_.empty();
  }
  // Why a connection that nobody holds may not serve again; empty when it may.
  [[nodiscard]] std::string why_close(const SmarthostLink& link,
                                      const relay::IdleConnection& facts) const;
  void bury(SmarthostLink& link);
  void arm_timer();
  [[nodiscard]] std::vector<relay::IdleConnection> idle_connections() const;
  [[nodiscard]] SmarthostLink* find(std::uint64_t id);
  [[nodiscard]] bool is_idle(const SmarthostLink& link) const;
  [[nodiscard]] std::size_t live_links() const;
  [[nodiscard]] bool has_live_link() const { return live_links() > 0; }
  // The first connection is on its way: how that ends answers everybody who waits.
  [[nodiscard]] bool is_reaching() const;
  [[nodiscard]] base::Instant now() const { return context_->loop->now(); }

  std::unique_ptr<SmarthostContext> context_;
  SmarthostHosts hosts_;
  net::Timer timer_;
  std::map<std::uint64_t, std::unique_ptr<SmarthostLink>> links_;
  std::map<std::uint64_t, HostWalk> walks_;      // of the links that are not ready yet
  std::map<std::uint64_t, Greeting> greetings_;  // of those that greet again
  std::vector<std::unique_ptr<SmarthostLink>> dead_;
  std::deque<Waiter> waiters_;  // by round
  std::deque<Waiter> leaving_;  // who is about to be told that there is nothing for him
  std::uint64_t round_ = 0;     // of the one served last
  std::deque<ExtensionWaiter> extension_waiters_;
  unsigned opening_ = 0;   // walks that clients wait for
  bool was_used_ = false;  // since the last turn: a client asked for a connection
  relay::Backoff backoff_;
  std::optional<base::Error> last_error_;
  std::optional<smtp::Extensions> extensions_;
  std::optional<base::Instant> reached_;  // nothing while the last attempt failed
  base::Instant serving_since_;           // when the first of the live links was ready
  bool is_retired_ = false;
};

}  // namespace app
