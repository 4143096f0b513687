// app/smarthost_pool: who waits, and how long, over real connections.
#include "app/smarthost_pool.h"

#include <array>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "net/loop.h"
#include "support/scripted_smarthost.h"

namespace app {
namespace {

using support::Point;
using namespace std::chrono_literals;

// Asks, and notes what it is told.
struct Asker final : PoolClient {
  void on_leased(SmarthostLink& link, bool, bool) override { leased = &link; }
  void on_lease_failed(const base::Error& error) override {
    failure = error;
    if (on_told) on_told();
  }
  void on_extensions_known() override { knows_extensions = true; }
  void on_extensions_unknown(const base::Error& error) override { failure = error; }
  void on_smarthost_reply(const smtp::from_smarthost::Replied&) override {}
  void on_smarthost_lost(const base::Error&, bool) override { leased = nullptr; }
  void on_smarthost_drained() override {}

  [[nodiscard]] bool is_told() const { return leased != nullptr || failure || knows_extensions; }

  SmarthostLink* leased = nullptr;
  std::optional<base::Error> failure;
  bool knows_extensions = false;
  char name = '?';
  std::function<void()> on_told;
};

// A smarthost without TLS, whose greetings can be held back.
class SmarthostPoolTest : public testing::Test, net::TimerEvents {
 protected:
  void SetUp() override {
    loop_ = std::move(net::Loop::make()).value();
    turn_.set_reap([this] {
      if (pool_) pool_->reap();
    });
    loop_->on_turn_end([this] { turn_.end(); });
    support::Behavior behavior;
    behavior.is_tls_wanted = false;
    smarthost_ = std::make_unique<support::ScriptedSmarthost>(std::move(behavior));
    settings_.hosts = {"127.0.0.1"};
    settings_.port = smarthost_->port();
    settings_.tls.level = tls::Level::none;
  }

  void TearDown() override {
    turn_.end();
    pool_.reset();
    loop_->on_turn_end(nullptr);
    for (auto& gate : gates_) open_gate(gate);
    smarthost_->stop();
  }

  void begin() {
    auto context = std::make_unique<SmarthostContext>();
    context->loop = loop_.get();
    context->turn = &turn_;
    context->log = &log_;
    context->hostname = "seal.client.test";
    context->smarthost = settings_;
    pool_ = std::make_unique<SmarthostPool>(std::move(context));
  }

  void run_until(const std::function<bool()>& is_done) {
    net::Timer tick(*loop_, *this);
    const base::Instant end = loop_->now() + 20s;
    while (!is_done()) {
      ASSERT_LT(loop_->now(), end) << "nothing happened in twenty seconds";
      tick.arm(loop_->now() + 10ms);
      loop_->run_once();
    }
  }

  struct Gate {
    std::promise<void> promise;
    std::shared_future<void> opened = promise.get_future().share();
    bool is_open = false;
  };
  static void open_gate(Gate& gate) {
    if (!std::exchange(gate.is_open, true)) gate.promise.set_value();
  }

  std::unique_ptr<net::Loop> loop_;
  Turn turn_;
  base::NullLog log_;
  config::Smarthost settings_;
  std::unique_ptr<support::ScriptedSmarthost> smarthost_;
  std::unique_ptr<SmarthostPool> pool_;
  std::array<Gate, 2> gates_;

 private:
  void on_timer() override {}
};

TEST_F(SmarthostPoolTest, BelievesWhatALiveConnectionWasToldHoweverLongAgo) {
  settings_.pool.max_connections = 1;
  settings_.pool.extensions_fresh = 1ms;
  begin();
  Asker holder;
  pool_->lease(holder, {});
  run_until([&] { return holder.is_told(); });
  ASSERT_NE(holder.leased, nullptr);
  const base::Instant later = loop_->now() + 20ms;
  run_until([&] { return loop_->now() > later; });
  // There is no room for another connection, and this one is held without end.
  EXPECT_NE(pool_->fresh_extensions(), nullptr);
  Asker newcomer;
  pool_->want_extensions(newcomer);
  run_until([&] { return newcomer.is_told(); });
  EXPECT_TRUE(newcomer.knows_extensions);
}

TEST_F(SmarthostPoolTest, ForgetsWhatItWasToldLongAgoWithoutAConnection) {
  settings_.pool.extensions_fresh = 1ms;
  begin();
  Asker holder;
  pool_->lease(holder, {});
  run_until([&] { return holder.is_told(); });
  ASSERT_NE(holder.leased, nullptr);
  pool_->give_back(*holder.leased, false, "of no use");
  const base::Instant later = loop_->now() + 20ms;
  run_until([&] { return loop_->now() > later; });
  EXPECT_EQ(pool_->fresh_extensions(), nullptr);
  EXPECT_NE(pool_->known_extensions(), nullptr);
}

TEST_F(SmarthostPoolTest, ServesThoseWhoWaitedForASlowFirstConnection) {
  settings_.pool.max_connections = 3;
  settings_.pool.max_wait = 1s;
  smarthost_->on(Point::greeting,
                 [gates = std::array{gates_[0].opened, gates_[1].opened}](const auto& at) {
                   gates[at.wire.number() == 0 ? 0 : 1].wait();
                   return std::optional<support::Answer>();
                 });
  begin();
  std::array<Asker, 3> askers;
  for (Asker& asker : askers) pool_->lease(asker, {});
  const base::Instant all_lost_patience = loop_->now() + 1100ms;
  run_until([&] { return loop_->now() > all_lost_patience; });
  open_gate(gates_[0]);
  run_until([&] { return askers[0].is_told(); });
  open_gate(gates_[1]);
  for (Asker& asker : askers) {
    run_until([&] { return asker.is_told(); });
    EXPECT_NE(asker.leased, nullptr) << asker.failure.value_or(base::Error{}).detail;
  }
}

TEST_F(SmarthostPoolTest, WaitsNoLongerThanItMayOnceItIsServed) {
  settings_.pool.max_connections = 1;
  settings_.pool.max_wait = 200ms;
  begin();
  std::array<Asker, 2> askers;
  for (Asker& asker : askers) pool_->lease(asker, {});
  run_until([&] { return askers[1].is_told(); });
  EXPECT_NE(askers[0].leased, nullptr);
  EXPECT_TRUE(askers[1].failure.has_value());
}

class FairPoolTest : public SmarthostPoolTest {
 protected:
  void SetUp() override {
    SmarthostPoolTest::SetUp();
    settings_.pool.max_connections = 1;
    begin();
  }

