// See slots.h.
#include "app/slots.h"

#include <algorithm>
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

base::Result<void> Slot::serve_for(ListenerContext& context) {
  context_ = &context;
  return shared_ ? shared_->set_mode(context.listener.socket_mode) : base::Result<void>();
}

base::Result<void> Seating::open(Seat& seat, const base::Endpoint& endpoint,
                                 const BoundSocket* bound_already, const std::string& place) const {
  auto slot = std::make_unique<Slot>(endpoint, events);
  const auto opened = slot->open(loop, seat.context->listener, bound_already, use);
  if (!opened) return with_hint(opened.error(), endpoint.address, place);
  seat.opened = std::move(slot);
  return {};
}

// A seat for each address: the open ones that are named again, and new ones. An address of the
// default that this machine lacks gets none.
base::Result<std::vector<Seat>> Seating::take() const {
  std::vector<Seat> seats;
  std::vector<bool> is_taken(slots.size(), false);
  for (const auto& context : listeners) {
    const std::string place =
        config.places.of(config::section_label("listener", context->listener.name), "listen");
    bool has_some = false;
    std::optional<base::Error> missing;
    for (const base::Endpoint& endpoint : context->listener.listen) {
      const std::size_t index = seats.size();
      Seat& seat = seats.emplace_back();
      seat.context = context.get();
      for (std::size_t i = 0; i < slots.size() && seat.reused == 0; ++i) {
        if (is_taken[i] || slots[i]->wanted() != endpoint) continue;
        is_taken[i] = true;
        seat.reused = i + 1;
      }
      // What the first loop has not, the others have not either.
      if (seat.reused == 0 && (bound.empty() || bound.at(index))) {
        const BoundSocket* const already = bound.empty() ? nullptr : &*bound.at(index);
        if (const auto opened = open(seat, endpoint, already, place); !opened) {
          missing = opened.error();
          const bool is_missing = listen_trouble(*missing) == ListenTrouble::missing;
          if (!place.empty() || !is_missing) return *missing;
          log.warn("-", "listen-skip", {{"reason", missing->detail}});
        }
      }
      has_some = has_some || seat.reused > 0 || seat.opened;
    }
    if (missing && !has_some) return *missing;
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
