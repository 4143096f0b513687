// Limits and time-outs of the whole program: crowds, slow peers, descriptors that run out.
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/patience.h"
#include "support/seal_test.h"

namespace support {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class SlowSmarthostLimits : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    config_.set("smarthost", "command_timeout", "2s").set("smarthost", "data_timeout", "2s");
  }

  // An octet now and then, for as long as smtpseal listens: each is sign of life enough for whoever
  // only looks for one.
  static void drip(SmarthostConnection& wire, std::string_view octet) {
    for (int i = 0; i < 600; ++i) {
      wire.send(octet);
      std::this_thread::sleep_for(50ms);
    }
  }

  void expect_put_off_in_time(Attempt::Step step) {
    const auto began = steady_clock::now();
    const Attempt put_off = attempt();
    EXPECT_EQ(put_off.step, step) << testing::PrintToString(put_off);
    EXPECT_TRUE(put_off.is_deferred()) << testing::PrintToString(put_off);
    EXPECT_LT(steady_clock::now() - began, 20s);
    expect_service_when_healthy();
  }
};

TEST_F(SlowSmarthostLimits, DrippedReplyIsNotWaitedForLongerThanASilentOne) {
  smarthost().on(Point::rcpt, [](const Situation& at) -> std::optional<Answer> {
    at.wire.send("250-");
    drip(at.wire, "x");
    return std::nullopt;
  });
  expect_put_off_in_time(Attempt::Step::rcpt);
}

TEST_F(SlowSmarthostLimits, DrippedLinesOfOneReplyAreOneReply) {
  smarthost().on(Point::rcpt, [](const Situation& at) -> std::optional<Answer> {
    drip(at.wire, "250-x\r\n");
    return std::nullopt;
  });
  expect_put_off_in_time(Attempt::Step::rcpt);
}

TEST_F(SlowSmarthostLimits, DrippedGreetingIsNone) {
  smarthost().on(Point::greeting, [](const Situation& at) -> std::optional<Answer> {
    at.wire.send("220 ");
    drip(at.wire, "x");
    return std::nullopt;
  });
  expect_put_off_in_time(Attempt::Step::greeting);
}

TEST_F(SlowSmarthostLimits, DrippedVerdictIsInDoubt) {
  smarthost().on(Point::end_of_data, [](const Situation& at) -> std::optional<Answer> {
    at.wire.send("250-");
    drip(at.wire, "x");
    return std::nullopt;
  });
  expect_put_off_in_time(Attempt::Step::end_of_data);
  EXPECT_EQ(seal().wait_for("transaction").field("in-doubt"), "yes");
}

TEST_F(SlowSmarthostLimits, MailDataThatIsNotTakenIsGivenUp) {
  smarthost().on(Point::body, always("", Then::deafness));
  SmtpClient client = connect();
  client.hello();
  client.envelope();
  EXPECT_EQ(client.command("DATA").code, 354);
  // More than sockets and smtpseal hold.
  const std::string block = std::string(998, 'x') + "\r\n";
  std::string piece;
  for (int i = 0; i < 1024; ++i) piece += block;
  for (int i = 0; i < 24; ++i) {
    if (!client.try_send(piece, 10s)) break;
  }
  const LogLine failure = seal().wait_for("smarthost-fail", 1, 30s);
  EXPECT_NE(failure.field("reason").find("too slowly, or not at all"), std::string::npos)
      << failure.text;
  expect_service_when_healthy();
}

// In a crowd an idle client has ten seconds.
class Crowd : public SealTest {};

TEST_F(Crowd, SendsThoseAwayWhoOnlySitThere) {
  config_.set("listener", "max_sessions", "10");
  std::vector<SmtpClient> idle;
  for (int i = 0; i < 8; ++i) {
    idle.push_back(connect());
    idle.back().hello();
  }
  EXPECT_EQ(seal().count("crowded"), 0U);
  const auto began = steady_clock::now();
  idle.push_back(connect());
  idle.back().hello();
  EXPECT_EQ(seal().wait_for("crowded").field("max-sessions"), "10");
  // Whoever works is not disturbed.
  EXPECT_TRUE(attempt().is_accepted());
  // Who sat there longest goes first, until there is no crowd any more.
  constexpr std::size_t kToGo = 3;
  for (std::size_t i = 0; i < kToGo; ++i) {
    SmtpClient& client = idle[i];
    const Reply reply = client.read_reply(30s);
    EXPECT_EQ(reply.code, 421);
    EXPECT_TRUE(reply.has_text("4.4.2")) << reply.raw;
    EXPECT_EQ(client.read_until_closed(), "");
  }
  EXPECT_LT(steady_clock::now() - began, 25s);
  seal().wait_for("crowd-gone");
  SmtpClient later = connect();
  later.hello();
  EXPECT_FALSE(later.has_input_within(11s)) << "there is no crowd any more";
  later.quit();
}

