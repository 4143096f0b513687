// CRC-32C (Castagnoli; RFC 3720 B.4): tells damage by disks and hands, not by malice.
#pragma once

#include <cstdint>
#include <string_view>

namespace spool {

// Of what `so_far` stands for (0: nothing), and `bytes` behind it.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t so_far = 0);

}  // namespace spool
