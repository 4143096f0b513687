// The soak of soak.h, for thousands of seeds.
#include "relay/soak.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "relay/play.h"

namespace relay {
namespace {

struct Tally {
  std::size_t delivered = 0;
  std::size_t spooled = 0;
};

Tally shake(Delivery delivery, unsigned seeds) {
  Tally tally;
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    RandomChoices choices(seed);
    Soak soak(choices, delivery);
    soak.run();
    tally.delivered += soak.delivered();
    tally.spooled += soak.spooled();
    if (soak.faults().empty()) continue;
    ADD_FAILURE() << "seed " << seed << joined(soak.faults())
                  << "\ndialogue:" << joined(soak.dialogue())
                  << "\nlog:" << joined(soak.pair().log());
    break;
  }
  return tally;
}

// That it is not all trouble is looked at, too.
TEST(PairSoak, NothingShakesTheInvariants) {
  constexpr unsigned kSeeds = 3000;
  EXPECT_GT(shake(Delivery::relay, kSeeds).delivered, kSeeds / 4);
}

TEST(PairSoak, NothingShakesThoseOfFallback) {
  constexpr unsigned kSeeds = 3000;
  const Tally tally = shake(Delivery::fallback, kSeeds);
  EXPECT_GT(tally.delivered, kSeeds / 4);
  EXPECT_GT(tally.spooled, kSeeds / 4);
}

TEST(PairSoak, NothingShakesThoseOfAQueue) {
  constexpr unsigned kSeeds = 1000;
  EXPECT_GT(shake(Delivery::queue, kSeeds).spooled, kSeeds / 4);
}

}  // namespace
}  // namespace relay
