// See app.h.
#include "app/app.h"

#include <algorithm>
#include <utility>

#include "app/listen_advice.h"
#include "app/listener_tls.h"
#include "app/listener_users.h"
#include "app/smarthost_tls.h"
#include "platform/platform.h"
#include "relay/outcome.h"

namespace app {

// Everything that was made from one configuration.
struct App::Generation {
  config::Config config;
  std::uint64_t number = 0;
  std::vector<std::unique_ptr<SmarthostPool>> pools;        // as config.smarthosts
  std::vector<std::unique_ptr<ListenerContext>> listeners;  // as config.listeners
  std::size_t sessions = 0;

  [[nodiscard]] Sessions::Place place_of(const ListenerContext& context) const {
    const auto found = std::find_if(listeners.begin(), listeners.end(),
                                    [&](const auto& each) { return each.get() == &context; });
    return {number, static_cast<std::size_t>(found - listeners.begin())};
  }
};

// One bound address; it stays open over reloads while the configuration names it.
class App::Slot final : net::ListenerEvents {
 public:
  Slot(App& app, net::SocketAddress wanted) : wanted_(std::move(wanted)), app_(app) {}

  // At `address`, which is the one wanted or stands for it. Clients wait until let_in().
  [[nodiscard]] base::Result<void> open(const net::SocketAddress& address, net::PortUse use) {
    auto opened = net::Listener::open(app_.loop_, address, *this, {use, true});
    if (!opened) return opened.error();
    listener_ = std::move(opened).value();
    return {};
  }

  void let_in() { listener_->let_in(); }

  void serve_for(Generation& of, ListenerContext& context) {
    generation = &of;
    listener = &context;
  }

  [[nodiscard]] const net::SocketAddress& wanted() const { return wanted_; }
  [[nodiscard]] const net::SocketAddress& bound() const { return listener_->address(); }

  Generation* generation = nullptr;
  ListenerContext* listener = nullptr;

 private:
  void on_accept(net::TcpStream stream) override { app_.accept(*this, std::move(stream)); }
  void on_accept_error(const base::Error& error) override {
    app_.log_.error("-", "accept-fail",
                    {{"listen", bound().to_string()}, {"reason", error.detail}});
  }

  net::SocketAddress wanted_;
  App& app_;
  std::unique_ptr<net::Listener> listener_;
};

// A configuration that is to come into force: what was made of it, and a seat for each address.
struct App::Prepared {
  struct Seat {
    std::size_t reused = 0;  // index + 1 into slots_
    std::unique_ptr<Slot>
        opened;  // when none is reused; nothing when the machine lacks the address
    ListenerContext* context = nullptr;
  };
  std::unique_ptr<Generation> generation;
  std::vector<Seat> seats;
};

App::App(net::Loop& loop, base::LogSink& log, Sessions& sessions)
    : loop_(loop), log_(log), all_sessions_(sessions), drain_timer_(loop, *this) {
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
                                                                    OwnIdentities& identities) {
  auto generation = std::make_unique<Generation>();
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
    context->is_own_listener = [this](const net::SocketAddress& address) {
      return is_own_listener(address);
    };
    auto made = make_smarthost_tls(smarthost, identities);
    if (!made) {
      const auto problem = locate_tls_trouble(generation->config, smarthost, made.error());
      return base::Error{made.error().fault, problem.to_string()};
    }
    context->tls = std::move(made).value();
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
    auto made = make_listener_tls(listener, identities);
    if (!made) {
      const auto problem = locate_tls_trouble(generation->config, listener, made.error());
      return base::Error{made.error().fault, problem.to_string()};
    }
    context->tls = std::move(made).value();
    auto desk = make_login_desk(loop_, generation->config, listener);
    if (!desk) return desk.error();
    context->desk = std::move(desk).value();
    generation->listeners.push_back(std::move(context));
  }
  return generation;
}

// A slot for each address: the open ones that are named again, and new ones. An address of the
// default that this machine lacks gets none.
base::Result<void> App::open_slots(Prepared& prepared, const Setup& setup) {
  std::vector<bool> is_taken(slots_.size(), false);
  for (const auto& context : prepared.generation->listeners) {
    const std::string place = prepared.generation->config.places.of(
        config::section_label("listener", context->listener.name), "listen");
    bool has_some = false;
    std::optional<base::Error> missing;
    for (const net::SocketAddress& address : context->listener.listen) {
      const std::size_t index = prepared.seats.size();
      Prepared::Seat& seat = prepared.seats.emplace_back();
      seat.context = context.get();
      for (std::size_t i = 0; i < slots_.size() && seat.reused == 0; ++i) {
        if (is_taken[i] || slots_[i]->wanted() != address) continue;
        is_taken[i] = true;
        seat.reused = i + 1;
      }
      // What the first loop has not, the others have not either.
      if (seat.reused == 0 && (setup.bound.empty() || setup.bound.at(index))) {
        auto slot = std::make_unique<Slot>(*this, address);
        const auto opened =
            slot->open(setup.bound.empty() ? address : *setup.bound.at(index), setup.use);
        if (opened) {
          seat.opened = std::move(slot);
        } else {
          missing = with_hint(opened.error(), address, place);
          const bool is_needed =
              !place.empty() || listen_trouble(*missing) != ListenTrouble::missing;
          if (is_needed) return *missing;
          log_.warn("-", "listen-skip", {{"reason", missing->detail}});
        }
      }
      has_some = has_some || seat.reused > 0 || seat.opened;
    }
    if (missing && !has_some) return *missing;
  }
  return {};
}

