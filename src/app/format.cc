#include "app/format.h"

#include <chrono>
#include <cinttypes>
#include <cstdio>

namespace app {

namespace {

using Days = std::chrono::sys_days;

}  // namespace

std::string format_id(std::uint64_t id) {
  char text[24];
  std::snprintf(text, sizeof text, "%06" PRIx64, id);
  return text;
}

std::string format_day(base::WallTime time) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(time));
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return text;
}

std::string format_timestamp(base::WallTime time) {
  const Days day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - day));
  char text[96];  // more than four numbers of any size
  std::snprintf(
      text, sizeof text, "T%02ld:%02ld:%02ld.%03ldZ", static_cast<long>(clock.hours().count()),
      static_cast<long>(clock.minutes().count()), static_cast<long>(clock.seconds().count()),
      static_cast<long>(clock.subseconds().count()));
  return format_day(time) + text;
}

long days_until(base::WallTime time, base::WallTime now) {
  return static_cast<long>(std::chrono::floor<std::chrono::days>(time - now).count());
}

}  // namespace app
