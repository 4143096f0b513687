// See endpoint.h.
#include "base/endpoint.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace base {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kSystemd = "systemd:";
// systemd.socket(5), FileDescriptorName=.
constexpr std::size_t kMaxInheritedName = 255;

Error wrong(std::string detail) { return Error{Fault::config, std::move(detail)}; }

Result<Endpoint> parse_inherited(std::string_view name) {
  const bool is_right =
      !name.empty() && name.size() <= kMaxInheritedName &&
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~' && c != ':'; });
  if (!is_right) {
    return wrong(
        "expected systemd:NAME, where NAME is the FileDescriptorName= of the .socket unit");
  }
  Endpoint endpoint;
  endpoint.inherited = name;
  return endpoint;
}

}  // namespace

std::string Endpoint::to_string() const {
  return is_inherited() ? std::string(kSystemd) + inherited : address.to_string();
}

Result<Endpoint> parse_endpoint(std::string_view text, bool has_unix_sockets) {
  const bool is_unix = istarts_with(text, kUnix);
  const bool is_systemd = istarts_with(text, kSystemd);
  if (!is_unix && !is_systemd) {
    auto address = parse_socket_address(text);
    if (!address) return address.error();
    return Endpoint(std::move(*address));
  }
  if (!has_unix_sockets) {
    return wrong("Windows has none of these: write an address, such as 127.0.0.1:25");
  }
  if (is_systemd) return parse_inherited(text.substr(kSystemd.size()));
  auto address = parse_unix_path(text.substr(kUnix.size()));
  if (!address) return address.error();
  return Endpoint(std::move(*address));
}

}  // namespace base