  void ask(Asker& asker, const char* host) {
    LeaseRequest request;
    request.host = host;
    pool_->lease(asker, std::move(request));
  }

  // The one connection goes from hand to hand; whose, in the order they had it.
  [[nodiscard]] std::string serve(std::span<Asker> askers) {
    std::string order;
    for (std::size_t i = 0; i < askers.size(); ++i) {
      Asker* served = nullptr;
      run_until([&] {
        for (Asker& asker : askers) served = asker.leased != nullptr ? &asker : served;
        return served != nullptr;
      });
      if (served == nullptr) return order + " nobody";
      order.push_back(served->name);
      pool_->give_back(*std::exchange(served->leased, nullptr), true, "");
    }
    return order;
  }
};

TEST_F(FairPoolTest, LetsHostsTakeTurnsHoweverManyOneSends) {
  std::array<Asker, 9> askers;
  for (std::size_t i = 0; i < 6; ++i) {
    askers[i].name = static_cast<char>('1' + i);
    ask(askers[i], "flood");
  }
  askers[6].name = 'p';
  ask(askers[6], "polite");
  askers[7].name = 'q';
  ask(askers[7], "another");
  askers[8].name = 'P';
  ask(askers[8], "polite");
  EXPECT_EQ(serve(askers), "1pq2P3456");
}

TEST_F(FairPoolTest, GivesNobodyAnAdvantageForHavingWaitedForNothing) {
  std::array<Asker, 8> askers;
  for (std::size_t i = 0; i < 4; ++i) {
    askers[i].name = static_cast<char>('1' + i);
    ask(askers[i], "flood");
  }
  ASSERT_EQ(serve(std::span(askers).subspan(0, 4)), "1234");
  // A newcomer takes turns from now on, it does not catch up.
  for (std::size_t i = 4; i < 6; ++i) {
    askers[i].name = static_cast<char>('1' + i);
    ask(askers[i], "flood");
  }
  for (std::size_t i = 6; i < 8; ++i) {
    askers[i].name = i == 6 ? 'p' : 'P';
    ask(askers[i], "polite");
  }
  EXPECT_EQ(serve(std::span(askers).subspan(4)), "5p6P");
}

TEST_F(FairPoolTest, TellsWhoWaitedLongestFirstThoughOthersStandBeforeHim) {
  settings_.pool.max_wait = 300ms;
  begin();
  std::array<Asker, 4> askers;
  ask(askers[0], "flood");
  run_until([&] { return askers[0].leased != nullptr; });
  ask(askers[1], "flood");
  ask(askers[2], "flood");
  const base::Instant later = loop_->now() + 100ms;
  run_until([&] { return loop_->now() > later; });
  ask(askers[3], "polite");  // before both
  run_until([&] { return askers[2].is_told(); });
  EXPECT_TRUE(askers[1].failure.has_value());
  EXPECT_TRUE(askers[2].failure.has_value());
  EXPECT_FALSE(askers[3].is_told());
  run_until([&] { return askers[3].is_told(); });
  EXPECT_TRUE(askers[3].failure.has_value());
}

TEST_F(FairPoolTest, ForgetsWhoLeavesWhileOthersAreTold) {
  settings_.pool.max_wait = 100ms;
  begin();
  std::array<Asker, 3> askers;
  ask(askers[0], "flood");
  run_until([&] { return askers[0].leased != nullptr; });
  ask(askers[1], "flood");
  ask(askers[2], "flood");
  askers[1].on_told = [&] { pool_->cancel(askers[2]); };
  run_until([&] { return askers[1].is_told(); });
  const base::Instant later = loop_->now() + 200ms;
  run_until([&] { return loop_->now() > later; });
  EXPECT_FALSE(askers[2].is_told());
}

}  // namespace
}  // namespace app