// One host has more than half of the sessions: what is left is for others.
TEST_F(Crowd, LeavesRoomForOtherHosts) {
  config_.set("listener", "max_sessions", "10")
      .set("listener", "proxy_protocol", "yes")
      .set("listener", "proxy_networks", "127.0.0.0/8")
      .set("listener", "allow", "192.0.2.0/24");
  const auto connect_as = [&](const std::string& host) {
    SmtpClient client = connect();
    client.send("PROXY TCP4 " + host + " 192.0.2.1 40000 25\r\n");
    return client;
  };
  std::vector<SmtpClient> greedy;
  for (int i = 0; i < 8; ++i) {
    greedy.push_back(connect_as("192.0.2.7"));
    EXPECT_EQ(greedy.back().read_reply().code, 220) << i;
  }
  for (int i = 0; i < 3; ++i) {
    SmtpClient another = connect_as("192.0.2.7");
    EXPECT_EQ(another.read_reply().code, 421) << i;
    EXPECT_EQ(another.read_until_closed(), "");
  }
  SmtpClient polite = connect_as("192.0.2.8");
  polite.hello();
  EXPECT_EQ(polite.mail(make_mail()).code, 250);
  SmtpClient second = connect_as("192.0.2.9");
  second.hello();
  EXPECT_EQ(connect_as("192.0.2.10").read_reply().code, 421) << "there are ten";
}

// A process that may have only a hundred descriptors.
class FewDescriptors : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    program_ = smtpseal_program();
    const std::string script =
        directory_.write("few.sh", "#!/bin/sh\nulimit -n 100\nexec '" + program_ + "' \"$@\"\n");
    ASSERT_EQ(chmod(script.c_str(), 0700), 0);
    ASSERT_EQ(setenv("SEAL_PROGRAM", script.c_str(), 1), 0);
  }
  void TearDown() override {
    ASSERT_EQ(setenv("SEAL_PROGRAM", program_.c_str(), 1), 0);
    SealTest::TearDown();
  }

  std::string program_;
};

TEST_F(FewDescriptors, AreKeptForMailThatIsUnderWay) {
  constexpr int kFlood = 300;
  std::vector<SmtpClient> greeted;
  int refused = 0;
  for (int i = 0; i < kFlood; ++i) {
    SmtpClient client = connect();
    const Reply reply = client.read_reply();
    if (reply.code == 220) {
      greeted.push_back(std::move(client));
      continue;
    }
    EXPECT_EQ(reply.code, 421);
    EXPECT_TRUE(reply.has_text("4.3.2"));
    EXPECT_EQ(client.read_until_closed(), "");
    ++refused;
  }
  EXPECT_GE(greeted.size(), 20U);
  EXPECT_GE(refused, 200);
  EXPECT_EQ(seal().count("descriptors-few"), 1U);
  EXPECT_EQ(seal().count("descriptors-low"), 1U);
  // All that are in get their mail through at once: connections to the smarthost are had still.
  for (SmtpClient& client : greeted) {
    client.send("EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@example.test>\r\n");
  }
  for (SmtpClient& client : greeted) {
    for (const int code : {250, 250, 250}) EXPECT_EQ(client.read_reply().code, code);
    EXPECT_EQ(client.command("DATA").code, 354);
    EXPECT_EQ(client.finish(make_mail()).code, 250);
  }
  // A reload finds what it needs, too.
  seal().reload(config_);
  seal().wait_for("reload");
  greeted.clear();
  for (int i = 0; i < 200 && seal().count("descriptors-back") == 0; ++i) {
    EXPECT_LE(connect().read_reply().code, 421);
  }
  EXPECT_EQ(seal().count("descriptors-back"), 1U);
  expect_service_when_healthy();
}

}  // namespace
}  // namespace support
