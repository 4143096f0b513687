// The connections to the smarthost are few, and clients share them: who waits for one is served in
// his turn or told so in time, and a connection serves no longer than it may.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

using testing::HasSubstr;

class Pool : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    config_.set("smarthost", "max_connections", "1");
  }

  // A client inside its transaction, which holds the one connection.
  SmtpClient begin_mail() {
    SmtpClient client = connect();
    client.hello();
    client.envelope();
    return client;
  }

  // A client that has asked for a recipient and waits for the reply.
  SmtpClient begin_waiting(const std::string& sender) {
    SmtpClient client = connect();
    client.hello();
    SmtpClient::require(client.command("MAIL FROM:<" + sender + ">"), 250);
    client.send("RCPT TO:<rcpt@example.test>\r\n");
    // It is answered in its turn, so all before it were read when this is.
    SmtpClient other = connect();
    other.hello();
    SmtpClient::require(other.command("NOOP"), 250);
    return client;
  }

  std::string finish(SmtpClient& client) {
    SmtpClient::require(client.command("DATA"), 354);
    return client.finish(make_mail()).text();
  }
};

TEST_F(Pool, NoConnectionIsKeptWhereNoneIsToBe) {
  config_.set("smarthost", "idle_timeout", "0");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(attempt().is_accepted());
  EXPECT_LE(smarthost().connections(), 4u) << "one for its extensions, one for each mail";
}

TEST_F(Pool, ClientsWaitForAConnectionInTheOrderTheyCame) {
  SmtpClient holder = begin_mail();
  std::vector<SmtpClient> waiting;
  for (const char* sender : {"first@client.test", "second@client.test", "third@client.test"}) {
    waiting.push_back(begin_waiting(sender));
  }
  finish(holder);
  for (SmtpClient& client : waiting) {
    SmtpClient::require(client.read_reply(), 250);
    finish(client);
  }
  const std::vector<StoredMail> mails = smarthost().wait_for_mails(4);
  EXPECT_THAT(mails[1].mail, HasSubstr("first@client.test"));
  EXPECT_THAT(mails[2].mail, HasSubstr("second@client.test"));
  EXPECT_THAT(mails[3].mail, HasSubstr("third@client.test"));
  EXPECT_EQ(smarthost().connections(), 1u);
}

TEST_F(Pool, ClientThatWaitedTooLongIsToldSoAndMayTryAgain) {
  config_.set("smarthost", "connect_timeout", "1s");
  SmtpClient holder = begin_mail();
  SmtpClient waiting = begin_waiting("sender@client.test");
  const Reply put_off = waiting.read_reply();
  EXPECT_EQ(put_off.code, 451);
  EXPECT_THAT(put_off.text(), HasSubstr("all connections to the smarthost are in use"));
  finish(holder);
  SmtpClient::require(waiting.command("RSET"), 250);
  waiting.mail(make_mail());
  EXPECT_EQ(smarthost().mails().size(), 2u);
}

TEST_F(Pool, ClientThatLeavesTheQueueLosesItsPlaceAndNobodyElses) {
  SmtpClient holder = begin_mail();
  { const SmtpClient leaving = begin_waiting("gone@client.test"); }
  SmtpClient waiting = begin_waiting("second@client.test");
  finish(holder);
  SmtpClient::require(waiting.read_reply(), 250);
  finish(waiting);
  EXPECT_EQ(smarthost().wait_for_mails(2).size(), 2u);
}

TEST_F(Pool, ConnectionThatServedItsNumberOfMailsMakesRoomForTheNext) {
  config_.set("smarthost", "max_transactions", "2");
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(smarthost().connections(), 2u);
}

TEST_F(Pool, IdleClientsHoldNoConnection) {
  std::vector<SmtpClient> idle;
  for (int i = 0; i < 20; ++i) {
    idle.push_back(connect());
    idle.back().hello();
  }
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(smarthost().connections(), 1u);
}

}  // namespace
}  // namespace support
