// See slots.h.
#include "app/slots.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "app/listen_advice.h"

namespace app {

base::Result<void> Slot::open(net::Loop& loop, const config::Listener& listener,
                              const BoundSocket* bound, net::PortUse use) {
  const net::SocketAddress& address = bound != nullptr ? bound->address : wanted_.address;
  if (address.is_unix()) {
    if (bound != nullptr) {
      shared_ = bound->shared;
    } else {
      auto made = net::SharedSocket::bind(address, listener.socket_mode);
      if (!made) return made.error();
      shared_ = std::move(made).value();
    }
  }
  auto opened = shared_ ? net::Listener::open(loop, *shared_, *this, true)
                        : net::Listener::open(loop, address, *this, {use, true});
  if (!opened) return opened.error();
  listener_ = std::move(opened).value();
  return {};
}

base::Result<void> Slot::open(net::Loop& loop, std::shared_ptr<net::SharedSocket> inherited) {
  shared_ = std::move(inherited);
  auto opened = net::Listener::open(loop, *shared_, *this, true);
  if (!opened) return opened.error();
  listener_ = std::move(opened).value();
  return {};
}

base::Result<void> Slot::serve_for(ListenerContext& context) {
  context_ = &context;
  return shared_ ? shared_->set_mode(context.listener.socket_mode) : base::Result<void>();
}

base::Result<void> Seating::open(Seat& seat, const Place& place, const BoundSocket* bound_already,
                                 const std::string& where) const {
  auto slot = std::make_unique<Slot>(place.endpoint, events);
  const auto opened = place.socket ? slot->open(loop, place.socket)
                                   : slot->open(loop, seat.context->listener, bound_already, use);
  if (!opened) return with_hint(opened.error(), place.endpoint.address, where);
  seat.opened = std::move(slot);
  return {};
}

// For each place the open slot that is named again, or a new one. `first`: where in `bound` they
// begin.
base::Result<std::vector<Seat>> Seating::seats_of(ListenerContext& context,
                                                  std::vector<bool>& is_taken,
                                                  std::size_t first) const {
  const std::string section = config::section_label("listener", context.listener.name);
  const std::string where = config.places.of(section, "listen");
  const bool is_allow_written = !config.places.of(section, "allow").empty();
  std::vector<Seat> seats;
  bool has_some = false;
  std::optional<base::Error> missing;
  for (const base::Endpoint& endpoint : context.listener.listen) {
    const auto places = places_of(endpoint, inherited, is_allow_written, where);
    if (!places) return places.error();
    for (const Place& place : *places) {
      const std::size_t index = first + seats.size();
      Seat& seat = seats.emplace_back();
      seat.context = &context;
      for (std::size_t i = 0; i < slots.size() && seat.reused == 0; ++i) {
        const bool is_same = !is_taken[i] && slots[i]->wanted() == place.endpoint;
        if (!is_same || !slots[i]->is_reachable()) continue;
        is_taken[i] = true;
        seat.reused = i + 1;
      }
      // What the first loop has not, the others have not either.
      if (seat.reused == 0 && (bound.empty() || bound.at(index))) {
        const BoundSocket* const already = bound.empty() ? nullptr : &*bound.at(index);
        if (const auto opened = open(seat, place, already, where); !opened) {
          missing = opened.error();
          const bool is_missing = listen_trouble(*missing) == ListenTrouble::missing;
          if (!where.empty() || !is_missing) return *missing;
          log.warn("-", "listen-skip", {{"reason", missing->detail}});
        }
      }
      has_some = has_some || seat.reused > 0 || seat.opened;
    }
  }
  if (missing && !has_some) return *missing;
  return seats;
}

// An address of the default that this machine lacks gets no slot.
base::Result<std::vector<Seat>> Seating::take() const {
  std::vector<Seat> seats;
  std::vector<bool> is_taken(slots.size(), false);
  for (const auto& context : listeners) {
    auto more = seats_of(*context, is_taken, seats.size());
    if (!more) return more.error();
    std::move(more->begin(), more->end(), std::back_inserter(seats));
  }
  return seats;
}

Bound bound_by(const std::vector<Seat>& seats, const Slots& slots) {
  Bound bound;
  for (const Seat& seat : seats) {
    const Slot* slot = seat.reused > 0 ? slots[seat.reused - 1].get() : seat.opened.get();
    bound.push_back(slot == nullptr ? std::nullopt : std::optional(slot->bound()));
  }
  return bound;
}

}  // namespace app
