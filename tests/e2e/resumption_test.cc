// TLS sessions that are resumed, and peers that want none of it.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

class ResumptionOfSessions : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    config_.set("smarthost", "max_transactions", "1");
  }

  void offer(std::shared_ptr<tls::ServerContext> context) {
    Behavior behavior = smarthost().behavior();
    behavior.tls = std::move(context);
    smarthost().set_behavior(behavior);
  }

  std::size_t resumed() {
    std::size_t count = 0;
    for (const LogLine& line : seal().events("smarthost-open")) {
      count += line.fields.at("resumed") == "yes" ? 1 : 0;
    }
    return count;
  }
};

TEST_F(ResumptionOfSessions, ConnectionsAfterTheFirstAreResumed) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(attempt().is_accepted());
  smarthost().wait_for_mails(4);
  EXPECT_EQ(seal().count("smarthost-open"), 4u);
  EXPECT_EQ(resumed(), 3u);
}

// A session vouches for a verification that would not be repeated: trust that was withdrawn ends
// it.
TEST_F(ResumptionOfSessions, SessionsEndWithTheTrustTheyWereMadeUnder) {
  EXPECT_TRUE(attempt().is_accepted());
  config_.set("smarthost", "ca_file",
              directory_.write("other.pem", foreign_authority().certificate_pem()));
  seal().reload(config_);
  seal().wait_for("reload");
  const Attempt refused = attempt();
  EXPECT_TRUE(refused.is_deferred()) << testing::PrintToString(refused);
  EXPECT_TRUE(refused.reply.has_text("4.7.5")) << testing::PrintToString(refused);
  EXPECT_EQ(smarthost().mails().size(), 1U);
}

TEST_F(ResumptionOfSessions, MembersOfAClusterThatSpeakOtherVersionsAreAllReached) {
  const auto new_one = server_context(good_request(), trusted_authority(),
                                      {tls::Version::tls13, tls::Version::tls13});
  const auto old_one = server_context(good_request(), trusted_authority(),
                                      {tls::Version::tls12, tls::Version::tls12});
  for (int i = 0; i < 6; ++i) {
    offer(i % 2 == 0 ? new_one : old_one);
    const Attempt tried = attempt();
    EXPECT_TRUE(tried.is_accepted()) << i << ": " << testing::PrintToString(tried);
  }
  smarthost().wait_for_mails(6);
  EXPECT_GT(seal().count("smarthost-retry"), 0u);
}

}  // namespace
}  // namespace support
