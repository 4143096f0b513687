// The sockets that one loop accepts clients from, and how those of a new configuration are had
// before it comes into force: open ones that it names again are kept, others opened beside them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/client_link.h"
#include "app/inherited_places.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/result.h"
#include "config/config.h"
#include "net/listener.h"
#include "net/shared_socket.h"

namespace app {

// A socket as it was bound, for other loops to listen there as well.
struct BoundSocket {
  net::SocketAddress address;
  std::shared_ptr<net::SharedSocket> shared;  // where the socket itself is to be used
};
// One for each place of the configuration in its order; nothing for an address of the default that
// this machine lacks.
using Bound = std::vector<std::optional<BoundSocket>>;

class Slot;

class SlotEvents {
 public:
  virtual void on_client(Slot& slot, net::TcpStream stream) = 0;
  virtual void on_accept_trouble(const Slot& slot, const base::Error& error) = 0;

 protected:
  ~SlotEvents() = default;
};

// One bound socket; it stays open over reloads while the configuration names it.
class Slot final : net::ListenerEvents {
 public:
  Slot(base::Endpoint wanted, SlotEvents& events) : wanted_(std::move(wanted)), events_(events) {}

  // What is wanted is opened, or what another loop has bound for it; or else `inherited` is used.
  // Clients wait until let_in().
  [[nodiscard]] base::Result<void> open(net::Loop& loop, const config::Listener& listener,
                                        const BoundSocket* bound, net::PortUse use);
  [[nodiscard]] base::Result<void> open(net::Loop& loop,
                                        std::shared_ptr<net::SharedSocket> inherited);
  void let_in() { listener_->let_in(); }
  // From now on its clients are served for this listener; the file of a Unix socket is seen to.
  [[nodiscard]] base::Result<void> serve_for(ListenerContext& context);

  [[nodiscard]] const base::Endpoint& wanted() const { return wanted_; }
  [[nodiscard]] const net::SocketAddress& address() const { return listener_->address(); }
  // Whether clients can come still: the file of a Unix socket may be gone.
  [[nodiscard]] bool is_reachable() const { return !shared_ || !shared_->has_lost_file(); }
  [[nodiscard]] BoundSocket bound() const { return {address(), shared_}; }
  [[nodiscard]] ListenerContext& context() const { return *context_; }

 private:
  void on_accept(net::TcpStream stream) override { events_.on_client(*this, std::move(stream)); }
  void on_accept_error(const base::Error& error) override {
    events_.on_accept_trouble(*this, error);
  }

  base::Endpoint wanted_;
  SlotEvents& events_;
  std::shared_ptr<net::SharedSocket> shared_;
  std::unique_ptr<net::Listener> listener_;
  ListenerContext* context_ = nullptr;
};

using Slots = std::vector<std::unique_ptr<Slot>>;

// Where a slot of the coming configuration comes from.
struct Seat {
  std::size_t reused = 0;        // index + 1 into the slots in force
  std::unique_ptr<Slot> opened;  // when none is reused; nothing when the machine lacks the address
  ListenerContext* context = nullptr;
};

// What is needed to give every place of a configuration its seat.
struct Seating {
  net::Loop& loop;
  base::LogSink& log;
  SlotEvents& events;
  const config::Config& config;
  const std::vector<std::unique_ptr<ListenerContext>>& listeners;  // as those of config
  const Slots& slots;                                              // in force
  const platform::InheritedSockets& inherited;
  const Bound& bound;  // by the first loop; else empty
  net::PortUse use = net::PortUse::alone;

  // Errors name the address; what was opened for others is closed again then.
  [[nodiscard]] base::Result<std::vector<Seat>> take() const;

 private:
  [[nodiscard]] base::Result<std::vector<Seat>> seats_of(ListenerContext& context,
                                                         std::vector<bool>& is_taken,
                                                         std::size_t first) const;
  [[nodiscard]] base::Result<void> open(Seat& seat, const Place& place,
                                        const BoundSocket* bound_already,
                                        const std::string& where) const;
};

// The sockets as they are bound, for the other loops.
[[nodiscard]] Bound bound_by(const std::vector<Seat>& seats, const Slots& slots);

}  // namespace app
