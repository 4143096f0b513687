// See check_listener.h.
#include "app/check_listener.h"

#include <utility>

#include "app/listen_advice.h"
#include "app/listener_tls.h"
#include "app/listener_users.h"
#include "net/listener.h"
#include "net/shared_socket.h"

namespace app {

namespace {

// Binds and lets go. Clients that come in between find nobody, as before.
class Trial final : net::ListenerEvents {
 public:
  [[nodiscard]] std::optional<base::Error> bind(net::Loop& loop, const base::SocketAddress& address,
                                                unsigned socket_mode) {
    if (address.is_unix()) {
      const auto bound = net::SharedSocket::bind(address, socket_mode);
      return bound ? std::nullopt : std::optional(bound.error());
    }
    const auto opened = net::Listener::open(loop, address, *this, {net::PortUse::alone, true});
    return opened ? std::nullopt : std::optional(opened.error());
  }

 private:
  void on_accept(net::TcpStream) override {}
  void on_accept_error(const base::Error&) override {}
};

// Where to reach one who listens at `address`.
base::SocketAddress reachable(base::SocketAddress address) {
  if (!address.is_unspecified()) return address;
  return base::parse_ip(address.is_v6() ? "::1" : "127.0.0.1", address.port).value();
}

std::optional<CheckConversation> speak(const CheckCaller& caller,
                                       const base::SocketAddress& address, config::ClientTls tls) {
  const bool is_implicit = tls == config::ClientTls::implicit;
  config::Smarthost as_client;
  as_client.hosts = {address.is_unix() ? "localhost" : address.host()};
  as_client.port = address.port;
  as_client.mode = is_implicit ? config::Mode::implicit : config::Mode::starttls;
  as_client.tls.level = is_implicit ? tls::Level::encrypt : tls::Level::none;
  auto held = caller.call_anew(address, as_client);
  if (!held) return std::nullopt;
  return std::move(held).value();
}

}  // namespace

std::vector<CheckListener> listeners_of(const config::Config& config,
                                        const config::Smarthost& smarthost) {
  std::vector<CheckListener> listeners;
  OwnIdentities identities;
  for (const config::Listener& listener : config.listeners) {
    if (listener.smarthost != smarthost.name) continue;
    const std::string place =
        config.places.of(config::section_label("listener", listener.name), "listen");
    const auto certificate = examine_listener_tls(listener, identities);
    const std::vector<config::Problem> users_problems = examine_users(config, listener);
    for (const base::Endpoint& endpoint : listener.listen) {
      CheckListener one;
      one.listener = listener;
      one.endpoint = endpoint;
      one.place = place;
      if (certificate) {
        one.certificate = *certificate;
      } else {
        one.tls_problem = locate_tls_trouble(config, listener, certificate.error());
      }
      if (!users_problems.empty()) one.users_problem = users_problems.front();
      listeners.push_back(std::move(one));
    }
  }
  return listeners;
}

void look_at_listeners(const CheckCaller& caller, std::vector<CheckListener>& listeners) {
  for (CheckListener& one : listeners) {
    Trial trial;
    if (one.endpoint.is_inherited()) continue;  // this process has none
    const base::SocketAddress& address = one.endpoint.address;
    one.bind_error = trial.bind(caller.loop(), address, one.listener.socket_mode);
    if (!one.bind_error) continue;
    // Without the privilege it is not told whether somebody has the port.
    const ListenTrouble trouble = listen_trouble(*one.bind_error);
    if (trouble == ListenTrouble::taken || trouble == ListenTrouble::forbidden) {
      one.conversation = speak(caller, reachable(address), one.listener.tls);
    }
  }
}

}  // namespace app
