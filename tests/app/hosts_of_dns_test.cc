// app/smarthost_pool with srv: and mx:, over real connections and a DNS that says what a test
// wants.
#include <array>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/smarthost_pool.h"
#include "app/smarthost_tls.h"
#include "net/dns_server.h"
#include "net/loop.h"
#include "support/certificates.h"
#include "support/scripted_smarthost.h"
#include "support/temp_dir.h"

namespace app {
namespace {

using support::Point;
using testing::HasSubstr;
using namespace std::chrono_literals;

struct Asker final : PoolClient {
  void on_leased(SmarthostLink& link, bool, bool) override { leased = &link; }
  void on_lease_failed(const base::Error& error) override { failure = error; }
  void on_extensions_known() override {}
  void on_extensions_unknown(const base::Error& error) override { failure = error; }
  void on_smarthost_reply(const smtp::from_smarthost::Replied&) override {}
  void on_smarthost_lost(const base::Error&, bool) override { leased = nullptr; }
  void on_smarthost_drained() override {}

  [[nodiscard]] bool is_told() const { return leased != nullptr || failure; }

  SmarthostLink* leased = nullptr;
  std::optional<base::Error> failure;
};

class HostsOfDnsTest : public testing::Test, net::TimerEvents {
 protected:
  void SetUp() override {
    loop_ = std::move(net::Loop::make()).value();
    turn_.set_reap([this] {
      if (pool_) pool_->reap();
    });
    loop_->on_turn_end([this] { turn_.end(); });
    for (auto& smarthost : smarthosts_) {
      support::Behavior behavior;
      behavior.tls = support::good_server_context();
      smarthost = std::make_unique<support::ScriptedSmarthost>(std::move(behavior));
    }
    settings_.hosts = {"srv:smarthost.test"};
    settings_.tls.level = tls::Level::encrypt;
    settings_.connect_timeout = 5s;
    ask_ = [this](const std::string& name, net::DnsType) -> base::Result<net::DnsAnswer> {
      const std::lock_guard lock(mutex_);
      asked_.push_back(name);
      return answer_;
    };
  }

  void TearDown() override {
    turn_.end();
    pool_.reset();
    loop_->on_turn_end(nullptr);
    loop_.reset();  // waits for look-ups
    for (auto& smarthost : smarthosts_) smarthost->stop();
  }

  void trust_the_authority_of_tests() {
    settings_.tls.level = tls::Level::verify;
    settings_.tls.ca_files = {
        directory_.write("ca.pem", support::trusted_authority().certificate_pem())};
  }

  void begin() {
    auto context = std::make_unique<SmarthostContext>();
    context->loop = loop_.get();
    context->turn = &turn_;
    context->log = &log_;
    context->hostname = "seal.client.test";
    context->smarthost = settings_;
    context->ask_dns = ask_;
    context->tls = std::move(make_smarthost_tls(settings_)).value();
    pool_ = std::make_unique<SmarthostPool>(std::move(context));
  }

  // A connection for a client, or why there is none.
  void lease(Asker& asker) {
    pool_->lease(asker, {});
    run_until([&] { return asker.is_told(); });
  }
  void give_back(Asker& asker) {
    pool_->give_back(*std::exchange(asker.leased, nullptr), false, "of no more use");
  }

