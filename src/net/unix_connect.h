// A connection to a Unix socket.
#pragma once

#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/tcp_stream.h"

namespace net {

// There and then: nothing has to be looked up or waited for. Fault::unreachable names the address.
[[nodiscard]] base::Result<TcpStream> connect_unix(Loop& loop, const SocketAddress& address);

}  // namespace net
