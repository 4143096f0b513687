// The heap side of a connection: what libuv holds on to until its close callback. net's own.
#pragma once

#include <optional>
#include <string>

#include <uv.h>

#include "base/bytes.h"
#include "net/linger.h"
#include "net/tcp_stream.h"

namespace net {

enum class Family { ip, unix_socket };

struct TcpStream::Handle final : Lingering {
  explicit Handle(Loop& of) : loop(&of) {}

  union {
    uv_tcp_t tcp{};
    uv_pipe_t pipe;  // libuv's word for a Unix socket
  };
  uv_write_t write_request{};
  uv_shutdown_t shutdown_request{};
  uv_timer_t linger_timer{};
  Loop* loop;
  StreamEvents* events = nullptr;  // nothing once the owner is gone
  SocketAddress peer;
  SocketAddress local;
  std::optional<PeerProcess> process;
  std::string in_flight;    // with the kernel's write request
  base::ByteQueue waiting;  // behind it
  std::size_t dropped = 0;  // octets read while lingering
  unsigned open_handles = 1;
  bool is_writing = false;
  bool is_reading = false;
  bool has_failed = false;
  bool has_eof = false;
  bool is_lingering = false;

  [[nodiscard]] static base::Result<Handle*> make(Loop& loop, Family family = Family::ip);
  // Peer and local address of a connected socket; TCP_NODELAY.
  [[nodiscard]] base::Result<void> adopt_addresses();
  // Of a Unix socket, both ends of which go by the listener's address; whose the other end is.
  [[nodiscard]] base::Result<void> adopt_unix(const SocketAddress& address);
  [[nodiscard]] uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp); }
  void close();
  void end_now() override;

  [[nodiscard]] int read_start();
  void write(std::string_view bytes);
  void start_write();
  void fail(int status, const char* what);
  void linger(base::Duration most);
  void shut_down();
};

}  // namespace net