base::Result<Bound> App::prepare(Setup setup) {
  auto made = make_generation(std::move(setup.config), *setup.identities);
  if (!made) return made.error();
  auto prepared = std::make_unique<Prepared>();
  prepared->generation = std::move(made).value();
  prepared->generation->number = setup.number;
  if (const auto opened = open_slots(*prepared, setup); !opened) return opened.error();
  prepared_ = std::move(prepared);
  Bound bound;
  for (const Prepared::Seat& seat : prepared_->seats) {
    const Slot* slot = seat.reused > 0 ? slots_[seat.reused - 1].get() : seat.opened.get();
    bound.push_back(slot == nullptr ? std::nullopt : std::optional(slot->bound()));
  }
  return bound;
}

void App::commit() {
  const std::unique_ptr<Prepared> prepared = std::move(prepared_);
  if (!prepared) return;
  std::vector<std::unique_ptr<Slot>> slots;
  std::vector<Slot*> opened;
  for (Prepared::Seat& seat : prepared->seats) {
    if (seat.reused > 0) {
      slots.push_back(std::move(slots_[seat.reused - 1]));
    } else if (seat.opened) {
      opened.push_back(seat.opened.get());
      slots.push_back(std::move(seat.opened));
    } else {
      continue;
    }
    slots.back()->serve_for(*prepared->generation, *seat.context);
  }
  slots_ = std::move(slots);
  if (!generations_.empty()) {
    for (const auto& pool : generations_.back()->pools) pool->retire();
  }
  generations_.push_back(std::move(prepared->generation));
  for (Slot* slot : opened) slot->let_in();
}

void App::abandon() { prepared_.reset(); }

base::Result<void> App::start(config::Config config) {
  Setup setup;
  setup.config = std::move(config);
  if (const auto prepared = prepare(std::move(setup)); !prepared) return prepared.error();
  commit();
  return {};
}

bool App::is_own_listener(const net::SocketAddress& address) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](const auto& slot) {
    const net::SocketAddress& bound = slot->bound();
    if (bound.port != address.port) return false;
    return bound.ip == address.ip || (bound.is_unspecified() && address.is_loopback());
  });
}

std::vector<net::SocketAddress> App::addresses() const {
  std::vector<net::SocketAddress> addresses;
  for (const auto& slot : slots_) addresses.push_back(slot->bound());
  return addresses;
}

void App::accept(Slot& slot, net::TcpStream stream) {
  if (is_draining_) return;
  Generation& generation = *slot.generation;
  ListenerContext& context = *slot.listener;
  const config::Listener& listener = context.listener;
  const net::SocketAddress peer = stream.peer();
  const std::uint64_t id = all_sessions_.next_id();
  auto link = std::make_unique<ClientLink>(context, std::move(stream), id);
  ClientLink& client = *link;
  clients_.emplace(id, std::move(link));

  const Sessions::Place place = generation.place_of(context);
  const Sessions::Counts counts = all_sessions_.enter(place, peer.host());
  ++generation.sessions;
  client.on_finished = [this, &generation, place, id, host = peer.host()](ClientLink&) {
    all_sessions_.leave(place, host);
    --generation.sessions;
    finished_clients_.push_back(id);
  };
  const bool is_allowed = std::any_of(listener.allow.begin(), listener.allow.end(),
                                      [&](const auto& net) { return net.contains(peer); });
  const unsigned per_client = listener.max_sessions_per_client;
  if (!is_allowed) {
    client.start_refusing(relay::not_allowed(peer.host()));
  } else if (counts.at_place > listener.max_sessions ||
             (per_client > 0 && counts.from_host > per_client)) {
    client.start_refusing(relay::too_many_sessions());
  } else {
    client.start();
  }
}

void App::drain() {
  if (is_draining_) {
    stop_all();
    return;
  }
  is_draining_ = true;
  abandon();
  slots_.clear();
  base::Duration most = std::chrono::seconds(0);
  if (!generations_.empty()) most = generations_.back()->config.general.drain_timeout;
  drain_timer_.arm(loop_.now() + most);
  for (const auto& [id, client] : clients_) client->drain();
  for (const auto& generation : generations_) {
    for (const auto& pool : generation->pools) pool->retire();
  }
  // With nobody left this turn's reaping ends the loop.
  if (clients_.empty()) drain_timer_.arm(loop_.now());
}

void App::on_timer() { stop_all(); }

void App::stop_all() {
  if (std::exchange(is_stopping_, true)) return;
  if (!clients_.empty()) log_.warn("-", "drain", {{"sessions-cut", clients_.size()}});
  for (const auto& [id, client] : clients_) client->stop();
}

void App::reap() {
  for (const std::uint64_t id : std::exchange(finished_clients_, {})) clients_.erase(id);
  for (const auto& generation : generations_) {
    for (const auto& pool : generation->pools) pool->reap();
  }
  // All but the last, which is in force.
  for (std::size_t i = 0; i + 1 < generations_.size();) {
    const Generation& old = *generations_[i];
    const bool is_over =
        old.sessions == 0 && std::all_of(old.pools.begin(), old.pools.end(),
                                         [](const auto& pool) { return pool->is_empty(); });
    if (is_over) {
      generations_.erase(generations_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  if (crowd_.has_gone(clients_.size())) platform::give_back_free_memory();
  if (is_draining_ && clients_.empty()) loop_.stop();
}

}  // namespace app
