// app/host_lookup: what srv: and mx: lead to, and how long that is believed.
#include "app/host_lookup.h"

#include <atomic>
#include <functional>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/timer.h"

namespace app {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

config::Smarthost smarthost_of(const std::string& item) {
  config::Smarthost smarthost;
  smarthost.hosts = {item};
  return smarthost;
}

net::DnsAnswer answer_of(std::vector<net::DnsRecord> records, std::chrono::seconds ttl = 5min) {
  return {std::move(records), ttl};
}

TEST(DnsQuestion, NamesTheServiceOfTheMode) {
  config::Smarthost smarthost = smarthost_of("srv:example.edu");
  const config::HostItem item = config::host_item("srv:example.edu");
  EXPECT_EQ(question_of(smarthost, item).name, "_submission._tcp.example.edu");
  EXPECT_EQ(question_of(smarthost, item).type, net::DnsType::srv);
  smarthost.mode = config::Mode::implicit;
  EXPECT_EQ(question_of(smarthost, item).name, "_submissions._tcp.example.edu");
  const DnsQuestion mx = question_of(smarthost, config::host_item("mx:example.edu"));
  EXPECT_EQ(mx.name, "example.edu");
  EXPECT_EQ(mx.type, net::DnsType::mx);
}

TEST(TargetsOfSrv, HaveThePortsAndRanksOfTheRecordsAndTheNameOfTheDomain) {
  const auto targets =
      targets_of(smarthost_of("srv:example.edu"), "srv:example.edu",
                 answer_of({{10, 60, 587, "a.example.net"}, {20, 0, 2587, "b.example.net"}}));
  ASSERT_TRUE(targets);
  EXPECT_THAT(*targets, ElementsAre(relay::Target{"a.example.net", 587, 10, 60, "example.edu"},
                                    relay::Target{"b.example.net", 2587, 20, 0, "example.edu"}));
}

TEST(TargetsOfSrv, HaveTheNameThatIsWrittenDown) {
  config::Smarthost smarthost = smarthost_of("srv:example.edu");
  smarthost.tls.verify_name = "smtp.example.net";
  const auto targets =
      targets_of(smarthost, "srv:example.edu", answer_of({{10, 60, 587, "a.example.net"}}));
  ASSERT_TRUE(targets);
  EXPECT_EQ(targets->front().name, "smtp.example.net");
}

TEST(TargetsOfSrv, AreNoneWithoutARecordOrWhereItSaysSo) {
  const config::Smarthost smarthost = smarthost_of("srv:example.edu");
  const auto none = targets_of(smarthost, "srv:example.edu", {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().detail, "no SRV record at _submission._tcp.example.edu");
  const auto refused = targets_of(smarthost, "srv:example.edu", answer_of({{0, 0, 0, ""}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, base::Fault::unreachable);
  EXPECT_THAT(refused.error().detail, HasSubstr("example.edu offers no such service"));
}

TEST(TargetsOfMx, HaveThePortOfTheSection) {
  config::Smarthost smarthost = smarthost_of("mx:example.edu");
  smarthost.port = 2525;
  const auto targets = targets_of(smarthost, "mx:example.edu",
                                  answer_of({{10, 0, 0, "a.example.net"}, {5, 0, 0, "b.net"}}));
  ASSERT_TRUE(targets);
  EXPECT_THAT(*targets, ElementsAre(relay::Target{"a.example.net", 2525, 10, 0, "example.edu"},
                                    relay::Target{"b.net", 2525, 5, 0, "example.edu"}));
}

// RFC 5321 5.1: the implicit MX.
TEST(TargetsOfMx, AreTheDomainItselfWithoutARecord) {
  const auto targets = targets_of(smarthost_of("mx:example.edu"), "mx:example.edu", {});
  ASSERT_TRUE(targets);
  EXPECT_THAT(*targets, ElementsAre(relay::Target{"example.edu", 25, 0, 0, "example.edu"}));
}

// RFC 5321 5.1: whoever has MX records is not reached past them.
TEST(TargetsOfMx, AreNotTheDomainItselfWhereItsRecordsAreOfNoUse) {
  net::DnsAnswer answer;
  answer.has_unusable = true;
  const auto targets = targets_of(smarthost_of("mx:example.edu"), "mx:example.edu", answer);
  ASSERT_FALSE(targets);
  EXPECT_EQ(targets.error().fault, base::Fault::unreachable);
  EXPECT_EQ(targets.error().detail, "the records at example.edu name nothing that is a host");
}

// RFC 7505.
TEST(TargetsOfMx, AreNoneForADomainThatTakesNoMail) {
  const auto targets =
      targets_of(smarthost_of("mx:example.edu"), "mx:example.edu", answer_of({{0, 0, 0, ""}}));
  ASSERT_FALSE(targets);
  EXPECT_THAT(targets.error().detail, HasSubstr("example.edu takes no mail"));
}

constexpr base::Instant kNow{24h};

class KnownHostsTest : public testing::Test {
 protected:
  void take(std::chrono::seconds ttl, base::Instant now = kNow) {
    known_.take(answer_of({{1, 0, 587, "a.example.edu"}}, ttl), now);
  }

  config::Smarthost smarthost_ = smarthost_of("srv:example.edu");
  KnownHosts known_{smarthost_, "srv:example.edu"};
};

TEST_F(KnownHostsTest, AreAskedForAtFirst) {
  EXPECT_TRUE(known_.is_due(kNow));
  EXPECT_FALSE(known_.was_asked());
}

TEST_F(KnownHostsTest, AreBelievedAsLongAsTheDnsSaysWithinBounds) {
  take(5min);
  EXPECT_FALSE(known_.is_due(kNow + 5min - 1ms));
  EXPECT_TRUE(known_.is_due(kNow + 5min));
  take(0s);
  EXPECT_FALSE(known_.is_due(kNow + KnownHosts::kLeastTtl - 1ms));
  EXPECT_TRUE(known_.is_due(kNow + KnownHosts::kLeastTtl));
  take(48h);
  EXPECT_FALSE(known_.is_due(kNow + KnownHosts::kMostTtl - 1ms));
  EXPECT_TRUE(known_.is_due(kNow + KnownHosts::kMostTtl));
}

TEST_F(KnownHostsTest, AreThoseOfTheOldAnswerWhileThereIsNone) {
  take(5min);
  known_.take(base::Error{base::Fault::unreachable, "no answer from the DNS"}, kNow + 1h);
  EXPECT_EQ(known_.targets().size(), 1u);
  EXPECT_TRUE(known_.failure().has_value());
  EXPECT_TRUE(known_.is_due(kNow + 1h + KnownHosts::kLeastTtl));
  take(5min, kNow + 2h);
  EXPECT_FALSE(known_.failure().has_value());
}

TEST_F(KnownHostsTest, AreGoneOnceTheDnsSaysSo) {
  take(5min);
  known_.take(net::DnsAnswer{}, kNow + 1h);
  EXPECT_THAT(known_.targets(), IsEmpty());
  EXPECT_TRUE(known_.failure().has_value());
}

// Over a real loop, with a DNS that says what the test wants.
class HostLookupTest : public testing::Test, net::TimerEvents, HostLookupEvents {
 protected:
  void SetUp() override { loop_ = std::move(net::Loop::make()).value(); }
  void TearDown() override { lookup_.reset(); }

  void begin(const std::string& item) {
    smarthost_ = smarthost_of(item);
    HostLookupEvents& self = *this;
    lookup_ = std::make_unique<HostLookup>(
        *loop_, [this](const std::string&, net::DnsType) { return ask(); }, smarthost_, item, self);
  }
  void say(base::Result<net::DnsAnswer> answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  // Asks and waits for the answer.
  void refresh() {
    const int before = done_;
    lookup_->refresh();
    net::Timer tick(*loop_, *this);
    const base::Instant end = loop_->now() + 20s;
    while (done_ == before) {
      ASSERT_LT(loop_->now(), end) << "nothing happened in twenty seconds";
      tick.arm(loop_->now() + 10ms);
      loop_->run_once();
    }
  }

  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<HostLookup> lookup_;
  std::atomic<int> asked_ = 0;
  int done_ = 0;

 private:
  base::Result<net::DnsAnswer> ask() {
    ++asked_;
    const std::lock_guard lock(mutex_);
    return answer_;
  }
  void on_lookup_done() override { ++done_; }
  void on_timer() override {}

  config::Smarthost smarthost_;
  std::mutex mutex_;
  base::Result<net::DnsAnswer> answer_ = net::DnsAnswer{};
};

TEST_F(HostLookupTest, BelievesAnAnswerForAWhile) {
  begin("srv:example.edu");
  say(answer_of({{1, 0, 587, "a.example.edu"}}, 0s));
  EXPECT_FALSE(lookup_->known().was_asked());
  refresh();
  EXPECT_TRUE(lookup_->known().was_asked());
  EXPECT_EQ(lookup_->known().targets().size(), 1u);
  lookup_->refresh();
  EXPECT_FALSE(lookup_->is_running());
  EXPECT_EQ(asked_, 1);
}

TEST_F(HostLookupTest, SaysWhyThereIsNoAnswer) {
  begin("srv:example.edu");
  say(base::Error{base::Fault::unreachable, "no answer from the DNS"});
  refresh();
  EXPECT_THAT(lookup_->known().targets(), IsEmpty());
  ASSERT_TRUE(lookup_->known().failure());
  EXPECT_EQ(lookup_->known().failure()->detail, "no answer from the DNS");
}

TEST_F(HostLookupTest, MayBeDestroyedWhileItAsks) {
  begin("mx:example.edu");
  lookup_->refresh();
  EXPECT_TRUE(lookup_->is_running());
  lookup_.reset();
  loop_.reset();
}

}  // namespace
}  // namespace app
