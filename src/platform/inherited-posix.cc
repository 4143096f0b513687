// Unix: see inherited.h.
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

#include "platform/inherited.h"

namespace platform {

namespace {

std::optional<std::string> taken(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  std::string text = value;
  unsetenv(name);
  return text;
}

}  // namespace

base::Result<InheritedSockets> take_inherited_sockets() {
  const InheritedVariables variables{taken("LISTEN_PID"), taken("LISTEN_FDS"),
                                     taken("LISTEN_FDNAMES")};
  static_cast<void>(taken("LISTEN_PIDFDID"));  // of later systemds: no child shall get it
  auto sockets = parse_inherited(variables, getpid());
  if (!sockets) return sockets;
  for (const InheritedSocket& each : *sockets) {
    if (fcntl(each.number, F_SETFD, FD_CLOEXEC) == 0) continue;
    return base::Error{base::Fault::local, "LISTEN_FDS = " + *variables.count + ": descriptor " +
                                               std::to_string(each.number) + " is not open"};
  }
  return sockets;
}

}  // namespace platform
