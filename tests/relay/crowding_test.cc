// relay/crowding: when a listener is full enough to be stricter.
#include "relay/crowding.h"

#include <gtest/gtest.h>

namespace relay {
namespace {

TEST(Crowding, BeginsAboveFourFifthsAndEndsBelowSevenTenths) {
  Crowding crowding;
  EXPECT_FALSE(crowding.on_count(800, 1000));
  EXPECT_FALSE(crowding.is_crowded());
  EXPECT_TRUE(crowding.on_count(801, 1000));
  EXPECT_TRUE(crowding.is_crowded());
  EXPECT_FALSE(crowding.on_count(1000, 1000));
  EXPECT_FALSE(crowding.on_count(700, 1000));
  EXPECT_TRUE(crowding.is_crowded());
  EXPECT_TRUE(crowding.on_count(699, 1000));
  EXPECT_FALSE(crowding.is_crowded());
}

TEST(Crowding, IsNoMatterOfAHandfulOfSessions) {
  Crowding crowding;
  for (unsigned most = 1; most < Crowding::kLeast; ++most) {
    EXPECT_FALSE(crowding.on_count(most, most));
    EXPECT_FALSE(crowding.is_crowded());
  }
  EXPECT_TRUE(crowding.on_count(Crowding::kLeast, Crowding::kLeast));
}

TEST(Crowding, LeavesTheLastFifthToHostsThatHaveLessThanHalf) {
  Crowding crowding;
  EXPECT_FALSE(crowding.is_share_used_up(1000, 1000));  // nobody else wants any
  ASSERT_TRUE(crowding.on_count(801, 1000));
  EXPECT_FALSE(crowding.is_share_used_up(500, 1000));
  EXPECT_TRUE(crowding.is_share_used_up(501, 1000));
}

TEST(Crowding, CountsMoreSessionsThanAnybodyHas) {
  Crowding crowding;
  EXPECT_TRUE(crowding.on_count(4000000000U, 4000000000U));
  EXPECT_TRUE(crowding.on_count(0, 4000000000U));
}

}  // namespace
}  // namespace relay
