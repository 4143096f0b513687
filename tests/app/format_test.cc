// app/format: ids and dates in logs.
#include "app/format.h"

#include <chrono>

#include <gtest/gtest.h>

namespace app {
namespace {

using std::chrono::milliseconds;

TEST(Format, WritesIdsInHexadecimal) {
  EXPECT_EQ(format_id(0xa3f1), "00a3f1");
  EXPECT_EQ(format_id(0x123456789), "123456789");
}

TEST(Format, WritesTimesInUtc) {
  const base::WallTime time{milliseconds(1795529618123)};
  EXPECT_EQ(format_day(time), "2026-11-24");
  EXPECT_EQ(format_timestamp(time), "2026-11-24T14:13:38.123Z");
}

TEST(Format, CountsWholeDaysBothWays) {
  const base::WallTime now{milliseconds(1795529618123)};
  EXPECT_EQ(days_until(now + std::chrono::hours(49), now), 2);
  EXPECT_EQ(days_until(now - std::chrono::hours(1), now), -1);
}

}  // namespace
}  // namespace app
