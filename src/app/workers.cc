// See workers.h.
#include "app/workers.h"

#include <string>
#include <utility>

#include "config/hosts.h"
#include "platform/platform.h"

namespace app {

namespace {

void warn_of_weak_tls(base::LogSink& log, const config::Config& config) {
  for (const config::Smarthost& smarthost : config.smarthosts) {
    const tls::Level level = smarthost.tls.level;
    if (level == tls::Level::verify || level == tls::Level::pin) continue;
    log.warn("-", "tls-weak",
             {{"smarthost", config::describe_hosts(smarthost)},
              {"tls", tls::to_string(level)},
              {"meaning", level == tls::Level::encrypt ? "the smarthost's identity is not verified"
                                                       : "mail may travel unencrypted"}});
  }
}

// What is wrong with one of them is told by the first loop that wants it.
void load_identities(const config::Config& config, OwnIdentities& identities) {
  for (const config::Smarthost& smarthost : config.smarthosts) {
    if (smarthost.tls.level == tls::Level::none) continue;
    static_cast<void>(identities.load(smarthost.client_identity, tls::Purpose::client));
  }
  for (const config::Listener& listener : config.listeners) {
    if (listener.tls == config::ClientTls::none) continue;
    static_cast<void>(identities.load(listener.identity, tls::Purpose::server));
  }
}

void log_reload_failure(base::LogSink& log, const base::Error& error) {
  log.error(
      "-", "reload",
      {{"result", "failed"}, {"in-force", "the old configuration"}, {"reason", error.detail}});
}

void log_ready(base::LogSink& log, const config::Config& config, const Bound& bound,
               const Spooler& spooler) {
  std::string addresses;
  for (const std::optional<BoundSocket>& socket : bound) {
    if (!socket) continue;
    if (!addresses.empty()) addresses.append(",");
    addresses.append(socket->address.to_string());
  }
  std::string smarthosts;
  for (const config::Smarthost& smarthost : config.smarthosts) {
    if (!smarthosts.empty()) smarthosts.append(",");
    smarthosts.append(config::describe_hosts(smarthost));
  }
  warn_of_weak_tls(log, config);
  log.info("-", "ready",
           {{"listen", addresses},
            {"smarthost", smarthosts},
            base::LogField::if_any("spool", spooler.is_open() ? spooler.folder() : "")});
  platform::notify_service_manager("READY=1");
}

}  // namespace

Workers::Workers(net::Loop& main, Log& log, platform::InheritedSockets inherited,
                 Callbacks callbacks)
    : main_(main),
      log_(log),
      inherited_(std::move(inherited)),
      callbacks_(std::move(callbacks)),
      spooler_(log) {}

Workers::~Workers() {
  // Those that run still were started before something else went wrong; they have no clients.
  for (const Worker& worker : workers_) {
    if (worker.thread) worker.mailbox->post([&app = *worker.app] { app.drain(); });
  }
  for (Worker& worker : workers_) worker.thread.reset();
  spooler_.close();
}

base::Result<void> Workers::start(const config::Config& config) {
  auto watched = net::Signals::watch(main_, *this);
  if (!watched) return watched.error();
  signals_ = std::move(watched).value();
  if (const auto made = make_workers(config.general.workers); !made) return made;
  coming_ = config;
  identities_ = std::make_shared<OwnIdentities>();
  needs_spool_ = spooler_.is_needed(config);
  // No thread runs yet: whatever goes wrong is told to the caller.
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    auto prepared = workers_[i].app->prepare(setup_for(i));
    if (!prepared) return prepared.error();
    if (i == 0) bound_ = std::move(prepared).value();
  }
  if (const auto secluded = callbacks_.seclude(config); !secluded) return secluded;
  if (const auto opened = spooler_.open(config); !opened) return opened;
  if (const auto started = start_threads(); !started) return started;
  commit();
  return {};
}

base::Result<void> Workers::make_workers(std::size_t count) {
  workers_.resize(count);
  if (count > 1) {
    auto mailbox = net::Mailbox::open(main_);
    if (!mailbox) return mailbox.error();
    mailbox_ = std::move(mailbox).value();
  }
  for (Worker& worker : workers_) {
    if (count > 1) {
      auto loop = net::Loop::make();
      if (!loop) return loop.error();
      worker.loop = std::move(loop).value();
      auto mailbox = net::Mailbox::open(*worker.loop);
      if (!mailbox) return mailbox.error();
      worker.mailbox = std::move(mailbox).value();
    }
    worker.app = std::make_unique<App>(worker.loop ? *worker.loop : main_, log_, sessions_);
  }
  return {};
}

base::Result<void> Workers::start_threads() {
  if (workers_.size() == 1) return {};
  for (Worker& worker : workers_) {
    auto thread = net::Thread::start([this, &loop = *worker.loop] {
      loop.run();
      // Its last clients do not wait for those of the others.
      loop.end_lingering();
      on_main([this] { on_ended(); });
    });
    if (!thread) return thread.error();
    worker.thread = std::move(thread).value();
  }
  return {};
}

