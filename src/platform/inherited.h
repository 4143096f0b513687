// Sockets that the service manager has opened for this process, as sd_listen_fds(3) has it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace platform {

struct InheritedSocket {
  int number = -1;   // of the descriptor, which stays open as long as the process lives
  std::string name;  // FileDescriptorName=
  friend bool operator==(const InheritedSocket&, const InheritedSocket&) = default;
};
using InheritedSockets = std::vector<InheritedSocket>;

// The variables of the protocol; nothing where one is not set.
struct InheritedVariables {
  std::optional<std::string> pid;    // LISTEN_PID: whom they are for
  std::optional<std::string> count;  // LISTEN_FDS
  std::optional<std::string> names;  // LISTEN_FDNAMES, colons in between
};
// What these mean to the process `pid`: none when they are for another. Fault::local, naming the
// variable that makes no sense.
[[nodiscard]] base::Result<InheritedSockets> parse_inherited(const InheritedVariables& variables,
                                                             long pid);

// Those of this process. No child gets them: the variables are taken out of the environment, and
// the descriptors are closed where a program is run. To be called once, before there are threads.
[[nodiscard]] base::Result<InheritedSockets> take_inherited_sockets();

}  // namespace platform
