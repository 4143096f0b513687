// See client_origin.h.
#include "app/client_origin.h"

#include <algorithm>

namespace app {

namespace {

bool is_in(const std::vector<base::Network>& networks, const net::SocketAddress& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const base::Network& network) { return network.contains(address); });
}

}  // namespace

std::string ClientOrigin::key() const {
  if (!address.is_unix()) return address.host();
  return process ? "uid " + std::to_string(process->uid) : address.host();
}

bool ClientOrigin::is_local() const { return !via && (address.is_unix() || address.is_loopback()); }

std::string ClientOrigin::trace_note() const {
  if (!address.is_unix()) return {};
  return process ? "local socket, uid " + std::to_string(process->uid) : "local socket";
}

bool ClientOrigin::is_allowed_by(const config::Listener& listener) const {
  return address.is_unix() || is_in(listener.allow, address);
}

ClientOrigin origin_of(const net::TcpStream& stream) {
  return {stream.peer(), stream.process(), std::nullopt};
}

ClientOrigin origin_of(const net::TcpStream& stream, const base::ProxyHeader& header) {
  // A proxy that speaks for itself is a client as others are.
  if (!header.client) return {stream.peer(), stream.process(), stream.peer()};
  return {*header.client, std::nullopt, stream.peer()};
}

bool is_proxy(const ClientOrigin& origin, const config::Listener& listener) {
  return origin.address.is_unix() || is_in(listener.proxy_networks, origin.address);
}

void log_session_open(base::LogSink& log, const std::string& id, const ClientOrigin& origin,
                      const net::SocketAddress& listener) {
  if (origin.via) {
    log.info(id, "session-open",
             {{"client", origin.label()},
              {"via", origin.via->to_string()},
              {"listener", listener.to_string()}});
  } else if (origin.process) {
    log.info(id, "session-open",
             {{"client", origin.label()},
              {"uid", origin.process->uid},
              {"pid", origin.process->pid},
              {"listener", listener.to_string()}});
  } else {
    log.info(id, "session-open", {{"client", origin.label()}, {"listener", listener.to_string()}});
  }
}

void log_session_refused(base::LogSink& log, const std::string& id, const ClientOrigin& origin,
                         const std::string& reply) {
  if (origin.via) {
    log.warn(id, "session-open",
             {{"client", origin.label()}, {"via", origin.via->to_string()}, {"refused", reply}});
  } else {
    log.warn(id, "session-open", {{"client", origin.label()}, {"refused", reply}});
  }
}

}  // namespace app
