// See proxy_gate.h.
#include "app/proxy_gate.h"

#include <utility>
#include <variant>

namespace app {

ProxyGate::ProxyGate(net::Loop& loop, net::TcpStream stream, std::uint64_t id,
                     ProxyGateEvents& events)
    : stream_(std::move(stream)),
      id_(id),
      events_(events),
      timer_(loop, *this),
      deadline_(loop.now() + kProxyHeaderTimeout) {}

void ProxyGate::start() {
  timer_.arm(deadline_);
  if (const auto started = stream_.start(*this); !started) fail(started.error().detail);
}

void ProxyGate::on_read(std::string_view bytes) {
  if (is_done_) return;
  octets_.append(bytes);
  const auto parsed = base::parse_proxy_header(octets_);
  if (const auto* error = std::get_if<base::Error>(&parsed)) return fail(error->detail);
  const auto* header = std::get_if<base::ProxyHeader>(&parsed);
  if (header == nullptr) return;
  is_done_ = true;
  timer_.arm(std::nullopt);
  // The client's octets are read by whoever has the stream next.
  stream_.pause_reading();
  events_.on_header(*this, *header, std::string_view(octets_).substr(header->size));
}

void ProxyGate::on_eof() { fail("the connection ended before its PROXY header"); }

void ProxyGate::on_error(const base::Error& error) { fail(error.detail); }

void ProxyGate::on_timer() { fail("no PROXY header came in 5 s"); }

void ProxyGate::fail(std::string why) {
  if (std::exchange(is_done_, true)) return;
  timer_.arm(std::nullopt);
  events_.on_no_header(*this, {base::Fault::peer_protocol, std::move(why)});
}

}  // namespace app
