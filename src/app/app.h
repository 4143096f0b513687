// One loop of the daemon: its listeners, clients and pools, and how they start, reload and stop.
//
// Everything made from one configuration is a Generation. A reload makes a new one; the old lives
// until the last session that began under it has ended, so that no session sees half of each.
// A new generation is prepared first and put in force by a second call, so that several loops can
// take a configuration together or not at all (workers.h). Nothing here knows of other threads but
// the log and the sessions, which all loops share.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/client_link.h"
#include "app/crowd.h"
#include "app/descriptor_guard.h"
#include "app/mail_rates.h"
#include "app/own_identity.h"
#include "app/proxy_gate.h"
#include "app/sessions.h"
#include "app/slots.h"
#include "app/smarthost_pool.h"
#include "app/spool_runner.h"
#include "app/turn.h"
#include "base/log.h"
#include "base/result.h"
#include "config/config.h"
#include "net/timer.h"

namespace app {

// What a loop is to work with.
struct Setup {
  config::Config config;
  std::uint64_t number = 0;  // of the configuration in this process
  // Certificates of our own, which loops share so that each is loaded once.
  std::shared_ptr<OwnIdentities> identities = std::make_shared<OwnIdentities>();
  // How fast mail may go, for all loops and over reloads.
  std::shared_ptr<MailRates> rates = std::make_shared<MailRates>();
  // Of the process; nothing where no mail is to be kept. It is open when the configuration is put
  // in force, or never.
  Spooler* spooler = nullptr;
  net::PortUse use = net::PortUse::alone;
  // By the first loop: what the others have to share. Empty for the first, or only, one.
  Bound bound;
  platform::InheritedSockets inherited;
};

class App final : net::TimerEvents, SlotEvents, ProxyGateEvents {
 public:
  App(net::Loop& loop, base::LogSink& log, Sessions& sessions);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Makes TLS contexts and opens every listener that is not open yet; clients of those wait. What
  // is in force does not change. An error leaves nothing open that was not.
  [[nodiscard]] base::Result<Bound> prepare(Setup setup);
  // Puts in force what was prepared last, or drops it.
  void commit();
  void abandon();
  // Both at once, for a loop that is alone.
  [[nodiscard]] base::Result<void> start(config::Config config);

  // Stops accepting; ends when the open transactions did, or after drain_timeout. A second call
  // ends at once. The loop is stopped then.
  void drain();

  // As bound, in the order of the configuration.
  [[nodiscard]] std::vector<net::SocketAddress> addresses() const;
  [[nodiscard]] std::size_t sessions() const { return clients_.size(); }

 private:
  struct Generation;
  struct Prepared;

  void on_timer() override;
  void on_client(Slot& slot, net::TcpStream stream) override;
  void on_accept_trouble(const Slot& slot, const base::Error& error) override;
  void on_header(ProxyGate& gate, const base::ProxyHeader& header, std::string_view rest) override;
  void on_no_header(ProxyGate& gate, const base::Error& error) override;

  [[nodiscard]] base::Result<std::unique_ptr<Generation>> make_generation(config::Config config,
                                                                          std::uint64_t number,
                                                                          OwnIdentities& identities,
                                                                          MailRates& rates);
  // A client's session under the listener it came to, counted there for `key`.
  struct Stay {
    Generation* generation = nullptr;
    ListenerContext* context = nullptr;
    Sessions::Place place;
    std::string key;
  };
  // A connection whose proxy has not said yet whose it is.
  struct Waiting {
    std::unique_ptr<ProxyGate> gate;
    Stay stay;
  };

  [[nodiscard]] Generation& generation_of(const ListenerContext& context);
  [[nodiscard]] Sessions::Counts enter(Stay& stay, ListenerContext& context, std::string key);
  void leave(const Stay& stay);
  void note_crowding(ListenerContext& context, unsigned sessions);
  void admit(ListenerContext& context, net::TcpStream stream, const ClientOrigin& origin,
             std::string_view early);
  void await_header(ListenerContext& context, net::TcpStream stream);
  [[nodiscard]] ClientLink& add_client(Stay stay, net::TcpStream stream,
                                       const ClientOrigin& origin);
  [[nodiscard]] bool is_own_listener(const net::SocketAddress& address) const;
  // Its pools deliver the spool's mail from now on.
  void serve_spool();
  [[nodiscard]] bool is_idle() const;
  void see_to_descriptors(const config::Config& config, bool is_first_loop);
  void reap();
  void stop_all();

  net::Loop& loop_;
  base::LogSink& log_;
  Sessions& all_sessions_;
  Turn turn_;
  net::Timer drain_timer_;
  struct Nothing final : net::TimerEvents {
    void on_timer() override {}
  };
  Nothing look_again_;  // a turn is all that is wanted
  net::Timer look_again_timer_;
  std::vector<std::unique_ptr<Generation>> generations_;  // the last one is in force
  std::unique_ptr<SpoolRunner> runner_;                   // of mails on disk, where there are any
  Slots slots_;
  std::unique_ptr<Prepared> prepared_;
  std::map<std::uint64_t, std::unique_ptr<ClientLink>> clients_;
  std::vector<std::uint64_t> finished_clients_;
  std::map<std::uint64_t, Waiting> waiting_;
  std::vector<std::unique_ptr<ProxyGate>> finished_gates_;
  Crowd crowd_;  // of clients
  DescriptorGuard descriptors_;
  bool is_draining_ = false;
  bool is_stopping_ = false;
};

}  // namespace app
