// How the program ends, in the numbers of sysexits(3).
#pragma once

#include "base/result.h"

namespace app {

enum class ExitStatus : int {
  ok = 0,
  usage = 64,
  data = 65,         // bad input data
  unavailable = 69,  // smarthost or service unavailable
  os_error = 71,
  io_error = 74,
  temporary = 75,
  protocol = 76,  // the peer broke the protocol
  refused = 77,   // permission, or TLS policy
  config = 78,
};

[[nodiscard]] constexpr ExitStatus exit_status_of(base::Fault fault) {
  switch (fault) {
    case base::Fault::local: return ExitStatus::os_error;
    case base::Fault::unreachable:
    case base::Fault::connection:
    case base::Fault::peer_refused: return ExitStatus::unavailable;
    case base::Fault::peer_unable:
    case base::Fault::busy: return ExitStatus::temporary;
    case base::Fault::tls_unavailable:
    case base::Fault::tls:
    case base::Fault::login: return ExitStatus::refused;
    case base::Fault::peer_protocol: return ExitStatus::protocol;
    case base::Fault::config: return ExitStatus::config;
    case base::Fault::storage: return ExitStatus::io_error;
  }
  return ExitStatus::os_error;
}

}  // namespace app
