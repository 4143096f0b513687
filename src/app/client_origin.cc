// See client_origin.h.
#include "app/client_origin.h"

#include <algorithm>

namespace app {

std::string ClientOrigin::key() const {
  if (!address.is_unix()) return address.host();
  return process ? "uid " + std::to_string(process->uid) : address.host();
}

std::string ClientOrigin::trace_note() const {
  if (!address.is_unix()) return {};
  return process ? "local socket, uid " + std::to_string(process->uid) : "local socket";
}

bool ClientOrigin::is_allowed_by(const config::Listener& listener) const {
  return address.is_unix() ||
         std::any_of(listener.allow.begin(), listener.allow.end(),
                     [&](const base::Network& network) { return network.contains(address); });
}

ClientOrigin origin_of(const net::TcpStream& stream) { return {stream.peer(), stream.process()}; }

void log_session_open(base::LogSink& log, const std::string& id, const ClientOrigin& origin,
                      const net::SocketAddress& listener) {
  if (!origin.process) {
    log.info(id, "session-open", {{"client", origin.label()}, {"listener", listener.to_string()}});
    return;
  }
  log.info(id, "session-open",
           {{"client", origin.label()},
            {"uid", origin.process->uid},
            {"pid", origin.process->pid},
            {"listener", listener.to_string()}});
}

}  // namespace app
