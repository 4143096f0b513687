// What is the same on every system: see inherited.h.
#include "platform/inherited.h"

#include "base/text.h"

namespace platform {

namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
// Far beyond what a service manager passes: the limit of descriptors is usually not higher.
constexpr std::uint64_t kMost = 1024;
// What systemd calls those it has no name for.
constexpr std::string_view kNameless = "unknown";

base::Error wrong(const char* variable, const std::string& value) {
  return {base::Fault::local, std::string(variable) + " = " + base::printable(value, 80) +
                                  ": this is not what a service manager says"};
}

}  // namespace

base::Result<InheritedSockets> parse_inherited(const InheritedVariables& variables, long pid) {
  if (!variables.pid || !variables.count) return InheritedSockets{};
  const auto whom = base::parse_number(*variables.pid);
  if (!whom) return wrong("LISTEN_PID", *variables.pid);
  if (*whom != static_cast<std::uint64_t>(pid)) return InheritedSockets{};
  const auto count = base::parse_number(*variables.count);
  if (!count || *count > kMost) return wrong("LISTEN_FDS", *variables.count);
  InheritedSockets sockets(*count);
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    sockets[i] = {kFirst + static_cast<int>(i), std::string(kNameless)};
  }
  if (!variables.names || sockets.empty()) return sockets;
  const auto names = base::split(*variables.names, ':');
  if (names.size() != sockets.size()) return wrong("LISTEN_FDNAMES", *variables.names);
  for (std::size_t i = 0; i < sockets.size(); ++i) sockets[i].name = names[i];
  return sockets;
}

}  // namespace platform
