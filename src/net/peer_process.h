// Who is at the other end of a Unix socket, as the kernel tells it.
#pragma once

#include <cstdint>

namespace net {

struct PeerProcess {
  std::uint32_t uid = 0;
  std::uint32_t pid = 0;  // when it connected; 0 where the system does not tell
};

}  // namespace net
