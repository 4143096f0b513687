// A connection: TCP, or a Unix socket.
//
// Two objects per connection: TcpStream, the owner, which may be destroyed at any moment, also from
// inside its own callbacks; and a heap handle that lives until libuv's close callback. Callbacks go
// one way, to StreamEvents, and are the last statement of what libuv calls.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/peer_process.h"

namespace net {

class StreamEvents {
 public:
  // Bytes that arrived; valid during the call only.
  virtual void on_read(std::string_view bytes) = 0;
  // The peer closed its side; we may still write.
  virtual void on_eof() = 0;
  // The connection is gone (reset, write failed). No further call comes.
  virtual void on_error(const base::Error& error) = 0;
  // queued() fell to zero after it had been above.
  virtual void on_drained() = 0;

 protected:
  ~StreamEvents() = default;
};

class TcpStream {
 public:
  struct Handle;  // net's own

  explicit TcpStream(Handle* handle);
  ~TcpStream();  // closes at once; what is queued may be lost: see close_after_flush
  TcpStream(TcpStream&& other) noexcept;
  TcpStream& operator=(TcpStream&& other) noexcept;

  // Starts delivering to `events`, which must outlive this stream. Reading starts too.
  [[nodiscard]] base::Result<void> start(StreamEvents& events);

  // Takes a copy of what the kernel does not take at once. One system call where it fits. Errors
  // come later, through on_error.
  void write(std::string_view bytes);
  // Octets written here that the kernel has not taken yet.
  [[nodiscard]] std::size_t queued() const;

  void pause_reading();
  void resume_reading();
  [[nodiscard]] bool is_reading() const;

  // Gives up ownership: what is queued is still sent, our side is closed (FIN), what the peer still
  // sends is read and dropped for at most `linger`, so that it sees our last bytes and not a reset.
  static void close_after_flush(TcpStream stream, base::Duration linger);

  // Both ends of a Unix socket have the address of the one that listens.
  [[nodiscard]] const SocketAddress& peer() const;
  [[nodiscard]] const SocketAddress& local() const;
  // The socket's number, where the system gives the lowest that is free: how many descriptors are
  // in use. Nothing elsewhere.
  [[nodiscard]] std::optional<unsigned> descriptor() const;
  // The other end of a Unix socket, where the system tells.
  [[nodiscard]] const std::optional<PeerProcess>& process() const;

 private:
  Handle* handle_ = nullptr;
};

}  // namespace net
