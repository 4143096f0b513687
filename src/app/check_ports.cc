// See check_ports.h.
#include "app/check_ports.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "app/smarthost_tls.h"

namespace app {

namespace {

// A port that is blocked swallows what is sent to it: whoever answers at all does so sooner.
constexpr base::Duration kPortPatience = std::chrono::seconds(5);
// Of a host with many addresses, those beyond are left alone here.
constexpr std::size_t kAddressesTried = 4;

struct Attempt {
  base::SocketAddress address;
  std::unique_ptr<Wire> wire;
};
// Those for one candidate.
using Attempts = std::vector<Attempt>;

Attempts begin_attempts(net::Loop& loop, const std::vector<base::SocketAddress>& addresses,
                        std::uint16_t port) {
  Attempts attempts;
  for (const base::SocketAddress& address : addresses) {
    if (attempts.size() == kAddressesTried) break;
    attempts.push_back({address, std::make_unique<Wire>(loop)});
    attempts.back().wire->connect(address.host(), port, kPortPatience);
  }
  return attempts;
}

CheckAlternative speak(const CheckCaller& caller, Attempts attempts, config::Smarthost smarthost) {
  CheckAlternative result;
  result.smarthost = std::move(smarthost);
  Wire* connected = nullptr;
  for (const auto& [address, wire] : attempts) {
    const auto opened = wire->await_open();
    if (!opened && !result.connect_error) {
      result.connect_error = opened.error();
      result.connect_error->detail =
          without_address(opened.error().detail, address.host(), result.smarthost.port);
    }
    if (opened && connected == nullptr) connected = wire.get();
  }
  if (connected == nullptr) return result;
  result.connect_error.reset();
  const auto context = make_smarthost_tls(result.smarthost);
  if (!context) {
    result.conversation.failure = context.error();
    return result;
  }
  CheckCall call;
  call.smarthost = &result.smarthost;
  call.context = context->get();
  call.patience = kBesidePatience;
  result.conversation = caller.talk(*connected, call);
  return result;
}

}  // namespace

config::Smarthost in_other_mode(config::Smarthost smarthost) {
  const bool is_implicit = smarthost.mode == config::Mode::implicit;
  smarthost.mode = is_implicit ? config::Mode::starttls : config::Mode::implicit;
  // Implicit TLS has no weaker levels than encrypt.
  const bool is_weak =
      smarthost.tls.level == tls::Level::none || smarthost.tls.level == tls::Level::may;
  if (is_weak) smarthost.tls.level = tls::Level::verify;
  return smarthost;
}

std::vector<config::Smarthost> at_other_ports(const config::Smarthost& smarthost,
                                              const CheckPorts& ports) {
  std::vector<config::Smarthost> candidates;
  for (const auto& [port, mode] : {std::pair(ports.submission, config::Mode::starttls),
                                   std::pair(ports.submissions, config::Mode::implicit),
                                   std::pair(ports.relay, config::Mode::starttls)}) {
    if (port == smarthost.port) continue;
    candidates.push_back(smarthost.mode == mode ? smarthost : in_other_mode(smarthost));
    candidates.back().port = port;
  }
  return candidates;
}

std::vector<CheckAlternative> try_ports(const CheckCaller& caller,
                                        const std::vector<base::SocketAddress>& addresses,
                                        std::vector<config::Smarthost> candidates) {
  caller.tell_wait("the other ports", kPortPatience);
  std::vector<Attempts> attempts;
  for (const config::Smarthost& one : candidates) {
    attempts.push_back(begin_attempts(caller.loop(), addresses, one.port));
  }
  std::vector<CheckAlternative> results;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    results.push_back(speak(caller, std::move(attempts[i]), std::move(candidates[i])));
  }
  return results;
}

}  // namespace app
