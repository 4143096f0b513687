// See listener.h.
#include "net/listener.h"

#include <uv.h>

#ifdef __linux__
#include <cerrno>

#include <sys/socket.h>
#endif

#include <utility>

#include "net/tcp_handle.h"
#include "net/uv_error.h"

namespace net {

namespace {

constexpr int kBacklog = 511;
// How long accepting rests when it fails (descriptors used up): the queue keeps those who come.
constexpr std::uint64_t kRestMilliseconds = 100;

int share_port(uv_tcp_t& tcp) {
#ifdef __linux__
  uv_os_fd_t socket = -1;
  const int status = uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp), &socket);
  if (status != 0) return status;
  const int yes = 1;
  return setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) == 0 ? 0 : -errno;
#else
  static_cast<void>(tcp);
  return UV_ENOTSUP;
#endif
}

// The first one is bound as if it were alone, so that a port that somebody else has is found taken
// even if he would share it; what is said of it later lets the others in.
int bind_to(uv_tcp_t& tcp, const SocketAddress& address, PortUse use) {
  const sockaddr_storage raw = to_sockaddr(address);
  int status = use == PortUse::another ? share_port(tcp) : 0;
  if (status != 0) return status;
  status = uv_tcp_bind(&tcp, reinterpret_cast<const sockaddr*>(&raw),
                       address.is_v6() ? UV_TCP_IPV6ONLY : 0);
  if (status != 0 || use != PortUse::first) return status;
  return share_port(tcp);
}

}  // namespace

struct Listener::Handle {
  union {
    uv_tcp_t tcp{};
    uv_pipe_t pipe;
  };
  uv_timer_t rest{};
  Loop* loop = nullptr;
  ListenerEvents* events = nullptr;  // nothing once the owner is gone
  SocketAddress address;             // as bound
  unsigned open_handles = 1;         // the timer
  bool is_held = false;
  bool is_awaited = false;   // by a client, while held
  bool has_trouble = false;  // the last client could not be accepted

  static void on_closed(uv_handle_t* raw) noexcept {
    auto* self = static_cast<Handle*>(raw->data);
    if (--self->open_handles == 0) delete self;
  }

  [[nodiscard]] uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp); }

  // libuv knows the socket, and must be asked to close it.
  void adopt_socket() {
    stream()->data = this;
    ++open_handles;
  }

  void close() {
    events = nullptr;
    if (open_handles > 1) uv_close(reinterpret_cast<uv_handle_t*>(stream()), on_closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&rest), on_closed);
  }

  static void on_connection(uv_stream_t* raw, int status) noexcept {
    auto* self = static_cast<Handle*>(raw->data);
    if (self->events == nullptr) return;
    if (status != 0) {
      // libuv stops watching the socket until somebody accepts: it is asked again after a rest.
      self->rest_a_while(status);
      return;
    }
    if (self->is_held) {
      // Nobody accepts: libuv leaves the others in the queue.
      self->is_awaited = true;
      return;
    }
    self->accept();
  }

  void accept() {
    auto made =
        TcpStream::Handle::make(*loop, address.is_unix() ? Family::unix_socket : Family::ip);
    if (!made) {
      events->on_accept_error(made.error());
      return;
    }
    TcpStream::Handle& accepted = *made.value();
    TcpStream client(&accepted);
    const int status = uv_accept(stream(), accepted.stream());
    if (status == UV_EAGAIN) return;
    if (status != 0) {
      rest_a_while(status);
      return;
    }
    // A client that is gone already is nobody's trouble.
    const auto adopted =
        address.is_unix() ? accepted.adopt_unix(address) : accepted.adopt_addresses();
    has_trouble = false;
    if (adopted) events->on_accept(std::move(client));
  }

  void rest_a_while(int status) {
    const int started = uv_timer_start(&rest, on_rested, kRestMilliseconds, 0);
    SMTPSEAL_CHECK(started == 0);
    if (std::exchange(has_trouble, true)) return;
    events->on_accept_error(uv_error(base::Fault::local, "cannot accept", status));
  }

  static void on_rested(uv_timer_t* raw) noexcept {
    auto* self = static_cast<Handle*>(raw->data);
    if (self->events == nullptr) return;
    const int status = uv_listen(self->stream(), kBacklog, on_connection);
    if (status != 0) self->rest_a_while(status);
  }
};

// The socket itself is still to be made.
std::unique_ptr<Listener> Listener::make(Loop& loop, ListenerEvents& events, bool is_held) {
  std::unique_ptr<Listener> listener(new Listener());
  auto* handle = new Handle();
  listener->handle_ = handle;
  handle->loop = &loop;
  handle->events = &events;
  handle->is_held = is_held;
  handle->rest.data = handle;
  const int status = uv_timer_init(loop.raw(), &handle->rest);
  SMTPSEAL_CHECK(status == 0);
  return listener;
}

base::Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const SocketAddress& address,
                                                       ListenerEvents& events,
                                                       ListenOptions options) {
  const std::string what = "cannot listen on " + address.to_string();
  std::unique_ptr<Listener> listener = make(loop, events, options.is_held);
  Handle& handle = *listener->handle_;
  // With a family the socket is made at once, and can be told to share.
  const unsigned family = address.is_v6() ? AF_INET6 : AF_INET;
  int status = uv_tcp_init_ex(loop.raw(), &handle.tcp, family);
  if (status != 0) return uv_error(base::Fault::local, what, status);
  handle.adopt_socket();
  status = bind_to(handle.tcp, address, options.use);
  if (status == 0) status = uv_listen(handle.stream(), kBacklog, Handle::on_connection);
  if (status != 0) return uv_error(base::Fault::local, what, status);
  sockaddr_storage bound{};
  int size = sizeof bound;
  status = uv_tcp_getsockname(&handle.tcp, reinterpret_cast<sockaddr*>(&bound), &size);
  if (status != 0) return uv_error(base::Fault::local, what, status);
  handle.address = to_address(reinterpret_cast<const sockaddr*>(&bound));
  return listener;
}

base::Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const SharedSocket& socket,
                                                       ListenerEvents& events, bool is_held) {
  const std::string what = "cannot listen on " + socket.address().to_string();
  std::unique_ptr<Listener> listener = make(loop, events, is_held);
  Handle& handle = *listener->handle_;
  handle.address = socket.address();
  auto own = duplicate(socket.number());
  if (!own) return base::Error{base::Fault::local, what + ": " + own.error().detail};
  const bool is_unix = handle.address.is_unix();
  int status =
      is_unix ? uv_pipe_init(loop.raw(), &handle.pipe, 0) : uv_tcp_init(loop.raw(), &handle.tcp);
  if (status != 0) return uv_error(base::Fault::local, what, status);
  handle.adopt_socket();
  status =
      is_unix ? uv_pipe_open(&handle.pipe, own->number()) : uv_tcp_open(&handle.tcp, own->number());
  if (status == 0) {
    own->release();
    status = uv_listen(handle.stream(), kBacklog, Handle::on_connection);
  }
  if (status != 0) return uv_error(base::Fault::local, what, status);
  return listener;
}

void Listener::let_in() {
  handle_->is_held = false;
  if (std::exchange(handle_->is_awaited, false)) handle_->accept();
}

const SocketAddress& Listener::address() const { return handle_->address; }

Listener::~Listener() {
  if (handle_ != nullptr) handle_->close();
}

}  // namespace net
