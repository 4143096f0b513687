// A connection to a smarthost whose certificate somebody outside judges, as on Windows and macOS: a
// judge of the test's own, who may be slow, and a link that may die meanwhile.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/smarthost_link.h"
#include "net/loop.h"
#include "support/certificates.h"
#include "support/scripted_smarthost.h"

namespace app {
namespace {

using support::Behavior;
using support::ScriptedSmarthost;
using testing::HasSubstr;

// What the judge of a test does; judges have no context, since systems need none.
class Bench {
 public:
  static Bench& instance() {
    static Bench bench;
    return bench;
  }

  void reset() {
    const std::lock_guard lock(mutex_);
    is_held_ = false;
    waiting_ = 0;
    verdict_ = {};
    seen_.clear();
  }
  void decide(base::Result<void> verdict) {
    const std::lock_guard lock(mutex_);
    verdict_ = std::move(verdict);
  }
  void hold() {
    const std::lock_guard lock(mutex_);
    is_held_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    is_held_ = false;
    changed_.notify_all();
  }
  [[nodiscard]] bool is_waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_ > 0;
  }
  [[nodiscard]] std::string seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

  static base::Result<void> judge(const std::vector<std::string>& chain,
                                  const std::string& server_name) {
    Bench& bench = instance();
    std::unique_lock lock(bench.mutex_);
    bench.seen_ = server_name + ' ' + std::to_string(chain.size());
    ++bench.waiting_;
    bench.changed_.wait(lock, [&] { return !bench.is_held_; });
    return bench.verdict_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_held_ = false;
  int waiting_ = 0;
  base::Result<void> verdict_;
  std::string seen_;
};

const tls::SystemJudge kJudge = {"the judge of the tests", Bench::judge};

class JudgedLink : public testing::Test, protected SmarthostLinkOwner, net::TimerEvents {
 protected:
  void SetUp() override {
    Bench::instance().reset();
    loop_ = std::move(net::Loop::make()).value();
    loop_->on_turn_end([this] { turn_.end(); });
    Behavior behavior;
    behavior.tls = support::good_server_context();
    smarthost_ = std::make_unique<ScriptedSmarthost>(std::move(behavior));
    context_.loop = loop_.get();
    context_.turn = &turn_;
    context_.log = &log_;
    context_.hostname = "seal.client.test";
    context_.smarthost.hosts = {"127.0.0.1"};
    context_.smarthost.port = smarthost_->port();
    tls::ClientOptions& options = context_.smarthost.tls;
    options.verify_name = support::kSmarthostName;
    options.judge = &kJudge;
    context_.tls = std::move(tls::make_client_context(options)).value();
  }
  void TearDown() override {
    Bench::instance().release();
    link_.reset();
    loop_->on_turn_end(nullptr);
    loop_.reset();
    smarthost_.reset();
  }

  SmarthostLinkOwner& owner() { return *this; }
  void open() {
    LinkTarget target;
    target.target.host = context_.smarthost.hosts.front();
    target.target.port = context_.smarthost.port;
    target.tls = std::move(context_.tls->for_peer(support::kSmarthostName)).value();
    target.deadline = loop_->now() + smtp::kOpenTimeout;
    link_ = std::make_unique<SmarthostLink>(context_, owner(), 1, std::move(target));
    link_->open();
  }
  void run_until(const std::function<bool()>& is_done) {
    net::Timer tick(*loop_, *this);
    const base::Instant end = loop_->now() + std::chrono::seconds(20);
    while (!is_done()) {
      ASSERT_LT(loop_->now(), end) << "nothing happened in twenty seconds";
      tick.arm(loop_->now() + std::chrono::milliseconds(10));
      loop_->run_once();
    }
  }
  void run_until_judging() {
    run_until([] { return Bench::instance().is_waiting(); });
  }
  // In TLS, from us.
  [[nodiscard]] std::string sealed() const {
    std::string all;
    for (const support::ConnectionRecord& each : smarthost_->journal().records()) {
      all += each.received(true);
    }
    return all;
  }

  void on_link_ready(SmarthostLink&) override { is_ready_ = true; }
  void on_link_dead(SmarthostLink&, const base::Error& error) override { death_ = error; }
  void on_timer() override {}

  std::unique_ptr<net::Loop> loop_;
  Turn turn_;
  base::NullLog log_;
  SmarthostContext context_;
  std::unique_ptr<ScriptedSmarthost> smarthost_;
  std::unique_ptr<SmarthostLink> link_;
  bool is_ready_ = false;
  std::optional<base::Error> death_;
};

TEST_F(JudgedLink, IsReadyOnceTheJudgeTrustsTheSmarthost) {
  open();
  run_until([&] { return is_ready_; });
  EXPECT_EQ(Bench::instance().seen(), std::string(support::kSmarthostName) + " 1");
  EXPECT_THAT(link_->tls_summary(), HasSubstr("verified"));
}

TEST_F(JudgedLink, DiesOfABadVerdictWithoutAWord) {
  Bench::instance().decide(base::Error{base::Fault::tls, "certificate is not trusted by nobody"});
  open();
  run_until([&] { return death_.has_value(); });
  EXPECT_EQ(death_->fault, base::Fault::tls);
  EXPECT_EQ(death_->detail, "certificate is not trusted by nobody");
  EXPECT_FALSE(is_ready_);
  EXPECT_EQ(sealed(), "");
}

TEST_F(JudgedLink, SaysNothingUntilASlowJudgeHasDecided) {
  Bench::instance().hold();
  open();
  run_until_judging();
  for (int i = 0; i < 20; ++i) {
    run_until([turns = 0]() mutable { return ++turns > 2; });
    EXPECT_FALSE(is_ready_);
  }
  EXPECT_EQ(smarthost_->handshakes(), 0U);
  EXPECT_EQ(sealed(), "");
  Bench::instance().release();
  run_until([&] { return is_ready_; });
  EXPECT_THAT(sealed(), HasSubstr("EHLO seal.client.test"));
}

TEST_F(JudgedLink, MayBeClosedAndDestroyedMeanwhile) {
  Bench::instance().hold();
  open();
  run_until_judging();
  link_->close();
  run_until([turns = 0]() mutable { return ++turns > 2; });
  link_.reset();
  Bench::instance().release();
  run_until([turns = 0]() mutable { return ++turns > 5; });
  EXPECT_FALSE(is_ready_);
  EXPECT_EQ(sealed(), "");
}

TEST_F(JudgedLink, MayLoseItsSmarthostMeanwhile) {
  Bench::instance().hold();
  open();
  run_until_judging();
  smarthost_->go_down();
  run_until([turns = 0]() mutable { return ++turns > 5; });
  Bench::instance().release();
  run_until([&] { return death_.has_value(); });
  EXPECT_FALSE(is_ready_);
}

TEST_F(JudgedLink, WaitsForAJudgeOnlySoLong) {
  context_.smarthost.command_timeout = std::chrono::seconds(2);
  Bench::instance().hold();
  open();
  run_until([&] { return death_.has_value(); });
  EXPECT_EQ(death_->fault, base::Fault::tls);
  EXPECT_EQ(death_->detail,
            "the judge of the tests did not judge the certificate of 127.0.0.1 in time");
}

}  // namespace
}  // namespace app
