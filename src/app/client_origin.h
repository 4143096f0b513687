// Who a client is: what the log, the limits, the allow list and the Received line know it by.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/proxy_header.h"
#include "config/config.h"
#include "net/peer_process.h"
#include "net/tcp_stream.h"

namespace app {

struct ClientOrigin {
  net::SocketAddress address;               // of a client of a Unix socket: that of the socket
  std::optional<net::PeerProcess> process;  // where it is known: only of a Unix socket's client
  std::optional<net::SocketAddress> via;    // the proxy that named it

  // "192.0.2.7:40000", "unix:/run/smtpseal/smtp"
  [[nodiscard]] std::string label() const { return address.to_string(); }
  // What max_sessions_per_client counts by: the machine, or the user of this one.
  [[nodiscard]] std::string key() const;
  // Nothing of a network lies between it and us, as far as is known.
  [[nodiscard]] bool is_local() const;
  // How the Received line says that it came through a Unix socket; empty for all others.
  [[nodiscard]] std::string trace_note() const;
  // Of a Unix socket's client its file has said so already.
  [[nodiscard]] bool is_allowed_by(const config::Listener& listener) const;
};

[[nodiscard]] ClientOrigin origin_of(const net::TcpStream& stream);
// The same, of a connection that a proxy handed on.
[[nodiscard]] ClientOrigin origin_of(const net::TcpStream& stream, const base::ProxyHeader& header);
// Whether a header is to be expected of it.
[[nodiscard]] bool is_proxy(const ClientOrigin& origin, const config::Listener& listener);

// The session's first line in the log. `listener`: the address that the client came to.
void log_session_open(base::LogSink& log, const std::string& id, const ClientOrigin& origin,
                      const net::SocketAddress& listener);
// In place of that, for a client that is turned away.
void log_session_refused(base::LogSink& log, const std::string& id, const ClientOrigin& origin,
                         const std::string& reply);

}  // namespace app
