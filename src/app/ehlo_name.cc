// See ehlo_name.h.
#include "app/ehlo_name.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/values.h"

namespace app {

namespace {

// Under these nobody is ever found: RFC 6761, RFC 6762, and the habit of many machines.
constexpr std::array<std::string_view, 4> kNowhere = {".localdomain", ".local", ".invalid",
                                                      ".localhost"};

// Whether a server that demands a full name, and checks its form, is content with it.
bool is_full_name(const std::string& name) {
  if (name.starts_with('[') || name.find('.') == std::string::npos) return false;
  if (!config::parse_own_name(name)) return false;
  const std::string lower = base::lowered(name);
  return std::none_of(kNowhere.begin(), kNowhere.end(),
                      [&](std::string_view suffix) { return lower.ends_with(suffix); });
}

// A zone means something on this machine alone.
std::string address_literal(net::SocketAddress address) {
  address.scope = 0;
  const std::string text = address.host();
  return (text.find(':') == std::string::npos ? "[" : "[IPv6:") + text + "]";
}

}  // namespace

std::string choose_ehlo_name(const std::string& configured, const std::string& hostname,
                             const net::SocketAddress& local) {
  if (!configured.empty()) return configured;
  const std::string name =
      hostname.ends_with('.') ? hostname.substr(0, hostname.size() - 1) : hostname;
  return is_full_name(name) ? name : address_literal(local);
}

std::string fit_client_name(const std::string& said) {
  const bool is_literal = said.starts_with('[') && config::parse_own_name(said).is_ok();
  return is_literal || is_full_name(said) ? said : std::string();
}

}  // namespace app