  void say(base::Result<net::DnsAnswer> answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  [[nodiscard]] std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  [[nodiscard]] net::DnsRecord record(std::size_t index, std::uint16_t priority,
                                      std::uint16_t weight = 0) const {
    return {priority, weight, smarthosts_[index]->port(), "localhost"};
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

  support::TempDir directory_;
  std::unique_ptr<net::Loop> loop_;
  Turn turn_;
  base::NullLog log_;
  config::Smarthost settings_;
  AskDns ask_;
  std::array<std::unique_ptr<support::ScriptedSmarthost>, 2> smarthosts_;
  std::unique_ptr<SmarthostPool> pool_;

 private:
  void on_timer() override {}

  mutable std::mutex mutex_;
  base::Result<net::DnsAnswer> answer_ = net::DnsAnswer{};
  std::vector<std::string> asked_;
};

TEST_F(HostsOfDnsTest, ConnectionGoesToTheServerOfTheLowestPriority) {
  say(net::DnsAnswer{{record(1, 20), record(0, 10)}, 5min});
  begin();
  Asker asker;
  lease(asker);
  ASSERT_NE(asker.leased, nullptr) << asker.failure->detail;
  EXPECT_EQ(asker.leased->target().port, smarthosts_[0]->port());
  EXPECT_THAT(asked(), testing::ElementsAre("_submission._tcp.smarthost.test"));
}

TEST_F(HostsOfDnsTest, NextServerIsTriedWhenThatOneIsDown) {
  smarthosts_[0]->go_down();
  say(net::DnsAnswer{{record(0, 10), record(1, 20)}, 5min});
  begin();
  Asker asker;
  lease(asker);
  ASSERT_NE(asker.leased, nullptr) << asker.failure->detail;
  EXPECT_EQ(asker.leased->target().port, smarthosts_[1]->port());
  EXPECT_EQ(asked().size(), 1u);
}

// Whoever writes the answers of the DNS chooses the server, and not the name it must prove: RFC
// 6186 6.
TEST_F(HostsOfDnsTest, CertificateMustCarryTheDomainAndNotTheNameOfTheServer) {
  trust_the_authority_of_tests();
  say(net::DnsAnswer{{record(0, 10)}, 5min});
  begin();
  Asker asker;
  lease(asker);
  ASSERT_NE(asker.leased, nullptr) << asker.failure->detail;
  EXPECT_THAT(asker.leased->tls_summary(), HasSubstr("verified"));
}

TEST_F(HostsOfDnsTest, CertificateForTheServerThatTheDnsNamesIsNotEnough) {
  trust_the_authority_of_tests();
  tls::CertificateRequest request = support::good_request();
  request.dns_names = {"localhost"};
  support::Behavior behavior;
  behavior.tls = support::server_context(request);
  smarthosts_[0]->set_behavior(std::move(behavior));
  say(net::DnsAnswer{{record(0, 10)}, 5min});
  begin();
  Asker asker;
  lease(asker);
  ASSERT_TRUE(asker.failure);
  EXPECT_EQ(asker.failure->fault, base::Fault::tls);
  EXPECT_THAT(asker.failure->detail, HasSubstr("localhost"));
}

TEST_F(HostsOfDnsTest, ClientsAreToldWhyThereIsNoServer) {
  begin();
  Asker asker;
  lease(asker);
  ASSERT_TRUE(asker.failure);
  EXPECT_EQ(asker.failure->fault, base::Fault::unreachable);
  EXPECT_EQ(asker.failure->detail, "no SRV record at _submission._tcp.smarthost.test");
}

TEST_F(HostsOfDnsTest, HostBehindALookUpThatFailedServes) {
  settings_.hosts = {"srv:smarthost.test", "127.0.0.1"};
  settings_.port = smarthosts_[1]->port();
  say(base::Error{base::Fault::unreachable, "no answer from the DNS"});
  begin();
  Asker asker;
  lease(asker);
  ASSERT_NE(asker.leased, nullptr) << asker.failure->detail;
  EXPECT_EQ(asker.leased->target().host, "127.0.0.1");
}

TEST_F(HostsOfDnsTest, FailuresOfLookUpsAndHostsAreToldTogether) {
  settings_.hosts = {"srv:smarthost.test", "127.0.0.1"};
  settings_.port = smarthosts_[1]->port();
  smarthosts_[1]->go_down();
  say(base::Error{base::Fault::unreachable, "no answer from the DNS"});
  begin();
  Asker asker;
  lease(asker);
  ASSERT_TRUE(asker.failure);
  EXPECT_THAT(asker.failure->detail, HasSubstr("srv:smarthost.test: no answer from the DNS; "));
  EXPECT_THAT(asker.failure->detail, HasSubstr("connection refused"));
}

// RFC 5321 5.1, by the name of this machine.
TEST_F(HostsOfDnsTest, DomainWithoutMxIsItsOwnServer) {
  settings_.hosts = {"mx:localhost"};
  settings_.port = smarthosts_[0]->port();
  begin();
  Asker asker;
  lease(asker);
  ASSERT_NE(asker.leased, nullptr) << asker.failure->detail;
  EXPECT_EQ(asker.leased->target().host, "localhost");
  EXPECT_THAT(asked(), testing::ElementsAre("localhost"));
}

// LIM-14: a DNS that says nothing stops those who wait for it, and nobody else.
TEST_F(HostsOfDnsTest, SilentDnsHoldsClientsUpForConnectTimeoutAlone) {
  std::promise<void> gate;
  const std::shared_future<void> opened = gate.get_future().share();
  ask_ = [opened](const std::string&, net::DnsType) -> base::Result<net::DnsAnswer> {
    opened.wait();
    return net::DnsAnswer{};
  };
  settings_.connect_timeout = 500ms;
  begin();
  Asker asker;
  const base::Instant begun = loop_->now();
  lease(asker);
  EXPECT_GE(loop_->now() - begun, 500ms);
  ASSERT_TRUE(asker.failure);
  EXPECT_THAT(asker.failure->detail, HasSubstr("its look-up takes too long"));
  gate.set_value();
}

// The resolver library of the system, and a server that it asks.
TEST_F(HostsOfDnsTest, WorksWithTheResolverOfTheSystem) {
  const net::DnsServer server([this](const std::string& question) {
    return net::dns_message(question,
                            {net::srv_record(10, 0, smarthosts_[1]->port(), "localhost")});
  });
  ask_ = [address = server.address()](const std::string& name, net::DnsType type) {
    return net::look_up_dns(name, type, address);
  };
  begin();
  Asker asker;
  lease(asker);
  ASSERT_NE(asker.leased, nullptr) << asker.failure->detail;
  EXPECT_EQ(asker.leased->target().port, smarthosts_[1]->port());
}

// RFC 2782: of equal weight, half the connections each.
TEST_F(HostsOfDnsTest, EqualServersShareTheConnections) {
  settings_.pool.max_connections = 2;
  say(net::DnsAnswer{{record(0, 10, 1), record(1, 10, 1)}, 5min});
  begin();
  std::map<std::uint16_t, int> served;
  for (int i = 0; i < 60; ++i) {
    Asker asker;
    lease(asker);
    ASSERT_NE(asker.leased, nullptr) << asker.failure->detail;
    ++served[asker.leased->target().port];
    give_back(asker);
  }
  EXPECT_GT(served[smarthosts_[0]->port()], 10);
  EXPECT_GT(served[smarthosts_[1]->port()], 10);
}

}  // namespace
}  // namespace app
