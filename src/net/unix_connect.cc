// See unix_connect.h.
#include "net/unix_connect.h"

#include <utility>

#include "net/tcp_handle.h"
#include "net/unix_socket.h"
#include "net/uv_error.h"

namespace net {

base::Result<TcpStream> connect_unix(Loop& loop, const SocketAddress& address) {
  auto socket = connect_to_unix(address);
  if (!socket) return socket.error();
  auto made = TcpStream::Handle::make(loop, Family::unix_socket);
  if (!made) return made.error();
  TcpStream::Handle& handle = *made.value();
  TcpStream stream(&handle);
  const int status = uv_pipe_open(&handle.pipe, socket->number());
  if (status != 0) return uv_error(base::Fault::local, address.to_string(), status);
  socket->release();
  if (const auto adopted = handle.adopt_unix(address); !adopted) return adopted.error();
  return stream;
}

}  // namespace net
