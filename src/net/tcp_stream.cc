// See tcp_stream.h.
#include "net/tcp_stream.h"

#include <utility>

#include "net/tcp_handle.h"
#include "net/unix_socket.h"
#include "net/uv_error.h"

namespace net {

namespace {

using Handle = TcpStream::Handle;

// What a peer may still send after we have closed our side, before it is cut off.
constexpr std::size_t kMaxDroppedOctets = 16 * 1024 * 1024;

Handle& handle_of(void* data) { return *static_cast<Handle*>(static_cast<Lingering*>(data)); }

void on_alloc(uv_handle_t* raw, std::size_t, uv_buf_t* buffer) noexcept {
  Loop& loop = *handle_of(raw->data).loop;
  *buffer = uv_buf_init(loop.read_buffer(), static_cast<unsigned>(Loop::kReadBufferSize));
}

void on_read(uv_stream_t* raw, ssize_t count, const uv_buf_t* buffer) noexcept {
  Handle& handle = handle_of(raw->data);
  if (handle.is_lingering) {
    if (count > 0) handle.dropped += static_cast<std::size_t>(count);
    if (count == UV_EOF && handle.is_writing) {
      // The peer is done speaking, not listening: closing waits for the last bytes.
      uv_read_stop(raw);
      handle.has_eof = true;
    } else if (count < 0 || handle.dropped > kMaxDroppedOctets) {
      handle.close();
    }
    return;
  }
  if (count == 0 || handle.events == nullptr) return;
  if (count > 0) {
    handle.events->on_read(std::string_view(buffer->base, static_cast<std::size_t>(count)));
    return;
  }
  uv_read_stop(raw);
  handle.is_reading = false;
  if (count != UV_EOF) {
    handle.fail(static_cast<int>(count), "connection lost");
    return;
  }
  if (std::exchange(handle.has_eof, true)) return;
  handle.events->on_eof();
}

void on_written(uv_write_t* request, int status) noexcept {
  Handle& handle = handle_of(request->data);
  handle.is_writing = false;
  handle.in_flight.clear();
  if (uv_is_closing(reinterpret_cast<uv_handle_t*>(handle.stream()))) return;
  if (status != 0) {
    handle.waiting.clear();
    if (handle.is_lingering) {
      handle.close();
    } else {
      handle.fail(status, "connection lost while writing");
    }
    return;
  }
  if (!handle.waiting.is_empty()) {
    handle.start_write();
    return;
  }
  if (handle.is_lingering) {
    handle.shut_down();
  } else if (handle.events != nullptr) {
    handle.events->on_drained();
  }
}

void on_closed(uv_handle_t* raw) noexcept {
  Handle& handle = handle_of(raw->data);
  if (--handle.open_handles == 0) delete &handle;
}

}  // namespace

base::Result<Handle*> Handle::make(Loop& loop, Family family) {
  auto* handle = new Handle(loop);
  handle->write_request.data = static_cast<Lingering*>(handle);
  handle->shutdown_request.data = static_cast<Lingering*>(handle);
  const int status = family == Family::ip ? uv_tcp_init(loop.raw(), &handle->tcp)
                                          : uv_pipe_init(loop.raw(), &handle->pipe, 0);
  if (status != 0) {
    delete handle;
    return uv_error(base::Fault::local, "cannot make a socket", status);
  }
  handle->stream()->data = static_cast<Lingering*>(handle);
  return handle;
}

base::Result<void> Handle::adopt_addresses() {
  sockaddr_storage storage{};
  int size = sizeof storage;
  int status = uv_tcp_getpeername(&tcp, reinterpret_cast<sockaddr*>(&storage), &size);
  if (status != 0) return uv_error(base::Fault::connection, "connection lost", status);
  peer = to_address(reinterpret_cast<const sockaddr*>(&storage));
  size = sizeof storage;
  status = uv_tcp_getsockname(&tcp, reinterpret_cast<sockaddr*>(&storage), &size);
  if (status != 0) return uv_error(base::Fault::connection, "connection lost", status);
  local = to_address(reinterpret_cast<const sockaddr*>(&storage));
  status = uv_tcp_nodelay(&tcp, 1);
  if (status != 0) return uv_error(base::Fault::connection, "cannot switch Nagle off", status);
  return {};
}

base::Result<void> Handle::adopt_unix(const SocketAddress& address) {
  uv_os_fd_t socket{};
  const int status = uv_fileno(reinterpret_cast<uv_handle_t*>(&pipe), &socket);
  if (status != 0) return uv_error(base::Fault::connection, "connection lost", status);
  peer = address;
  local = address;
#ifndef _WIN32
  process = peer_process_of(socket);
#endif
  return {};
}

void Handle::close() {
  events = nullptr;
  auto* socket = reinterpret_cast<uv_handle_t*>(stream());
  if (!uv_is_closing(socket)) uv_close(socket, on_closed);
  auto* timer = reinterpret_cast<uv_handle_t*>(&linger_timer);
  if (is_lingering && !uv_is_closing(timer)) uv_close(timer, on_closed);
}

void Handle::end_now() {
  if (is_lingering) close();
}

void Handle::fail(int status, const char* what) {
  if (std::exchange(has_failed, true) || events == nullptr) return;
  uv_read_stop(stream());
  is_reading = false;
  events->on_error(uv_error(base::Fault::connection, what, status));
}

int Handle::read_start() {
  if (is_reading || has_eof || has_failed) return 0;
  const int status = uv_read_start(stream(), on_alloc, on_read);
  is_reading = status == 0;
  return status;
}

void Handle::write(std::string_view bytes) {
  if (bytes.empty() || has_failed) return;
  if (!is_writing && waiting.is_empty()) {
    uv_buf_t buffer =
        uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
    const int written = uv_try_write(stream(), &buffer, 1);
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    // Any other trouble than a full socket comes again, through the write request, as a callback.
    if (bytes.empty()) return;
  }
  waiting.append(bytes);
  if (!is_writing) start_write();
}

void Handle::start_write() {
  in_flight.assign(waiting.view());
  waiting.clear();
  is_writing = true;
  uv_buf_t buffer = uv_buf_init(in_flight.data(), static_cast<unsigned>(in_flight.size()));
  const int status = uv_write(&write_request, stream(), &buffer, 1, on_written);
  if (status == 0) return;
  // The request was not taken: nobody will call back for it. Reading tells of the loss.
  is_writing = false;
  in_flight.clear();
}

void Handle::linger(base::Duration most) {
  events = nullptr;
  is_lingering = true;
  linger_timer.data = static_cast<Lingering*>(this);
  const int initialised = uv_timer_init(loop->raw(), &linger_timer);
  SMTPSEAL_CHECK(initialised == 0);
  ++open_handles;
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(most).count();
  const int started = uv_timer_start(
      &linger_timer, [](uv_timer_t* timer) { handle_of(timer->data).close(); },
      static_cast<std::uint64_t>(milliseconds), 0);
  SMTPSEAL_CHECK(started == 0);
  if (has_failed) {
    close();
    return;
  }
  if (!is_writing) shut_down();
}

void Handle::shut_down() {
  if (has_eof) {
    // Both sides are done once our FIN is out, which closing sends behind the last bytes.
    close();
    return;
  }
  const int status = uv_shutdown(&shutdown_request, stream(), [](uv_shutdown_t*, int) {});
  if (status != 0 || read_start() != 0) close();
}

TcpStream::TcpStream(Handle* handle) : handle_(handle) {}

TcpStream::~TcpStream() {
  if (handle_ != nullptr) handle_->close();
}

TcpStream::TcpStream(TcpStream&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

TcpStream& TcpStream::operator=(TcpStream&& other) noexcept {
  if (this == &other) return *this;
  if (handle_ != nullptr) handle_->close();
  handle_ = std::exchange(other.handle_, nullptr);
  return *this;
}

base::Result<void> TcpStream::start(StreamEvents& events) {
  handle_->events = &events;
  const int status = handle_->read_start();
  if (status != 0) return uv_error(base::Fault::connection, "cannot read", status);
  return {};
}

void TcpStream::write(std::string_view bytes) { handle_->write(bytes); }

std::size_t TcpStream::queued() const {
  return uv_stream_get_write_queue_size(handle_->stream()) + handle_->waiting.size();
}

void TcpStream::pause_reading() {
  if (!handle_->is_reading) return;
  uv_read_stop(handle_->stream());
  handle_->is_reading = false;
}

void TcpStream::resume_reading() {
  // A stream that cannot be read any more says so through its callbacks; this cannot fail else.
  static_cast<void>(handle_->read_start());
}

bool TcpStream::is_reading() const { return handle_->is_reading; }

void TcpStream::close_after_flush(TcpStream stream, base::Duration linger) {
  std::exchange(stream.handle_, nullptr)->linger(linger);
}

std::optional<unsigned> TcpStream::descriptor() const {
#ifdef _WIN32
  return std::nullopt;
#else
  uv_os_fd_t number{};
  const int status = uv_fileno(reinterpret_cast<uv_handle_t*>(handle_->stream()), &number);
  return status == 0 ? std::optional(static_cast<unsigned>(number)) : std::nullopt;
#endif
}

const SocketAddress& TcpStream::peer() const { return handle_->peer; }
const SocketAddress& TcpStream::local() const { return handle_->local; }
const std::optional<PeerProcess>& TcpStream::process() const { return handle_->process; }

}  // namespace net
