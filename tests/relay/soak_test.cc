// The soak of soak.h, for thousands of seeds.
#include "relay/soak.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relay {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all.append("\n  ").append(line);
  return all;
}

TEST(PairSoak, NothingShakesTheInvariants) {
  constexpr unsigned kSeeds = 3000;
  std::size_t delivered = 0;
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    RandomChoices choices(seed);
    Soak soak(choices);
    soak.run();
    delivered += soak.delivered();
    ASSERT_THAT(soak.faults(), ::testing::IsEmpty())
        << "seed " << seed << "\ndialogue:" << joined(soak.dialogue())
        << "\nlog:" << joined(soak.pair().log());
  }
  // It is not all trouble.
  EXPECT_GT(delivered, kSeeds / 4);
}

}  // namespace
}  // namespace relay
