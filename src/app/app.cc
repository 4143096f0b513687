// See app.h.
#include "app/app.h"

#include <algorithm>
#include <random>
#include <utility>

#include "app/format.h"
#include "app/listen_advice.h"
#include "app/smarthost_tls.h"
#include "platform/platform.h"
#include "relay/outcome.h"

namespace app {

// Everything that was made from one configuration.
struct App::Generation {
  config::Config config;
  std::vector<std::unique_ptr<SmarthostPool>> pools;         // as config.smarthosts
  std::vector<std::unique_ptr<ListenerContext>> listeners;   // as config.listeners
  std::map<const ListenerContext*, std::map<std::string, unsigned>> clients;  // sessions by host
  std::size_t sessions = 0;

  [[nodiscard]] unsigned sessions_of(const ListenerContext& context) const {
    const auto found = clients.find(&context);
    if (found == clients.end()) return 0;
    unsigned total = 0;
    for (const auto& [host, count] : found->second) total += count;
    return total;
  }
};

// One bound address; it stays open over reloads while the configuration names it.
class App::Slot final : net::ListenerEvents {
 public:
  Slot(App& app, net::SocketAddress wanted) : wanted_(std::move(wanted)), app_(app) {}

  [[nodiscard]] base::Result<void> open() {
    auto opened = net::Listener::open(app_.loop_, wanted_, *this);
    if (!opened) return opened.error();
    listener_ = std::move(opened).value();
    return {};
  }

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

App::App(net::Loop& loop, base::LogSink& log)
    : loop_(loop), log_(log), drain_timer_(loop, *this), next_session_(0x10000) {
  // Ids begin anywhere, so that two runs in one log do not share them.
  next_session_ += std::random_device{}() & 0xfffffU;
  turn_.set_reap([this] { reap(); });
  loop_.on_turn_end([this] { turn_.end(); });
}

App::~App() { loop_.on_turn_end(nullptr); }

base::Result<std::unique_ptr<App::Generation>> App::make_generation(config::Config config) {
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
    context->is_own_listener = [this](const net::SocketAddress& address) {
      return is_own_listener(address);
    };
    auto made = make_smarthost_tls(smarthost);
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
    generation->listeners.push_back(std::move(context));
  }
  return generation;
}

// The slots for `generation`: the open ones it names again, and new ones. On an error none of the
// open ones has changed.
base::Result<std::vector<std::unique_ptr<App::Slot>>> App::open_slots(Generation& generation) {
  struct Planned {
    std::size_t reused = 0;  // index + 1 into slots_
    std::unique_ptr<Slot> opened;
    ListenerContext* context = nullptr;
  };
  std::vector<Planned> plan;
  std::vector<bool> is_taken(slots_.size(), false);
  for (const auto& context : generation.listeners) {
    const std::string place = generation.config.places.of(
        config::section_label("listener", context->listener.name), "listen");
    const std::size_t before = plan.size();
    std::optional<base::Error> missing;  // an address of the default that this machine lacks
    for (const net::SocketAddress& address : context->listener.listen) {
      Planned planned;
      planned.context = context.get();
      for (std::size_t i = 0; i < slots_.size() && planned.reused == 0; ++i) {
        if (is_taken[i] || slots_[i]->wanted() != address) continue;
        is_taken[i] = true;
        planned.reused = i + 1;
      }
      if (planned.reused == 0) {
        planned.opened = std::make_unique<Slot>(*this, address);
        planned.opened->serve_for(generation, *context);
        if (const auto opened = planned.opened->open(); !opened) {
          missing = with_hint(opened.error(), address, place);
          const bool is_needed =
              !place.empty() || listen_trouble(*missing) != ListenTrouble::missing;
          if (is_needed) return *missing;
          log_.warn("-", "listen-skip", {{"reason", missing->detail}});
          continue;
        }
      }
      plan.push_back(std::move(planned));
    }
    if (missing && plan.size() == before) return *missing;
  }
  std::vector<std::unique_ptr<Slot>> slots;
  for (Planned& planned : plan) {
    if (planned.reused > 0) planned.opened = std::move(slots_[planned.reused - 1]);
    planned.opened->serve_for(generation, *planned.context);
    slots.push_back(std::move(planned.opened));
  }
  return slots;
}

base::Result<void> App::start(config::Config config) { return reload(std::move(config)); }

base::Result<void> App::reload(config::Config config) {
  auto made = make_generation(std::move(config));
  if (!made) return made.error();
  auto slots = open_slots(*made.value());
  if (!slots) return slots.error();
  slots_ = std::move(slots).value();
  if (!generations_.empty()) {
    for (const auto& pool : generations_.back()->pools) pool->retire();
  }
  generations_.push_back(std::move(made).value());
  log_ready();
  return {};
}

void App::log_ready() {
  std::string addresses;
  for (const net::SocketAddress& address : this->addresses()) {
    if (!addresses.empty()) addresses.append(",");
    addresses.append(address.to_string());
  }
  std::string smarthosts;
  for (const config::Smarthost& smarthost : generations_.back()->config.smarthosts) {
    if (!smarthosts.empty()) smarthosts.append(",");
    smarthosts.append(smarthost.hosts.front() + ":" + std::to_string(smarthost.port));
    const tls::Level level = smarthost.tls.level;
    if (level == tls::Level::verify || level == tls::Level::pin) continue;
    log_.warn("-", "tls-weak",
              {{"smarthost", smarthost.hosts.front()}, {"tls", tls::to_string(level)},
               {"meaning", level == tls::Level::encrypt
                               ? "the smarthost's identity is not verified"
                               : "mail may travel unencrypted"}});
  }
  log_.info("-", "ready", {{"listen", addresses}, {"smarthost", smarthosts}});
  platform::notify_service_manager("READY=1");
}

base::Result<void> App::watch_signals(std::function<std::optional<config::Config>()> load) {
  load_ = std::move(load);
  auto watched = net::Signals::watch(loop_, *this);
  if (!watched) return watched.error();
  signals_ = std::move(watched).value();
  return {};
}

void App::on_terminate() { drain(); }

void App::on_reload() {
  if (is_draining_ || !load_) return;
  std::optional<config::Config> config = load_();
  if (!config) {
    log_.error("-", "reload", {{"result", "failed"}, {"in-force", "the old configuration"}});
    return;
  }
  if (const auto reloaded = reload(*std::move(config)); !reloaded) {
    log_.error("-", "reload", {{"result", "failed"}, {"in-force", "the old configuration"},
                               {"reason", reloaded.error().detail}});
    return;
  }
  log_.info("-", "reload", {{"result", "done"}});
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
  const std::uint64_t id = next_session_++;
  auto link = std::make_unique<ClientLink>(context, std::move(stream), id);
  ClientLink& client = *link;
  clients_.emplace(id, std::move(link));

  unsigned& from_host = generation.clients[&context][peer.host()];
  const unsigned in_all = generation.sessions_of(context);
  ++from_host;
  ++generation.sessions;
  client.on_finished = [this, &generation, &context, id, host = peer.host()](ClientLink&) {
    auto& counts = generation.clients[&context];
    if (--counts[host] == 0) counts.erase(host);
    --generation.sessions;
    finished_clients_.push_back(id);
  };
  const bool is_allowed = std::any_of(listener.allow.begin(), listener.allow.end(),
                                      [&](const auto& net) { return net.contains(peer); });
  const unsigned per_client = listener.max_sessions_per_client;
  if (!is_allowed) {
    client.start_refusing(relay::not_allowed(peer.host()));
  } else if (in_all >= listener.max_sessions || (per_client > 0 && from_host > per_client)) {
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
  platform::notify_service_manager("STOPPING=1");
  log_.info("-", "drain", {{"sessions", clients_.size()}});
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
  if (is_draining_ && clients_.empty()) loop_.stop();
}

}  // namespace app
