// The daemon: listeners, clients, pools, and how they start, reload and stop.
//
// Everything made from one configuration is a Generation. A reload makes a new one; the old lives
// until the last session that began under it has ended, so that no session sees half of each.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/client_link.h"
#include "app/smarthost_pool.h"
#include "app/turn.h"
#include "base/log.h"
#include "base/result.h"
#include "config/config.h"
#include "net/listener.h"
#include "net/signals.h"
#include "net/timer.h"

namespace app {

class App final : net::SignalEvents, net::TimerEvents {
 public:
  App(net::Loop& loop, base::LogSink& log);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Makes TLS contexts, opens every listener and logs `ready`. An error leaves nothing open.
  [[nodiscard]] base::Result<void> start(config::Config config);
  // SIGTERM and SIGINT drain; SIGHUP calls `load` for the new configuration: nothing when that is
  // broken (what is wrong has been logged then).
  [[nodiscard]] base::Result<void> watch_signals(
      std::function<std::optional<config::Config>()> load);
  // Swaps the configuration; on an error the old one stays in force.
  [[nodiscard]] base::Result<void> reload(config::Config config);

  // Stops accepting; ends when the open transactions did, or after drain_timeout. A second call
  // ends at once. The loop is stopped then.
  void drain();

  // As bound, in the order of the configuration.
  [[nodiscard]] std::vector<net::SocketAddress> addresses() const;
  [[nodiscard]] std::size_t sessions() const { return clients_.size(); }

 private:
  struct Generation;
  class Slot;

  void on_terminate() override;
  void on_reload() override;
  void on_timer() override;

  [[nodiscard]] base::Result<std::unique_ptr<Generation>> make_generation(config::Config config);
  [[nodiscard]] base::Result<std::vector<std::unique_ptr<Slot>>> open_slots(Generation& generation);
  [[nodiscard]] bool is_own_listener(const net::SocketAddress& address) const;
  void accept(Slot& slot, net::TcpStream stream);
  void reap();
  void log_ready();
  void stop_all();

  net::Loop& loop_;
  base::LogSink& log_;
  Turn turn_;
  net::Timer drain_timer_;
  std::unique_ptr<net::Signals> signals_;
  std::function<std::optional<config::Config>()> load_;
  std::vector<std::unique_ptr<Generation>> generations_;  // the last one is in force
  std::vector<std::unique_ptr<Slot>> slots_;
  std::map<std::uint64_t, std::unique_ptr<ClientLink>> clients_;
  std::vector<std::uint64_t> finished_clients_;
  std::uint64_t next_session_;
  bool is_draining_ = false;
  bool is_stopping_ = false;
};

}  // namespace app
