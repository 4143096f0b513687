// net/loop: its clock.
#include "net/loop.h"

#include <vector>

#include <gtest/gtest.h>

#include "net/net_fixture.h"

namespace net {
namespace {

using std::chrono::milliseconds;

class LoopTest : public NetTest {};

void spend(milliseconds time) {
  const base::Instant end = base::Clock::now() + time;
  while (base::Clock::now() <= end) {
  }
}

TEST_F(LoopTest, ReadsItsClockOnceATurn) {
  struct Turn {
    base::Instant began;  // by the machine's clock
    base::Instant first;
    base::Instant second;
  };
  std::vector<Turn> turns;
  loop_->on_turn_end([&] {
    Turn& turn = turns.emplace_back();
    turn.began = base::Clock::now();
    turn.first = loop_->now();
    spend(milliseconds(2));
    turn.second = loop_->now();
  });
  run_until([&] { return turns.size() >= 4; });
  loop_->on_turn_end(nullptr);
  base::Instant before = turns.front().first;
  for (const Turn& turn : turns) {
    EXPECT_EQ(turn.first, turn.second);
    EXPECT_GE(turn.first, before);
    before = turn.began + milliseconds(2);
  }
}

}  // namespace
}  // namespace net
