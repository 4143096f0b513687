// app/descriptor_guard: who may be served while descriptors are few.
#include "app/descriptor_guard.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace app {
namespace {

struct Events final : base::LogSink {
  [[nodiscard]] bool is_enabled(base::LogLevel) const override { return true; }
  void write(base::LogLevel, std::string_view, std::string_view event,
             base::LogFields fields) override {
    seen.emplace_back(event);
    for (const base::LogField& field : fields) seen.back().append(" ").append(field.value);
  }

  std::vector<std::string> seen;
};

class DescriptorGuardTest : public testing::Test {
 protected:
  Events log_;
  DescriptorGuard guard_;
};

TEST_F(DescriptorGuardTest, RefusesWhatWouldTakeTheLastOnesAndSaysSoOnce) {
  guard_.set(1000, 100);
  EXPECT_TRUE(guard_.may_serve(899, log_));
  EXPECT_FALSE(guard_.may_serve(900, log_));
  EXPECT_FALSE(guard_.may_serve(950, log_));
  EXPECT_EQ(log_.seen, std::vector<std::string>{"descriptors-low 1000"});
  EXPECT_TRUE(guard_.may_serve(20, log_));
  EXPECT_TRUE(guard_.may_serve(21, log_));
  EXPECT_EQ(log_.seen, (std::vector<std::string>{"descriptors-low 1000", "descriptors-back 2"}));
}

TEST_F(DescriptorGuardTest, LeavesHalfOfASmallLimitToClients) {
  guard_.set(64, 1000);
  EXPECT_TRUE(guard_.may_serve(31, log_));
  EXPECT_FALSE(guard_.may_serve(32, log_));
}

TEST_F(DescriptorGuardTest, RefusesNobodyWhereNothingIsKnown) {
  EXPECT_TRUE(guard_.may_serve(1000000, log_));
  guard_.set(std::nullopt, 100);
  EXPECT_TRUE(guard_.may_serve(1000000, log_));
  guard_.set(100, 50);
  EXPECT_TRUE(guard_.may_serve(std::nullopt, log_));
  EXPECT_TRUE(log_.seen.empty());
}

TEST_F(DescriptorGuardTest, KnowsWhatAConfigurationMayNeed) {
  config::Config config;
  config.listeners.resize(2);
  config.listeners[0].max_sessions = 10000;
  config.listeners[1].max_sessions = 5;
  config.smarthosts.resize(2);
  config.smarthosts[0].pool.max_connections = 8;
  config.smarthosts[1].pool.max_connections = 2;
  config.general.workers = 3;
  EXPECT_EQ(descriptors_for_clients(config), 10005U);
  EXPECT_EQ(descriptors_beside_clients(config), kOtherDescriptors + 30);
  // Mail that is kept has files beside its connections.
  config.listeners[1].delivery = config::Delivery::fallback;
  EXPECT_EQ(descriptors_for_clients(config), 10010U);
  EXPECT_EQ(descriptors_beside_clients(config), kOtherDescriptors + kSpoolDescriptors + 60);
}

}  // namespace
}  // namespace app