// --- messages ---

void Workers::on_worker(std::size_t index, std::function<void(App&)> task) {
  const Worker& worker = workers_[index];
  App& app = *worker.app;
  if (!worker.mailbox) return task(app);
  worker.mailbox->post([&app, task = std::move(task)] { task(app); });
}

void Workers::on_main(std::function<void()> task) {
  if (!mailbox_) return task();
  mailbox_->post(std::move(task));
}

// --- a configuration comes into force ---

Setup Workers::setup_for(std::size_t index) {
  Setup setup;
  setup.config = *coming_;
  setup.number = number_;
  setup.identities = identities_;
  setup.rates = rates_;
  if (needs_spool_) setup.spooler = &spooler_;
  setup.inherited = inherited_;
  if (workers_.size() == 1) return setup;
  setup.use = index == 0 ? net::PortUse::first : net::PortUse::another;
  if (index > 0) setup.bound = bound_;
  return setup;
}

void Workers::on_reload() {
  if (is_draining_) return;
  if (coming_) {
    is_reload_wanted_ = true;
    return;
  }
  std::optional<config::Config> config = callbacks_.load();
  if (!config) {
    log_.error("-", "reload", {{"result", "failed"}, {"in-force", "the old configuration"}});
    return;
  }
  coming_ = std::move(config);
  ++number_;
  identities_ = std::make_shared<OwnIdentities>();
  loading_ = net::Background::begin(
      main_,
      [this, config = *coming_, identities = identities_] {
        load_identities(config, *identities);
        return spooler_.open(config);
      },
      *this);
}

void Workers::on_background_done(base::Result<void> result) {
  loading_.reset();
  if (is_draining_) return;
  if (!result) {
    finish([this, &result] { log_reload_failure(log_, result.error()); });
    return;
  }
  needs_spool_ = spooler_.is_open();
  prepare(0);
}

void Workers::prepare(std::size_t index) {
  on_worker(index, [this, index, setup = setup_for(index)](App& app) {
    on_main([this, index, prepared = app.prepare(setup)] { on_prepared(index, prepared); });
  });
}

void Workers::on_prepared(std::size_t index, const base::Result<Bound>& prepared) {
  if (is_draining_) return;
  if (!prepared) {
    for (std::size_t i = 0; i < index; ++i) on_worker(i, [](App& app) { app.abandon(); });
    finish([this, &prepared] { log_reload_failure(log_, prepared.error()); });
    return;
  }
  if (index == 0) bound_ = prepared.value();
  if (index + 1 < workers_.size()) {
    prepare(index + 1);
  } else {
    commit();
  }
}

void Workers::commit() {
  committed_ = 0;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    on_worker(i, [this](App& app) {
      app.commit();
      on_main([this] { on_committed(); });
    });
  }
}

void Workers::on_committed() {
  if (++committed_ < workers_.size() || is_draining_) return;
  finish([this] {
    log_.set_level(coming_->general.log_level);
    log_ready(log_, *coming_, bound_, spooler_);
    if (!std::exchange(is_started_, true)) return;
    spooler_.use(*coming_);
    warn_of_unused(log_, *coming_, inherited_);
    log_reload();
  });
}

void Workers::log_reload() {
  const bool has_other_folder =
      spooler_.is_open() && coming_->general.spool.folder != spooler_.folder();
  if (has_other_folder) {
    log_.warn("-", "reload",
              {{"spool", spooler_.folder()}, {"note", "another spool_dir needs a restart"}});
  }
  if (coming_->general.workers == workers_.size()) {
    log_.info("-", "reload", {{"result", "done"}});
    return;
  }
  log_.warn("-", "reload",
            {{"result", "done"},
             {"workers", workers_.size()},
             {"note", "another number of workers needs a restart"}});
}

void Workers::finish(const std::function<void()>& report) {
  report();
  coming_.reset();
  identities_.reset();
  bound_.clear();  // of a reload that failed, nobody accepts from these
  if (std::exchange(is_reload_wanted_, false)) on_reload();
}

// --- the end ---

void Workers::on_terminate() {
  if (is_draining_) {
    for (std::size_t i = 0; i < workers_.size(); ++i) on_worker(i, [](App& app) { app.drain(); });
    return;
  }
  is_draining_ = true;
  platform::notify_service_manager("STOPPING=1");
  bound_.clear();  // sockets that loops share are closed once none of these holds them
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    on_worker(i, [this](App& app) {
      on_main([this, sessions = app.sessions()] { on_draining(sessions); });
      app.drain();
    });
  }
}

void Workers::on_draining(std::size_t sessions) {
  sessions_to_drain_ += sessions;
  if (++told_to_drain_ == workers_.size()) {
    log_.info("-", "drain", {{"sessions", sessions_to_drain_}});
  }
}

void Workers::on_ended() {
  if (++ended_ == workers_.size()) main_.stop();
}

}  // namespace app
