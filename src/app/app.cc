// See app.h.
#include "app/app.h"

#include <algorithm>
#include <utility>

#include "app/generation.h"
#include "app/listener_tls.h"
#include "app/listener_users.h"
#include "app/login_trouble.h"
#include "app/smarthost_tls.h"
#include "platform/platform.h"

namespace app {

namespace {

// From when a crowd is first found gone to when its memory is given back: its handles are closed.
constexpr base::Duration kLookAgain = std::chrono::milliseconds(20);

}  // namespace

// A configuration that is to come into force, and what was made of it.
struct App::Prepared {
  std::unique_ptr<Generation> generation;
  std::vector<Seat> seats;
  bool is_first_loop = true;
};

App::App(net::Loop& loop, base::LogSink& log, Sessions& sessions)
    : loop_(loop),
      log_(log),
      all_sessions_(sessions),
      drain_timer_(loop, *this),
      look_again_timer_(loop, look_again_) {
  turn_.set_reap([this] {
    reap();
    log_.gather(true);  // here, since this is the thread of the loop
  });
  loop_.on_turn_end([this] { turn_.end(); });
}

App::~App() {
  loop_.on_turn_end(nullptr);
  log_.gather(false);
}

base::Result<std::unique_ptr<App::Generation>> App::make_generation(config::Config config,
                                                                    std::uint64_t number,
                                                                    OwnIdentities& identities,
                                                                    MailRates& rates) {
  auto generation = std::make_unique<Generation>();
  generation->number = number;
  generation->config = std::move(config);
  const config::General& general = generation->config.general;
  for (const config::Smarthost& smarthost : generation->config.smarthosts) {
    auto context = std::make_unique<SmarthostContext>();
    context->loop = &loop_;
    context->turn = &turn_;
    context->log = &log_;
    context->smarthost = smarthost;
    context->hostname = general.hostname;
    context->expiry = &expiry_watch();
    context->rate = rates.of(smarthost.name, smarthost.pool.max_rate);
    context->is_own_listener = [this](const net::SocketAddress& address) {
      return is_own_listener(address);
    };
    context->on_reached = [this, section = smarthost.name] {
      if (runner_) runner_->smarthost_reached(section);
    };
    auto made = make_smarthost_tls(smarthost, identities);
    if (!made) {
      const auto problem = locate_tls_trouble(generation->config, smarthost, made.error());
      return base::Error{made.error().fault, problem.to_string()};
    }
    context->tls = std::move(made).value();
    if (smarthost.login.is_configured()) {
      if (const auto problem = login_trouble(generation->config, smarthost, Fetch::now)) {
        return base::Error{base::Fault::config, problem->to_string()};
      }
      context->login = std::make_unique<SmarthostLogin>(
          loop_, smarthost.login, std::to_string(number) + ' ' + smarthost.name);
    }
    generation->pools.push_back(std::make_unique<SmarthostPool>(std::move(context)));
  }
  for (const config::Listener& listener : generation->config.listeners) {
    auto context = std::make_unique<ListenerContext>();
    context->loop = &loop_;
    context->turn = &turn_;
    context->log = &log_;
    context->listener = listener;
    context->hostname = general.hostname;
    const config::Smarthost* wanted = generation->config.find_smarthost(listener.smarthost);
    SMTPSEAL_CHECK(wanted != nullptr);
    const auto index = static_cast<std::size_t>(wanted - generation->config.smarthosts.data());
    context->pool = generation->pools[index].get();
    for (const auto& pool : generation->pools) {
      if (!pool->smarthost().sender_match.empty()) context->pools_by_sender.push_back(pool.get());
    }
    auto made = make_listener_tls(listener, identities);
    if (!made) {
      const auto problem = locate_tls_trouble(generation->config, listener, made.error());
      return base::Error{made.error().fault, problem.to_string()};
    }
    context->tls = std::move(made).value();
    auto desk = make_login_desk(loop_, generation->config, listener);
    if (!desk) return desk.error();
    context->desk = std::move(desk).value();
    if (listener.delivery != config::Delivery::relay) {
      context->spool = runner_.get();
      context->spool_max_size = general.spool.max_size;
    }
    generation->listeners.push_back(std::move(context));
  }
  return generation;
}

base::Result<Bound> App::prepare(Setup setup) {
  if (setup.spooler != nullptr && !runner_) {
    auto runner = SpoolRunner::make(loop_, turn_, log_, *setup.spooler);
    if (!runner) return runner.error();
    runner_ = std::move(runner).value();
  }
  auto made =
      make_generation(std::move(setup.config), setup.number, *setup.identities, *setup.rates);
  if (!made) return made.error();
  auto prepared = std::make_unique<Prepared>();
  prepared->generation = std::move(made).value();
  const Generation& generation = *prepared->generation;
  auto seats =
      Seating{
          loop_,           log_,        *this,    generation.config, generation.listeners, slots_,
          setup.inherited, setup.bound, setup.use}
          .take();
  if (!seats) return seats.error();
  prepared->seats = std::move(seats).value();
  prepared->is_first_loop = setup.bound.empty();
  prepared_ = std::move(prepared);
  return bound_by(prepared_->seats, slots_);
}

void App::commit() {
  const std::unique_ptr<Prepared> prepared = std::move(prepared_);
  if (!prepared) return;
  Slots slots;
  std::vector<Slot*> opened;
  for (Seat& seat : prepared->seats) {
    if (seat.reused > 0) {
      slots.push_back(std::move(slots_[seat.reused - 1]));
    } else if (seat.opened) {
      opened.push_back(seat.opened.get());
      slots.push_back(std::move(seat.opened));
    } else {
      continue;
    }
    if (const auto serving = slots.back()->serve_for(*seat.context); !serving) {
      log_.error("-", "listen-fail", {{"reason", serving.error().detail}});
    }
  }
  slots_ = std::move(slots);
  if (!generations_.empty()) {
    for (const auto& pool : generations_.back()->pools) pool->retire();
  }
  see_to_descriptors(prepared->generation->config, prepared->is_first_loop);
  generations_.push_back(std::move(prepared->generation));
  if (runner_) serve_spool();
  for (Slot* slot : opened) slot->let_in();
}

void App::abandon() { prepared_.reset(); }

void App::serve_spool() {
  std::vector<SmarthostPool*> pools;
  for (const auto& pool : generations_.back()->pools) pools.push_back(pool.get());
  runner_->use(std::move(pools));
  runner_->begin();  // nothing to do where no spool could be opened
}

base::Result<void> App::start(config::Config config) {
  Setup setup;
  setup.config = std::move(config);
  if (const auto prepared = prepare(std::move(setup)); !prepared) return prepared.error();
  commit();
  return {};
}

bool App::is_own_listener(const net::SocketAddress& address) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](const auto& slot) {
    const net::SocketAddress& bound = slot->address();
    if (bound.is_unix() || bound.port != address.port) return false;
    return bound.ip == address.ip || (bound.is_unspecified() && address.is_loopback());
  });
}

