// config/rate: how a rate is written.
#include "config/rate.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace config {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(Rate, IsReadAndWritten) {
  const auto rate = parse_rate("30/1m");
  ASSERT_TRUE(rate);
  EXPECT_EQ(*rate, (relay::Rate{30, 1min}));
  EXPECT_EQ(format_rate(*rate), "30/1m");
  EXPECT_EQ(format_rate(*parse_rate("14 / 1s")), "14/1s");
  EXPECT_EQ(format_rate(*parse_rate("1/500ms")), "1/500ms");
  EXPECT_EQ(format_rate(*parse_rate("10000/24h")), "10000/1d");
}

TEST(Rate, MayBeNone) {
  ASSERT_TRUE(parse_rate("0"));
  EXPECT_FALSE(parse_rate("0")->is_limit());
  EXPECT_EQ(format_rate(relay::Rate{}), "0");
}

TEST(Rate, IsRefusedInWordsThatSayWhatIsWrong) {
  const auto why = [](std::string_view text) { return parse_rate(text).error().detail; };
  EXPECT_THAT(why("30"), HasSubstr("such as 30/1m"));
  EXPECT_THAT(why("0/1m"), HasSubstr("before the slash: expected a number from 1"));
  EXPECT_THAT(why("many/1m"), HasSubstr("before the slash"));
  EXPECT_THAT(why("30/1"), HasSubstr("after the slash: a duration needs a unit"));
  EXPECT_THAT(why("30/m"), HasSubstr("after the slash"));
  EXPECT_THAT(why("30/0"), HasSubstr("after the slash"));
  EXPECT_THAT(why("30/2d"), HasSubstr("after the slash: expected something up to 1d"));
  EXPECT_THAT(why("100001/1m"), HasSubstr("before the slash"));
}

}  // namespace
}  // namespace config
