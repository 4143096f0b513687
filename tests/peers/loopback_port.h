// Ports for servers that cannot be told to choose one themselves.
#pragma once

#include <cstdint>

#include "support/process.h"

namespace support {

// One of 127.0.0.1 that was free a moment ago.
[[nodiscard]] std::uint16_t free_port();

// Waits until somebody listens on this port, as `server` sees the network; connecting would take a
// connection from a server that serves one at a time. Throws Failure when the server ends first or
// takes too long. Linux only.
void wait_for_listener(const Process& server, std::uint16_t port);

}  // namespace support
