// app/crowd: when memory is given back.
#include "app/crowd.h"

#include <gtest/gtest.h>

namespace app {
namespace {

// Whether two turns with that many clients find it gone.
bool has_gone(Crowd& crowd, std::size_t clients) {
  const bool at_once = crowd.has_gone(clients);
  EXPECT_FALSE(at_once) << "the handles are open still";
  return crowd.has_gone(clients);
}

TEST(Crowd, IsGoneATurnAfterTheLastClient) {
  Crowd crowd;
  EXPECT_FALSE(crowd.has_gone(1000));
  EXPECT_FALSE(crowd.is_going());
  EXPECT_FALSE(crowd.has_gone(0));
  EXPECT_TRUE(crowd.is_going()) << "nobody may come any more to make another turn";
  EXPECT_TRUE(crowd.has_gone(0));
  EXPECT_FALSE(crowd.is_going());
  EXPECT_FALSE(has_gone(crowd, 0)) << "once is enough";
}

TEST(Crowd, IsGoneAlthoughAMonitorStays) {
  Crowd crowd;
  EXPECT_FALSE(crowd.has_gone(1000));
  EXPECT_FALSE(has_gone(crowd, 126));
  EXPECT_TRUE(has_gone(crowd, 125));
  EXPECT_FALSE(has_gone(crowd, 1));
  EXPECT_FALSE(crowd.has_gone(1001));
  EXPECT_TRUE(has_gone(crowd, 1));
}

TEST(Crowd, IsNoneOfAFewClients) {
  Crowd crowd;
  EXPECT_FALSE(crowd.has_gone(Crowd::kLeast - 1));
  EXPECT_FALSE(has_gone(crowd, 0));
}

TEST(Crowd, ThatComesBackInBetweenIsNotGone) {
  Crowd crowd;
  EXPECT_FALSE(crowd.has_gone(1000));
  EXPECT_FALSE(crowd.has_gone(0));
  EXPECT_FALSE(crowd.has_gone(500));
  EXPECT_TRUE(has_gone(crowd, 0));
}

}  // namespace
}  // namespace app
