// Every conversation, broken at every step, in each mode of delivery.
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/play.h"

namespace relay {
namespace {

using ::testing::IsEmpty;

class PairSweep : public ::testing::TestWithParam<Delivery> {
 protected:
  // With a spool, trouble of the smarthost is nothing that a client hears of.
  [[nodiscard]] static Rules rules() { return {.must_succeed = GetParam() == Delivery::fallback}; }
};

INSTANTIATE_TEST_SUITE_P(Deliveries, PairSweep,
                         ::testing::Values(Delivery::relay, Delivery::fallback),
                         [](const auto& each) {
                           return each.param == Delivery::relay ? "Relay" : "Fallback";
                         });

TEST_P(PairSweep, UnbrokenConversationsDeliverEverything) {
  for (const Scenario& scenario : scenarios(GetParam())) {
    Play play(scenario);
    play.run(-1, {});
    ASSERT_THAT(play.faults(), IsEmpty()) << describe(scenario) << report(play);
    EXPECT_EQ(play.pair().accepted().size(), 2U) << describe(scenario) << report(play);
    EXPECT_EQ(play.pair().smarthosts().size(), 1U) << describe(scenario);
  }
}

TEST_P(PairSweep, SmarthostLostAtEveryStep) {
  for (const Scenario& scenario : scenarios(GetParam())) {
    break_everywhere(scenario, "closed", breaking(Break::closed), rules());
    break_everywhere(scenario, "cut", breaking(Break::cut), rules());
    break_everywhere(scenario, "half a reply", breaking(Break::half), rules());
    if (HasFatalFailure()) return;
  }
}

TEST_P(PairSweep, SmarthostMuteAtEveryStep) {
  for (const Scenario& scenario : scenarios(GetParam())) {
    break_everywhere(scenario, "mute", breaking(Break::mute), rules());
    if (HasFatalFailure()) return;
  }
}

TEST_P(PairSweep, SmarthostSays421AtEveryStep) {
  for (const Scenario& scenario : scenarios(GetParam())) {
    break_everywhere(scenario, "421", breaking(Break::said_421), rules());
    break_everywhere(scenario, "garbage", breaking(Break::garbage), rules());
    if (HasFatalFailure()) return;
  }
}

TEST_P(PairSweep, SurplusReplyAtEveryStep) {
  Rules surplus = rules();
  surplus.must_happen = false;
  for (const Scenario& scenario : scenarios(GetParam())) {
    for (const std::string_view bytes : {"250 surplus\r\n", "250 sur", "354 go\r\n", "\r\n"}) {
      break_everywhere(
          scenario, "surplus " + std::string(bytes),
          [bytes](Pair& pair) { return pair.inject(bytes); }, surplus);
      break_everywhere(
          scenario, "surplus behind a reply " + std::string(bytes),
          [bytes](Pair& pair) {
            pair.inject_behind_reply(bytes);
            return true;
          },
          rules());
    }
    if (HasFatalFailure()) return;
  }
}

TEST_P(PairSweep, ClientLostAtEveryStep) {
  for (const Scenario& scenario : scenarios(GetParam())) {
    const auto vanish = [](Pair& pair) {
      pair.client_vanishes();
      return true;
    };
    const auto half_close = [](Pair& pair) {
      pair.client_half_closes();
      return true;
    };
    break_everywhere(scenario, "client vanishes", vanish, Rules{.may_vanish = true});
    break_everywhere(scenario, "client half-closes", half_close, Rules{.may_vanish = true});
    if (HasFatalFailure()) return;
  }
}

TEST_P(PairSweep, SmarthostBecomesUnreachableAtEveryStep) {
  for (const Scenario& scenario : scenarios(GetParam())) {
    const auto vanish = [](Pair& pair) {
      pair.set_reachable(false);
      pair.break_connection(Break::closed);
      return true;
    };
    break_everywhere(scenario, "unreachable", vanish, rules());
    if (HasFatalFailure()) return;
  }
}

TEST_P(PairSweep, EveryRefusalInEveryScenario) {
  for (Scenario scenario : scenarios(GetParam())) {
    for (const SmarthostScript& script : refusing_scripts()) {
      for (const bool says_ehlo : {false, true}) {
        scenario.script = script;
        scenario.plan.says_ehlo_between = says_ehlo;
        Play play(scenario, {.may_refuse = true});
        play.run(-1, {});
        ASSERT_THAT(play.faults(), IsEmpty()) << describe(scenario) << report(play);
      }
    }
  }
}

TEST_P(PairSweep, SmarthostLostAtEveryStepOfEveryRefusal) {
  for (Scenario scenario : scenarios(GetParam())) {
    if (scenario.is_idle_long) continue;
    for (const SmarthostScript& script : refusing_scripts()) {
      scenario.script = script;
      break_everywhere(scenario, "closed", breaking(Break::closed), {.may_refuse = true});
      if (HasFatalFailure()) return;
    }
  }
}

// The spool fails from a step on, and the smarthost with it.
TEST(SpoolSweep, SpoolAndSmarthostFailAtEveryStep) {
  for (const Scenario& scenario : scenarios(Delivery::fallback)) {
    for (const bool is_full : {false, true}) {
      const auto fail = [is_full](Pair& pair) {
        is_full ? pair.set_spool_full(true) : pair.set_spool_failing(true);
        pair.set_reachable(false);
        pair.break_connection(Break::closed);
        return true;
      };
      break_everywhere(scenario, is_full ? "all full" : "all fails", fail);
    }
    if (HasFatalFailure()) return;
  }
}

TEST(SpoolSweep, SmarthostLostAtEveryStepWithoutASpool) {
  for (const Scenario& scenario : scenarios(Delivery::fallback)) {
    break_everywhere(scenario, "closed", breaking(Break::closed), {.has_spool = false});
    break_everywhere(scenario, "421", breaking(Break::said_421), {.has_spool = false});
    if (HasFatalFailure()) return;
  }
}

// Of a queue's clients; what a smarthost is like makes no difference.
std::vector<Scenario> queue_scenarios() {
  std::vector<Scenario> all = scenarios(Delivery::queue);
  std::erase_if(all, [](const Scenario& scenario) {
    return scenario.is_warm || !scenario.is_smarthost_pipelining;
  });
  return all;
}

TEST(QueueSweep, UnbrokenConversationsAreSpooled) {
  for (const Scenario& scenario : queue_scenarios()) {
    Play play(scenario, {.must_succeed = true});
    play.run(-1, {});
    ASSERT_THAT(play.faults(), IsEmpty()) << describe(scenario) << report(play);
    EXPECT_EQ(play.pair().spooled().size(), 2U) << describe(scenario) << report(play);
  }
}

TEST(QueueSweep, ClientLostAtEveryStep) {
  for (const Scenario& scenario : queue_scenarios()) {
    const auto vanish = [](Pair& pair) {
      pair.client_vanishes();
      return true;
    };
    break_everywhere(scenario, "client vanishes", vanish, Rules{.may_vanish = true});
    if (HasFatalFailure()) return;
  }
}

TEST(QueueSweep, SpoolFailsAtEveryStep) {
  for (const Scenario& scenario : queue_scenarios()) {
    for (const bool is_full : {false, true}) {
      const auto fail = [is_full](Pair& pair) {
        is_full ? pair.set_spool_full(true) : pair.set_spool_failing(true);
        return true;
      };
      break_everywhere(scenario, is_full ? "full" : "fails", fail);
    }
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace relay
