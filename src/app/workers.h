// The loops of `run`, and how they start, reload and stop as one.
//
// With one worker its loop is the main thread's and everything here is a plain call. With more,
// each has a thread, a loop and an App of its own, and shares nothing with the others but the ports
// (the system spreads connections over the listeners of one port), the log, and the counts of
// sessions; the main thread's loop keeps the signals and talks to them through mailboxes.
//
// A configuration comes into force everywhere or nowhere: each worker prepares it in turn, the
// first one resolving ports, and only when all could, all are told to commit, which cannot fail.
// Certificates of our own are loaded before, once and where no client waits for it: a command may
// have to print a passphrase.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "app/app.h"
#include "app/log_sink.h"
#include "app/sessions.h"
#include "app/spooler.h"
#include "base/result.h"
#include "config/config.h"
#include "net/background.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "net/signals.h"
#include "net/thread.h"
#include "platform/inherited.h"

namespace app {

class Workers final : net::SignalEvents, net::BackgroundEvents {
 public:
  struct Callbacks {
    // Gives up what is needed no more once every port is open; there are no threads yet.
    std::function<base::Result<void>(const config::Config&)> seclude;
    // Reads the configuration anew for SIGHUP: nothing when it is broken (what is wrong has been
    // logged then).
    std::function<std::optional<config::Config>()> load;
  };
  Workers(net::Loop& main, Log& log, platform::InheritedSockets inherited, Callbacks callbacks);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Watches signals, opens every listener in as many workers as the configuration wants, and logs
  // `ready` once all accept clients. The main loop runs until the last of them has ended. An error
  // leaves nothing open.
  [[nodiscard]] base::Result<void> start(const config::Config& config);

 private:
  struct Worker {
    std::unique_ptr<net::Loop> loop;  // nothing when it is the main one
    std::unique_ptr<App> app;
    std::unique_ptr<net::Mailbox> mailbox;
    std::unique_ptr<net::Thread> thread;  // waited for before anything of the above goes
  };

  void on_terminate() override;
  void on_reload() override;
  void on_background_done(base::Result<void> result) override;

  [[nodiscard]] base::Result<void> make_workers(std::size_t count);
  [[nodiscard]] base::Result<void> start_threads();
  void on_worker(std::size_t index, std::function<void(App&)> task);
  void on_main(std::function<void()> task);

  [[nodiscard]] Setup setup_for(std::size_t index);
  void prepare(std::size_t index);
  void on_prepared(std::size_t index, const base::Result<Bound>& prepared);
  void commit();
  void on_committed();
  void log_reload();
  void finish(const std::function<void()>& report);
  void on_draining(std::size_t sessions);
  void on_ended();

  net::Loop& main_;
  Log& log_;
  platform::InheritedSockets inherited_;
  Callbacks callbacks_;
  Sessions sessions_;
  std::unique_ptr<net::Signals> signals_;
  std::unique_ptr<net::Mailbox> mailbox_;  // the main loop's; nothing with one worker
  Spooler spooler_;                        // closed when no loop runs any more
  std::vector<Worker> workers_;

  // The configuration that comes into force, and where it has got to.
  std::optional<config::Config> coming_;
  std::shared_ptr<OwnIdentities> identities_;  // of it
  const std::shared_ptr<MailRates> rates_ = std::make_shared<MailRates>();
  std::unique_ptr<net::Background> loading_;  // of these and the spool, while it lasts
  std::uint64_t number_ = 0;
  Bound bound_;
  std::size_t committed_ = 0;  // workers
  bool needs_spool_ = false;
  bool is_started_ = false;
  bool is_reload_wanted_ = false;  // SIGHUP came meanwhile

  bool is_draining_ = false;
  std::size_t told_to_drain_ = 0;  // workers
  std::size_t sessions_to_drain_ = 0;
  std::size_t ended_ = 0;  // workers
};

}  // namespace app
