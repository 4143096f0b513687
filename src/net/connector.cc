// The connecting half of connector.h.
#include "net/connector.h"

#include <algorithm>
#include <utility>

#include <uv.h>

#include "net/tcp_handle.h"
#include "net/timer.h"
#include "net/uv_error.h"

namespace net {

namespace {

// RFC 8305 5: Connection Attempt Delay.
constexpr base::Duration kNextAttemptDelay = std::chrono::milliseconds(250);
// A name with more addresses than this is tried at the first ones only.
constexpr std::size_t kMaxAddresses = 16;

// RFC 8305 4: the families in alternation, beginning with that of the first address.
std::vector<SocketAddress> interleaved(std::vector<SocketAddress> addresses) {
  std::vector<SocketAddress> first, second, out;
  for (SocketAddress& address : addresses) {
    const bool is_first = address.is_v6() == addresses.front().is_v6();
    (is_first ? first : second).push_back(address);
  }
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) out.push_back(first[i]);
    if (i < second.size()) out.push_back(second[i]);
  }
  if (out.size() > kMaxAddresses) out.resize(kMaxAddresses);
  return out;
}

// Nothing was sent to the peer: this machine is short of something.
bool is_want_of_means(int status) {
  return status == UV_EMFILE || status == UV_ENFILE || status == UV_ENOBUFS || status == UV_ENOMEM;
}

}  // namespace

struct Connector::State final : ResolverEvents, TimerEvents {
  // One address being tried. Heap; freed when libuv gives the request back.
  struct Attempt {
    uv_connect_t request{};
    State* owner = nullptr;  // nothing once it is given up
    std::optional<TcpStream> stream;
    SocketAddress address;
  };

  State(Loop& of, ConnectorEvents& listener) : loop(of), events(&listener), timer(of, *this) {}

  ~State() {
    for (Attempt* attempt : attempts) abandon(*attempt);
  }

  // Closing the socket makes libuv call back with UV_ECANCELED, where the attempt is freed.
  static void abandon(Attempt& attempt) {
    attempt.owner = nullptr;
    attempt.stream.reset();
  }

  void on_resolved(std::vector<SocketAddress> found) override {
    addresses = interleaved(std::move(found));
    try_next();
  }

  void on_resolve_failed(const base::Error& error) override { finish_failed(error); }

  void on_timer() override {
    const base::Instant now = loop.now();
    if (now >= deadline) {
      is_trouble_ours = false;
      note("no answer in " +
           std::to_string(std::chrono::duration_cast<std::chrono::seconds>(timeout).count()) +
           " s");
      finish_failed(failure());
      return;
    }
    try_next();
  }

  // Starts the next address, if one is left, and the clock for the one after it.
  void try_next() {
    while (next < addresses.size()) {
      const SocketAddress& address = addresses[next++];
      const int status = start(address);
      if (status == 0) {
        arm();
        return;
      }
      note_failure(address, status);
    }
    if (attempts.empty()) {
      finish_failed(failure());
      return;
    }
    arm();
  }

  void arm() {
    const bool has_more = next < addresses.size();
    timer.arm(has_more ? std::min(deadline, loop.now() + kNextAttemptDelay) : deadline);
  }

  int start(const SocketAddress& address) {
    auto made = TcpStream::Handle::make(loop);
    if (!made) return UV_ENOMEM;
    auto* attempt = new Attempt();
    attempt->owner = this;
    attempt->address = address;
    attempt->request.data = attempt;
    attempt->stream.emplace(made.value());
    const sockaddr_storage raw = to_sockaddr(address);
    const int status = uv_tcp_connect(&attempt->request, &made.value()->tcp,
                                      reinterpret_cast<const sockaddr*>(&raw), on_done);
    if (status != 0) {
      delete attempt;
      return status;
    }
    attempts.push_back(attempt);
    return 0;
  }

  static void on_done(uv_connect_t* request, int status) noexcept {
    const std::unique_ptr<Attempt> attempt(static_cast<Attempt*>(request->data));
    State* self = attempt->owner;
    if (self == nullptr) return;
    std::erase(self->attempts, attempt.get());
    auto* handle = reinterpret_cast<uv_tcp_t*>(request->handle);
    if (status == 0) {
      const auto adopted =
          static_cast<TcpStream::Handle*>(static_cast<Lingering*>(handle->data))->adopt_addresses();
      if (adopted) {
        self->finish_connected(*std::move(attempt->stream));
        return;
      }
      self->is_trouble_ours = false;
      self->note(attempt->address.host() + " " + adopted.error().detail);
    } else {
      self->note_failure(attempt->address, status);
    }
    attempt->stream.reset();
    self->try_next();
  }

  void note(const std::string& what) { notes.append(notes.empty() ? "" : "; ").append(what); }

  void note_failure(const SocketAddress& address, int status) {
    is_trouble_ours = is_trouble_ours && is_want_of_means(status);
    note(address.host() + " " + uv_words(status));
  }

  [[nodiscard]] base::Error failure() const {
    return {is_trouble_ours ? base::Fault::local : base::Fault::unreachable,
            where() + ": " + notes};
  }

  [[nodiscard]] std::string where() const { return host + ":" + std::to_string(port); }

  // Both are the last statement of whoever calls them: the listener may destroy the connector.
  void finish_connected(TcpStream stream) {
    timer.arm(std::nullopt);
    for (Attempt* attempt : std::exchange(attempts, {})) abandon(*attempt);
    events->on_connected(std::move(stream));
  }

  void finish_failed(base::Error error) {
    timer.arm(std::nullopt);
    for (Attempt* attempt : std::exchange(attempts, {})) abandon(*attempt);
    events->on_connect_failed(error);
  }

  Loop& loop;
  ConnectorEvents* events;
  Timer timer;
  std::unique_ptr<Resolver> resolver;
  std::string host;
  std::uint16_t port = 0;
  base::Duration timeout{};
  base::Instant deadline;
  std::vector<SocketAddress> addresses;
  std::size_t next = 0;
  std::vector<Attempt*> attempts;
  std::string notes;            // why each address failed
  bool is_trouble_ours = true;  // of all that failed so far
};

std::unique_ptr<Connector> Connector::connect(Loop& loop, const std::string& host,
                                              std::uint16_t port, base::Duration timeout,
                                              ConnectorEvents& events) {
  std::unique_ptr<Connector> connector(new Connector());
  auto* state = new State(loop, events);
  connector->state_ = state;
  state->host = host;
  state->port = port;
  state->timeout = timeout;
  state->deadline = loop.now() + timeout;
  state->timer.arm(state->deadline);
  state->resolver = Resolver::resolve(loop, host, port, *state);
  return connector;
}

Connector::~Connector() { delete state_; }

}  // namespace net
