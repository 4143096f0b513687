// max_rate: no more mails reach the smarthost in a span of time than it takes, whoever sends them.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/address.h"
#include "support/seal_test.h"

namespace support {
namespace {

class MailRate : public SealTest {
 protected:
  void limit_to(const std::string& rate) { config_.set("smarthost", "max_rate", rate); }

  // Put off without waiting, in words that say why and for how long.
  static void expect_put_off(const Reply& reply, const std::string& rate) {
    EXPECT_EQ(reply.code, 451) << testing::PrintToString(reply);
    EXPECT_TRUE(reply.has_text("4.3.2 mail goes to the smarthost no faster than " + rate))
        << testing::PrintToString(reply);
    EXPECT_TRUE(reply.has_text("(max_rate), try again in ")) << testing::PrintToString(reply);
  }
};

TEST_F(MailRate, IsKeptToAndWhoCannotHaveATurnInTimeIsToldAtOnce) {
  limit_to("2/1h");
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_TRUE(attempt().is_accepted());
  const auto began = TestClock::now();
  const Attempt third = attempt();
  EXPECT_LT(TestClock::now() - began, 20s) << "it waited for connect_timeout";
  EXPECT_EQ(third.step, Attempt::Step::rcpt);
  expect_put_off(third.reply, "2/1h");
  EXPECT_EQ(smarthost().mails().size(), 2U);
}

TEST_F(MailRate, LetsAClientWaitForATurnThatComesSoon) {
  limit_to("1/2s");
  EXPECT_TRUE(attempt().is_accepted());
  const auto accepted = TestClock::now();
  EXPECT_TRUE(attempt().is_accepted());
  // The first place was taken a moment before the first mail was.
  EXPECT_GE(TestClock::now() - accepted, 1s);
  EXPECT_EQ(smarthost().mails().size(), 2U);
}

TEST_F(MailRate, PutsOffOnlyTheEndOfALongQueue) {
  limit_to("1/2s");
  config_.set("smarthost", "connect_timeout", "3s");
  EXPECT_TRUE(attempt().is_accepted());
  // The last would have its turn sixteen seconds after the first.
  std::vector<SmtpClient> queue;
  for (int i = 0; i < 8; ++i) {
    SmtpClient& client = queue.emplace_back(connect());
    client.hello();
    SmtpClient::require(client.command("MAIL FROM:<a@client.test>"), 250);
    client.send("RCPT TO:<b@example.test>\r\n");
  }
  expect_put_off(queue.back().read_reply(), "1/2s");
  SmtpClient::require(queue.front().read_reply(), 250);
}

TEST_F(MailRate, IsNotRenewedByAReload) {
  limit_to("2/1h");
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_TRUE(attempt().is_accepted());
  seal().reload(config_);
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  expect_put_off(attempt().reply, "2/1h");
  limit_to("3/1h");
  seal().reload(config_);
  EXPECT_EQ(seal().wait_for("reload", 2).field("result"), "done");
  EXPECT_TRUE(attempt().is_accepted());
}

TEST_F(MailRate, CountsAllWorkersTogether) {
  if (!base::kCanSharePorts) GTEST_SKIP() << "one worker is all there is here";
  limit_to("5/1h");
  config_.set("smtpseal", "workers", "3");
  unsigned accepted = 0;
  for (int i = 0; i < 12; ++i) accepted += attempt().is_accepted() ? 1 : 0;
  EXPECT_EQ(accepted, 5U);
  EXPECT_EQ(smarthost().mails().size(), 5U);
}

TEST_F(MailRate, HoldsOnAConnectionThatAClientAuthenticatedItselfOn) {
  Behavior behavior = smarthost().behavior();
  behavior.keywords.emplace_back("AUTH PLAIN");
  smarthost().set_behavior(behavior);
  smarthost().on(Point::auth, always("235 2.7.0 welcome\r\n"));
  limit_to("2/1h");
  SmtpClient client = connect();
  client.hello();
  SmtpClient::require(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0"), 235);
  SmtpClient::require(client.mail(make_mail()), 250);
  SmtpClient::require(client.mail(make_mail()), 250);
  expect_put_off(client.command("MAIL FROM:<a@client.test>"), "2/1h");
  SmtpClient::require(client.command("RCPT TO:<b@example.test>"), 503);
  client.quit();
  EXPECT_EQ(smarthost().mails().size(), 2U);
}

// The smarthost never had the mail: it is the same one that goes again, and no other.
TEST_F(MailRate, CountsAMailOnceWhoseWarmConnectionDied) {
  limit_to("2/1h");
  EXPECT_TRUE(attempt().is_accepted());
  smarthost().on(Point::mail, [](const Situation& at) -> std::optional<Answer> {
    if (at.wire.number() > 0) return std::nullopt;
    return Answer{"", Then::close};
  });
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(smarthost().connections(), 2U);
  EXPECT_EQ(smarthost().mails().size(), 2U);
  expect_put_off(attempt().reply, "2/1h");
}

// A connection that is still held for a mail which came to nothing is no client's own.
TEST_F(MailRate, CountsAMailOnceBehindOneWhoseRecipientsWereAllRefused) {
  limit_to("2/1h");
  smarthost().on(Point::rcpt, once("550 5.1.1 nobody here\r\n"));
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("MAIL FROM:<app@main.test>").code, 250);
  EXPECT_EQ(client.command("RCPT TO:<a@b.test>").code, 550);
  EXPECT_EQ(client.command("DATA").code, 554);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  expect_put_off(attempt().reply, "2/1h");
}

TEST_F(MailRate, CountsAMailOnceWhoseConnectionDiedOfTheClientsName) {
  limit_to("2/1h");
  config_.set("smarthost", "ehlo_name", "client");
  client_names_ = {"app.client.test", "printer.client.test"};
  const auto send_as = [&](const std::string& hello) {
    SmtpClient client = connect();
    client.hello(hello);
    SmtpClient::require(client.mail(make_mail()), 250);
    client.quit();
  };
  send_as("EHLO app.client.test");
  smarthost().on(Point::sealed_ehlo, [](const Situation& at) -> std::optional<Answer> {
    if (at.wire.number() > 0) return std::nullopt;
    return Answer{"", Then::close};
  });
  send_as("EHLO printer.client.test");
  EXPECT_EQ(smarthost().connections(), 2U);
  EXPECT_EQ(smarthost().mails().size(), 2U);
}

TEST_F(MailRate, IsNoneUnlessConfigured) {
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(attempt().is_accepted());
}

}  // namespace
}  // namespace support
