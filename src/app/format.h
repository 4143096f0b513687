// Ids and dates as they stand in logs and reports.
#pragma once

#include <cstdint>
#include <string>

#include "base/instant.h"

namespace app {

// "00a3f1": sessions and connections, in hexadecimal.
[[nodiscard]] std::string format_id(std::uint64_t id);
// "2027-01-31", UTC.
[[nodiscard]] std::string format_day(base::WallTime time);
// "2026-11-24T14:13:38.123Z", UTC.
[[nodiscard]] std::string format_timestamp(base::WallTime time);
// Whole days from `now` until `time`, negative when past.
[[nodiscard]] long days_until(base::WallTime time, base::WallTime now);

}  // namespace app
