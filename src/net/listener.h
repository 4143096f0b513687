// A listening socket: TCP, or a Unix socket.
#pragma once

#include <memory>

#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/shared_socket.h"
#include "net/tcp_stream.h"

namespace net {

class ListenerEvents {
 public:
  virtual void on_accept(TcpStream stream) = 0;
  // accept failed (descriptors used up, say); the listener goes on and tries again every now and
  // then. Said once, until a client is accepted again.
  virtual void on_accept_error(const base::Error& error) = 0;

 protected:
  ~ListenerEvents() = default;
};

// More than alone only where the system can share ports (base::kCanSharePorts).
enum class PortUse {
  alone,    // nobody else has the port
  first,    // nobody else has it yet; of this user's listeners, others may follow
  another,  // shared with a first one that is open
};

struct ListenOptions {
  PortUse use = PortUse::alone;
  bool is_held = false;  // clients wait in the queue until let_in()
};

class Listener {
 public:
  struct Handle;

  // Errors name the address and the reason. An IPv6 address listens for IPv6 only.
  [[nodiscard]] static base::Result<std::unique_ptr<Listener>> open(Loop& loop,
                                                                    const SocketAddress& address,
                                                                    ListenerEvents& events,
                                                                    ListenOptions options = {});
  // Beside others who accept from the same socket.
  [[nodiscard]] static base::Result<std::unique_ptr<Listener>> open(Loop& loop,
                                                                    const SharedSocket& socket,
                                                                    ListenerEvents& events,
                                                                    bool is_held = false);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Ends holding; the client that waits longest may be accepted from inside the call.
  void let_in();

  // As bound: a port 0 is resolved.
  [[nodiscard]] const SocketAddress& address() const;

 private:
  Listener() = default;

  [[nodiscard]] static std::unique_ptr<Listener> make(Loop& loop, ListenerEvents& events,
                                                      bool is_held);

  Handle* handle_ = nullptr;
};

}  // namespace net
