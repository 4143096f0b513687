// See inherited_places.h.
#include "app/inherited_places.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace app {

namespace {

std::string names_of(const platform::InheritedSockets& sockets) {
  std::string names;
  for (const platform::InheritedSocket& each : sockets) {
    names += (names.empty() ? "" : ", ") + base::printable(each.name, 80);
  }
  return names;
}

base::Error refused(const base::Endpoint& endpoint, const std::string& where, std::string why) {
  return {base::Fault::config, where + ": listen = " + endpoint.to_string() + ": " + why};
}

}  // namespace

base::Result<std::vector<Place>> places_of(const base::Endpoint& endpoint,
                                           const platform::InheritedSockets& inherited,
                                           bool is_allow_written, const std::string& where) {
  if (!endpoint.is_inherited()) return std::vector<Place>{{endpoint, nullptr}};
  if (inherited.empty()) {
    return refused(endpoint, where,
                   "no socket was passed: start smtpseal by its .socket unit, or by one with "
                   "Sockets= in its service");
  }
  std::vector<Place> places;
  for (const platform::InheritedSocket& each : inherited) {
    if (each.name != endpoint.inherited) continue;
    auto socket = net::SharedSocket::inherit(each.number);
    if (!socket) {
      return refused(endpoint, where,
                     "descriptor " + std::to_string(each.number) +
                         " was passed, but: " + socket.error().detail);
    }
    Place place{endpoint, std::move(socket).value()};
    place.endpoint.address = place.socket->address();
    const base::SocketAddress& address = place.endpoint.address;
    if (!address.is_unix() && !address.is_loopback() && !is_allow_written) {
      return refused(endpoint, where,
                     "other machines can reach " + address.to_string() +
                         ", which was passed, so the networks that may send through it must be "
                         "written down (allow = 192.0.2.0/24, ...)");
    }
    places.push_back(std::move(place));
  }
  if (places.empty()) {
    return refused(
        endpoint, where,
        "no socket of this name was passed (FileDescriptorName=), only: " + names_of(inherited));
  }
  return places;
}

void warn_of_unused(base::LogSink& log, const config::Config& config,
                    const platform::InheritedSockets& inherited) {
  for (const platform::InheritedSocket& each : inherited) {
    const bool is_used = std::any_of(
        config.listeners.begin(), config.listeners.end(), [&](const config::Listener& listener) {
          return std::any_of(
              listener.listen.begin(), listener.listen.end(),
              [&](const base::Endpoint& endpoint) { return endpoint.inherited == each.name; });
        });
    if (is_used) continue;
    log.warn("-", "listen-unused",
             {{"socket", each.name},
              {"reason",
               "it was passed by the service manager, but no listener has listen = "
               "systemd:" +
                   each.name}});
  }
}

}  // namespace app
