// From a host name to a connection: look-up, then its addresses one after another.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/instant.h"
#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/tcp_stream.h"

namespace net {

class ConnectorEvents {
 public:
  virtual void on_connected(TcpStream stream) = 0;
  // Fault::unreachable; the detail names the host, every address tried and why it failed.
  virtual void on_connect_failed(const base::Error& error) = 0;

 protected:
  ~ConnectorEvents() = default;
};

// One attempt to reach one host. Destroying it gives up. A second address is tried beside the first
// after 250 ms (RFC 8305 5), IPv6 and IPv4 in alternation; the first that connects wins.
class Connector {
 public:
  struct State;

  // `host`: a name or an IP literal. `timeout`: for the whole attempt, look-up included. Exactly
  // one of the two calls comes, never before connect() returned.
  [[nodiscard]] static std::unique_ptr<Connector> connect(Loop& loop, const std::string& host,
                                                          std::uint16_t port,
                                                          base::Duration timeout,
                                                          ConnectorEvents& events);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

 private:
  Connector() = default;
  State* state_ = nullptr;
};

class ResolverEvents {
 public:
  virtual void on_resolved(std::vector<SocketAddress> addresses) = 0;
  virtual void on_resolve_failed(const base::Error& error) = 0;

 protected:
  ~ResolverEvents() = default;
};

// A look-up on its own, for `check`. Destroying it cancels.
class Resolver {
 public:
  struct Request;

  [[nodiscard]] static std::unique_ptr<Resolver> resolve(Loop& loop, const std::string& host,
                                                         std::uint16_t port,
                                                         ResolverEvents& events);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

 private:
  Resolver() = default;
  Request* request_ = nullptr;
};

}  // namespace net
