// See loopback_port.h.
#include "peers/loopback_port.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <string>

#include <poll.h>

#include "support/fd.h"

namespace support {

namespace {

// proc(5): the local address and the state are the second and the fourth word of a line.
bool listens(const std::string& table, std::uint16_t port) {
  std::array<char, 8> wanted{};
  std::snprintf(wanted.data(), wanted.size(), ":%04X", static_cast<unsigned>(port));
  std::ifstream lines(table);
  for (std::string number, local, peer, state; lines >> number >> local >> peer >> state;) {
    if (local.ends_with(wanted.data()) && state == "0A") return true;
    std::getline(lines, number);
  }
  return false;
}

}  // namespace

std::uint16_t free_port() { return port_of(bind_loopback(false)); }

void wait_for_listener(const Process& server, std::uint16_t port) {
  const std::string tables = "/proc/" + std::to_string(server.pid()) + "/net/";
  // There is no event to wait for.
  const Deadline deadline(kPatience);
  while (!listens(tables + "tcp", port) && !listens(tables + "tcp6", port)) {
    if (deadline.has_passed() || !server.is_running()) {
      throw Failure("the server does not come up: " + server.errors() + server.output());
    }
    poll(nullptr, 0, 10);
  }
}

}  // namespace support