std::vector<net::SocketAddress> App::addresses() const {
  std::vector<net::SocketAddress> addresses;
  for (const auto& slot : slots_) addresses.push_back(slot->address());
  return addresses;
}

void App::drain() {
  if (is_draining_) {
    stop_all();
    return;
  }
  is_draining_ = true;
  abandon();
  slots_.clear();
  for (const auto& [id, waiting] : waiting_) leave(waiting.stay);
  waiting_.clear();
  base::Duration most = std::chrono::seconds(0);
  if (!generations_.empty()) most = generations_.back()->config.general.drain_timeout;
  drain_timer_.arm(loop_.now() + most);
  if (runner_) runner_->drain();
  for (const auto& [id, client] : clients_) client->drain();
  for (const auto& generation : generations_) {
    for (const auto& pool : generation->pools) pool->retire();
  }
  // With nobody left this turn's reaping ends the loop.
  if (is_idle()) drain_timer_.arm(loop_.now());
}

bool App::is_idle() const { return clients_.empty() && (!runner_ || runner_->is_idle()); }

void App::on_timer() { stop_all(); }

void App::stop_all() {
  if (std::exchange(is_stopping_, true)) return;
  if (!clients_.empty()) log_.warn("-", "drain", {{"sessions-cut", clients_.size()}});
  for (const auto& [id, client] : clients_) client->stop();
  if (runner_) runner_->stop();
}

void App::reap() {
  for (const std::uint64_t id : std::exchange(finished_clients_, {})) clients_.erase(id);
  finished_gates_.clear();
  if (runner_) runner_->reap();
  for (const auto& generation : generations_) {
    for (const auto& pool : generation->pools) pool->reap();
  }
  // All but the last, which is in force.
  for (std::size_t i = 0; i + 1 < generations_.size();) {
    const Generation& old = *generations_[i];
    const bool is_over = old.sessions == 0 &&
                         std::all_of(old.pools.begin(), old.pools.end(), [this](const auto& pool) {
                           return pool->is_empty() && !(runner_ && runner_->is_using(*pool));
                         });
    if (is_over) {
      generations_.erase(generations_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  if (crowd_.has_gone(clients_.size())) {
    platform::give_back_free_memory();
  } else if (crowd_.is_going()) {
    look_again_timer_.arm(loop_.now() + kLookAgain);
  }
  if (is_draining_ && is_idle()) loop_.stop();
}

}  // namespace app
