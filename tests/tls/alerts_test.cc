#include "tls/alerts.h"

#include <gtest/gtest.h>

namespace tls {
namespace {

TEST(Alerts, HaveTheNamesOfTheStandard) {
  EXPECT_EQ(alert_name(0), "close_notify");
  EXPECT_EQ(alert_name(40), "handshake_failure");
  EXPECT_EQ(alert_name(70), "protocol_version");
  EXPECT_EQ(alert_name(116), "certificate_required");
}

TEST(Alerts, WithoutANameAreNumbers) {
  EXPECT_EQ(alert_name(200), "number 200");
  EXPECT_EQ(alert_name(-1), "number -1");
}

TEST(Alerts, MeanSomethingToPeople) {
  EXPECT_EQ(alert_meaning(70), "no TLS version in common");
  EXPECT_EQ(alert_meaning(116), "it wants a client certificate");
  EXPECT_EQ(alert_meaning(200), "");
}

TEST(Alerts, MeanSomethingElseFromClients) {
  EXPECT_EQ(client_alert_meaning(48), "it does not trust whoever issued our certificate");
  EXPECT_EQ(client_alert_meaning(80), "");
}

}  // namespace
}  // namespace tls
