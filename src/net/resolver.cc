// The look-up half of connector.h.
#include <algorithm>
#include <string>
#include <utility>

#include <uv.h>

#include "net/connector.h"
#include "net/uv_error.h"

namespace net {

// Outlives its owner: a look-up that runs in libuv's thread pool cannot be stopped.
struct Resolver::Request {
  uv_getaddrinfo_t request{};
  ResolverEvents* events = nullptr;  // nothing once the owner is gone
  std::string host;
  // A look-up that fails to start, and an IP address, are answered on the next turn.
  uv_idle_t soon{};
  bool has_answer = false;
  std::vector<SocketAddress> addresses;
  base::Error error;

  void answer_soon(Loop& loop) {
    has_answer = true;
    soon.data = this;
    const int initialised = uv_idle_init(loop.raw(), &soon);
    SMTPSEAL_CHECK(initialised == 0);
    uv_idle_start(&soon, [](uv_idle_t* raw) {
      auto* self = static_cast<Request*>(raw->data);
      uv_idle_stop(raw);
      if (self->events != nullptr) self->answer();
    });
  }

  // The last statement of whoever calls it.
  void answer() {
    ResolverEvents* listener = std::exchange(events, nullptr);
    if (addresses.empty()) {
      listener->on_resolve_failed(error);
    } else {
      listener->on_resolved(std::move(addresses));
    }
  }

  static void on_done(uv_getaddrinfo_t* raw, int status, addrinfo* list) noexcept {
    auto* self = static_cast<Request*>(raw->data);
    if (self->events == nullptr) {
      uv_freeaddrinfo(list);
      delete self;
      return;
    }
    self->take(status, list);
    uv_freeaddrinfo(list);
    self->is_running = false;
    self->answer();
  }

  void take(int status, const addrinfo* list) {
    for (const addrinfo* one = status == 0 ? list : nullptr; one != nullptr; one = one->ai_next) {
      SocketAddress address = to_address(one->ai_addr);
      if (address.ip.empty()) continue;
      if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
        addresses.push_back(std::move(address));
      }
    }
    if (!addresses.empty()) return;
    const bool is_unknown = status == UV_EAI_NONAME || status == UV_EAI_NODATA || status == 0;
    error = {base::Fault::unreachable,
             host + (is_unknown ? ": no such host" : ": look-up failed: " + uv_words(status))};
  }

  // The owner lets go: what libuv still holds is freed when it gives it back.
  void release() {
    events = nullptr;
    if (has_answer) {
      uv_close(reinterpret_cast<uv_handle_t*>(&soon),
               [](uv_handle_t* raw) { delete static_cast<Request*>(raw->data); });
    } else if (is_running) {
      static_cast<void>(uv_cancel(reinterpret_cast<uv_req_t*>(&request)));
    } else {
      delete this;
    }
  }

  bool is_running = false;
};

std::unique_ptr<Resolver> Resolver::resolve(Loop& loop, const std::string& host, std::uint16_t port,
                                            ResolverEvents& events) {
  std::unique_ptr<Resolver> resolver(new Resolver());
  auto* request = new Request();
  resolver->request_ = request;
  request->events = &events;
  request->host = host;
  request->request.data = request;
  if (const auto literal = base::parse_ip(host, port)) {
    request->addresses.push_back(*literal);
    request->answer_soon(loop);
    return resolver;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  // Not AI_ADDRCONFIG: it hides ::1 and 127.0.0.1 on a host that has only its loopback.
  const std::string service = std::to_string(port);
  const int status = uv_getaddrinfo(loop.raw(), &request->request, Request::on_done, host.c_str(),
                                    service.c_str(), &hints);
  request->is_running = status == 0;
  if (status != 0) {
    request->error = uv_error(base::Fault::unreachable, host + ": look-up failed", status);
    request->answer_soon(loop);
  }
  return resolver;
}

Resolver::~Resolver() {
  if (request_ != nullptr) request_->release();
}

}  // namespace net
