// How clients come to have a session: see app.h.
#include <algorithm>
#include <utility>

#include "app/app.h"
#include "app/format.h"
#include "app/generation.h"
#include "platform/platform.h"
#include "relay/outcome.h"

namespace app {

App::Generation& App::generation_of(const ListenerContext& context) {
  const auto found =
      std::find_if(generations_.begin(), generations_.end(), [&](const auto& generation) {
        return std::any_of(generation->listeners.begin(), generation->listeners.end(),
                           [&](const auto& each) { return each.get() == &context; });
      });
  SMTPSEAL_CHECK(found != generations_.end());
  return **found;
}

void App::on_accept_trouble(const Slot& slot, const base::Error& error) {
  log_.error("-", "accept-fail",
             {{"listen", slot.address().to_string()}, {"reason", error.detail}});
}

Sessions::Counts App::enter(Stay& stay, ListenerContext& context, std::string key) {
  stay.generation = &generation_of(context);
  stay.context = &context;
  stay.place = stay.generation->place_of(context);
  stay.key = std::move(key);
  ++stay.generation->sessions;
  const Sessions::Counts counts = all_sessions_.enter(stay.place, stay.key);
  note_crowding(context, counts.at_place);
  return counts;
}

// In a crowd those who only sit there are sent away sooner.
void App::note_crowding(ListenerContext& context, unsigned sessions) {
  const unsigned most = context.listener.max_sessions;
  if (!context.crowding.on_count(sessions, most)) return;
  const bool is_crowded = context.crowding.is_crowded();
  const base::LogFields fields = {
      {"listener", config::section_label("listener", context.listener.name)},
      {"sessions", sessions},
      {"max-sessions", most}};
  if (is_crowded) {
    log_.warn("-", "crowded", fields);
  } else {
    log_.info("-", "crowd-gone", fields);
  }
  for (const auto& [id, client] : clients_) {
    if (&client->context() == &context) client->on_crowding_changed();
  }
}

void App::leave(const Stay& stay) {
  note_crowding(*stay.context, all_sessions_.leave(stay.place, stay.key));
  --stay.generation->sessions;
}

// As many as the configuration may need, if the system permits; of them some are not for clients.
void App::see_to_descriptors(const config::Config& config, bool is_first_loop) {
  const std::uint64_t beside = descriptors_beside_clients(config);
  const std::uint64_t wanted = descriptors_for_clients(config) + beside;
  const std::optional<std::uint64_t> limit = platform::allow_descriptors(wanted);
  descriptors_.set(limit, beside);
  if (!is_first_loop || !limit || *limit >= wanted) return;
  log_.warn("-", "descriptors-few",
            {{"limit", *limit},
             {"wanted", wanted},
             {"hint",
              "max_sessions and max_connections need more than this process may have open "
              "(ulimit -n, LimitNOFILE)"}});
}

void App::on_client(Slot& slot, net::TcpStream stream) {
  if (is_draining_) return;
  ListenerContext& context = slot.context();
  if (!descriptors_.may_serve(stream.descriptor(), log_)) {
    // Said at once, and its descriptor is free again before the next client is accepted.
    if (!context.is_implicit_tls()) stream.write(smtp::format(relay::too_many_sessions()));
    return;
  }
  if (context.listener.proxy_protocol) {
    await_header(context, std::move(stream));
  } else {
    const ClientOrigin origin = origin_of(stream);
    admit(context, std::move(stream), origin, {});
  }
}

void App::admit(ListenerContext& context, net::TcpStream stream, const ClientOrigin& origin,
                std::string_view early) {
  const config::Listener& listener = context.listener;
  Stay stay;
  const Sessions::Counts counts = enter(stay, context, origin.key());
  ClientLink& client = add_client(std::move(stay), std::move(stream), origin);
  const unsigned per_client = listener.max_sessions_per_client;
  if (!origin.is_allowed_by(listener)) {
    client.start_refusing(relay::not_allowed(origin.address.host()));
  } else if (counts.at_place > listener.max_sessions ||
             (per_client > 0 && counts.from_host > per_client) ||
             (!origin.is_local() &&
              context.crowding.is_share_used_up(counts.from_host, listener.max_sessions))) {
    client.start_refusing(relay::too_many_sessions());
  } else {
    client.start(early);
  }
}

ClientLink& App::add_client(Stay stay, net::TcpStream stream, const ClientOrigin& origin) {
  const std::uint64_t id = all_sessions_.next_id();
  auto link = std::make_unique<ClientLink>(*stay.context, std::move(stream), origin, id);
  ClientLink& client = *link;
  clients_.emplace(id, std::move(link));
  client.on_finished = [this, stay = std::move(stay), id](ClientLink&) {
    leave(stay);
    finished_clients_.push_back(id);
  };
  return client;
}

// --- behind proxies

// Counts as a session of its listener meanwhile, of no client that is known.
void App::await_header(ListenerContext& context, net::TcpStream stream) {
  const ClientOrigin proxy = origin_of(stream);
  Stay stay;
  const Sessions::Counts counts = enter(stay, context, "via " + proxy.key());
  if (!is_proxy(proxy, context.listener)) {
    add_client(std::move(stay), std::move(stream), proxy)
        .start_refusing(relay::not_a_proxy(proxy.address.host()));
    return;
  }
  if (counts.at_place > context.listener.max_sessions) {
    add_client(std::move(stay), std::move(stream), proxy)
        .start_refusing(relay::too_many_sessions());
    return;
  }
  const std::uint64_t id = all_sessions_.next_id();
  ProxyGateEvents& events = *this;
  auto gate = std::make_unique<ProxyGate>(loop_, std::move(stream), id, events);
  ProxyGate& started = *gate;
  waiting_.emplace(id, Waiting{std::move(gate), std::move(stay)});
  started.start();
}

void App::on_header(ProxyGate& gate, const base::ProxyHeader& header, std::string_view rest) {
  auto waiting = waiting_.extract(gate.id());
  leave(waiting.mapped().stay);
  const ClientOrigin origin = origin_of(gate.stream(), header);
  // Kept until the end of the turn: `rest` is in it, and so are we.
  finished_gates_.push_back(std::move(waiting.mapped().gate));
  admit(*waiting.mapped().stay.context, gate.take_stream(), origin, rest);
}

void App::on_no_header(ProxyGate& gate, const base::Error& error) {
  auto waiting = waiting_.extract(gate.id());
  leave(waiting.mapped().stay);
  log_.warn(format_id(gate.id()), "proxy-fail",
            {{"via", gate.stream().peer().to_string()}, {"reason", error.detail}});
  finished_gates_.push_back(std::move(waiting.mapped().gate));
}

}  // namespace app
