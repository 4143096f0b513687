// Who a client is: what the log, the limits, the allow list and the Received line know it by.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/log.h"
#include "config/config.h"
#include "net/peer_process.h"
#include "net/tcp_stream.h"

namespace app {

struct ClientOrigin {
  net::SocketAddress address;               // of a client of a Unix socket: that of the socket
  std::optional<net::PeerProcess> process;  // where it is known: only of a Unix socket's client

  // "192.0.2.7:40000", "unix:/run/smtpseal/smtp"
  [[nodiscard]] std::string label() const { return address.to_string(); }
  // What max_sessions_per_client counts by: the machine, or the user of this one.
  [[nodiscard]] std::string key() const;
  // How the Received line says that it came through a Unix socket; empty for all others.
  [[nodiscard]] std::string trace_note() const;
  // Of a Unix socket's client its file has said so already.
  [[nodiscard]] bool is_allowed_by(const config::Listener& listener) const;
};

[[nodiscard]] ClientOrigin origin_of(const net::TcpStream& stream);

// The session's first line in the log. `listener`: the address that the client came to.
void log_session_open(base::LogSink& log, const std::string& id, const ClientOrigin& origin,
                      const net::SocketAddress& listener);

}  // namespace app
