// Several hosts in one smarthost section: who takes the mail when the first cannot, what clients
// are told when nobody can, and how the first comes back.
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/seal_test.h"
#include "support/strict_judge.h"

namespace support {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

// 127.0.0.1 is the preferred one, 127.0.0.2 the other; they share a port.
class Hosts : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    Behavior behavior;
    behavior.tls = good_server_context();
    second_ = std::make_unique<ScriptedSmarthost>(std::move(behavior),
                                                  ScriptedSmarthost::Place{smarthost().port(), 2});
    config_.set("smarthost", "host", "127.0.0.1, 127.0.0.2");
  }

  void TearDown() override {
    SealTest::TearDown();
    second_->stop();
    for (const std::string& each : second_->journal().complaints()) ADD_FAILURE() << each;
    for (const ConnectionRecord& record : second_->journal().records()) {
      for (const std::string& finding :
           judge(record, {ehlo_name_, is_clear_allowed_, client_names_})) {
        ADD_FAILURE() << finding;
      }
    }
  }

  ScriptedSmarthost& first() { return smarthost(); }
  ScriptedSmarthost& second() { return *second_; }

  void expect_mail_at_the_second(const std::string& reason) {
    const Attempt sent = attempt();
    EXPECT_TRUE(sent.is_accepted()) << testing::PrintToString(sent);
    EXPECT_EQ(first().mails().size(), 0u);
    EXPECT_EQ(second().mails().size(), 1u);
    const LogLine failed = seal().wait_for("smarthost-fail");
    EXPECT_EQ(failed.field("host"), "127.0.0.1");
    EXPECT_THAT(failed.text, HasSubstr(reason));
    EXPECT_EQ(seal().wait_for("smarthost-open").field("host"), "127.0.0.2");
  }

  // Mails until one arrives at the first host; how many went to the second meanwhile.
  std::size_t send_until_the_first_has_one() {
    const std::size_t before = first().mails().size();
    const auto end = std::chrono::steady_clock::now() + kPatience;
    std::size_t sent = 0;
    while (first().mails().size() == before && std::chrono::steady_clock::now() < end) {
      EXPECT_TRUE(attempt().is_accepted());
      ++sent;
    }
    EXPECT_EQ(first().mails().size(), before + 1);
    return sent - 1;
  }

  void present(ScriptedSmarthost& host, const tls::CertificateRequest& request) {
    Behavior behavior = host.behavior();
    behavior.tls = server_context(request);
    host.set_behavior(behavior);
  }

 private:
  std::unique_ptr<ScriptedSmarthost> second_;
};

TEST_F(Hosts, FirstThatIsWellTakesAllMail) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(first().mails().size(), 3u);
  EXPECT_EQ(second().connections(), 0u);
  const std::string port = std::to_string(first().port());
  EXPECT_EQ(seal().wait_for("ready").field("smarthost"),
            "127.0.0.1:" + port + ",127.0.0.2:" + port);
}

TEST_F(Hosts, SecondTakesMailWhileTheFirstIsDown) {
  first().go_down();
  expect_mail_at_the_second("connection refused");
}

TEST_F(Hosts, SecondTakesMailWhileTheCertificateOfTheFirstHasExpired) {
  tls::CertificateRequest request = good_request();
  request.not_after = std::chrono::system_clock::now() - 24h;
  request.not_before = request.not_after - 240h;
  present(first(), request);
  expect_mail_at_the_second("expired on");
}

TEST_F(Hosts, SecondTakesMailWhileTheFirstRefusesService) {
  first().on(Point::greeting, always("421 4.3.2 too busy\r\n", Then::close));
  expect_mail_at_the_second("421");
}

TEST_F(Hosts, SecondTakesMailWhileTheFirstIsNoMailServerForUs) {
  first().on(Point::greeting, always("554 no service for you\r\n", Then::close));
  expect_mail_at_the_second("554");
}

TEST_F(Hosts, SecondTakesMailWhileTheFirstOffersNoTls) {
  Behavior behavior = first().behavior();
  behavior.clear_keywords = {"PIPELINING"};
  first().set_behavior(behavior);
  expect_mail_at_the_second("STARTTLS");
}

TEST_F(Hosts, SecondTakesMailWhileTheFirstRefusesEhlo) {
  first().on(Point::sealed_ehlo, always("451 4.3.0 later\r\n"));
  expect_mail_at_the_second("451");
}

TEST_F(Hosts, SilenceOfTheFirstCostsConnectTimeoutAndNoMore) {
  config_.set("smarthost", "connect_timeout", "1s");
  first().on(Point::greeting, always("", Then::silence));
  const auto begun = std::chrono::steady_clock::now();
  expect_mail_at_the_second("was not ready for mail within 1 s");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, kPatience);
}

TEST_F(Hosts, ClientsAreToldOfEveryHostWhenNobodyTakesMail) {
  tls::CertificateRequest request = good_request();
  request.dns_names = {"other.test"};
  present(first(), request);
  second().go_down();
  const Attempt refused = attempt();
  EXPECT_EQ(refused.reply.code, 421) << testing::PrintToString(refused);
  const std::string port = std::to_string(first().port());
  EXPECT_TRUE(refused.reply.has_text("4.7.5 127.0.0.1:" + port + ": ")) << refused.reply.text();
  EXPECT_TRUE(refused.reply.has_text("other.test")) << refused.reply.text();
  EXPECT_TRUE(refused.reply.has_text("127.0.0.2:" + port + ": 127.0.0.2 connection refused"))
      << refused.reply.text();
  EXPECT_EQ(seal().wait_for("smarthost-fail", 2).field("host"), "127.0.0.2");
  second().come_up();
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(second().mails().size(), 1u);
}

TEST_F(Hosts, FirstIsPreferredAgainOnceItIsWellAndNobodyWaitsForItsTrials) {
  first().go_down();
  expect_mail_at_the_second("connection refused");
  first().come_up();
  send_until_the_first_has_one();
  // The connections to the second are given up then.
  second().wait_until_idle();
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(first().mails().size(), 2u);
}

// A host that says nothing would hold a client up for connect_timeout with each trial.
TEST_F(Hosts, TrialOfASilentHostHoldsNobodyUp) {
  config_.set("smarthost", "connect_timeout", "5s");
  first().go_down();
  EXPECT_TRUE(attempt().is_accepted());
  first().on(Point::greeting, always("", Then::silence));
  first().come_up();
  const auto begun = std::chrono::steady_clock::now();
  while (first().connections() == 0) {
    ASSERT_LT(std::chrono::steady_clock::now() - begun, kPatience);
    EXPECT_TRUE(attempt().is_accepted());
  }
  // It is being tried, and silent; a fresh connection to the other is had meanwhile.
  second().tell_all({"421 4.4.2 idle\r\n", Then::close});
  second().wait_until_idle();
  const auto held_up = std::chrono::steady_clock::now();
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_LT(std::chrono::steady_clock::now() - held_up, 4s);
}

// Nor does a trial hold the last connection that is allowed while a client wants it.
TEST_F(Hosts, TrialOfASilentHostMakesRoomForAClient) {
  config_.set("smarthost", "connect_timeout", "5s").set("smarthost", "max_connections", "2");
  first().go_down();
  EXPECT_TRUE(attempt().is_accepted());
  first().on(Point::greeting, always("", Then::silence));
  first().come_up();
  const auto begun = std::chrono::steady_clock::now();
  while (first().connections() == 0) {
    ASSERT_LT(std::chrono::steady_clock::now() - begun, kPatience);
    EXPECT_TRUE(attempt().is_accepted());
  }
  SmtpClient holder = connect();
  holder.hello();
  holder.envelope();  // has the connection that serves
  const auto held_up = std::chrono::steady_clock::now();
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_LT(std::chrono::steady_clock::now() - held_up, 4s);
}

TEST_F(Hosts, OnlyConnectionIsTriedAtTheFirstHostWhenItIsTime) {
  config_.set("smarthost", "max_connections", "1").set("smarthost", "max_transactions", "1");
  first().go_down();
  EXPECT_TRUE(attempt().is_accepted());
  first().come_up();
  send_until_the_first_has_one();
}

// POOL-23: it fails and serves in turn, and no mail is lost or put off.
TEST_F(Hosts, FlappingFirstHostPutsNoMailOff) {
  std::size_t sent = 0;
  for (int round = 0; round < 6; ++round) {
    first().go_down();
    for (int i = 0; i < 3; ++i, ++sent) EXPECT_TRUE(attempt().is_accepted());
    first().come_up();
    for (int i = 0; i < 3; ++i, ++sent) EXPECT_TRUE(attempt().is_accepted());
  }
  EXPECT_EQ(first().mails().size() + second().mails().size(), sent);
}

TEST_F(Hosts, MailThatWasBegunAtOneHostNeverGoesToTheOther) {
  first().on(Point::end_of_data, always("", Then::close));
  const Attempt doubt = attempt();
  EXPECT_EQ(doubt.reply.code, 451) << testing::PrintToString(doubt);
  EXPECT_TRUE(doubt.reply.has_text("4.4.2"));
  EXPECT_EQ(second().connections(), 0u);
}

// What the smarthost says of a mail is an answer, not a failure of the host.
TEST_F(Hosts, RefusalOfAMailIsNoReasonForAnotherHost) {
  first().on(Point::rcpt, always("450 4.2.0 greylisted\r\n"));
  EXPECT_EQ(attempt().reply.code, 450);
  EXPECT_EQ(second().connections(), 0u);
}

TEST_F(Hosts, EachMustShowACertificateOfItsOwnName) {
  config_.unset("smarthost", "verify_name");
  tls::CertificateRequest request = good_request();
  request.dns_names.clear();
  request.ip_addresses = {"127.0.0.2"};
  present(first(), request);
  present(second(), request);
  expect_mail_at_the_second("127.0.0.2");
  EXPECT_EQ(seal().wait_for("smarthost-open").field("name"), "127.0.0.2");
}

TEST_F(Hosts, SessionOfOneIsNotShownToTheOther) {
  config_.set("smarthost", "max_transactions", "1").set("smarthost", "max_connections", "1");
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(seal().wait_for("smarthost-open", 2).field("resumed"), "yes");
  first().go_down();
  EXPECT_TRUE(attempt().is_accepted());
  const LogLine other = seal().wait_for("smarthost-open", 3);
  EXPECT_EQ(other.field("host"), "127.0.0.2");
  EXPECT_EQ(other.field("resumed"), "no");
}

// POOL-12: each sender's mail goes its own way, on connections of its own.
class SenderMatch : public Hosts {
 protected:
  void SetUp() override {
    Hosts::SetUp();
    config_.set("listener", "smarthost", "main");
    for (const char* section : {"smarthost main", "smarthost other"}) {
      const bool is_main = std::string(section) == "smarthost main";
      config_.set(section, "host", is_main ? "127.0.0.1" : "127.0.0.2")
          .set(section, "port", std::to_string(first().port()))
          .set(section, "verify_name", kSmarthostName)
          .set(section, "ca_file", directory_.path() + "/ca.pem");
    }
    config_.drop("smarthost");
    config_.set("smarthost other", "sender_match", "app@other.test, @all.test");
  }

  std::size_t mails_at_second_from(const std::string& sender) {
    const std::size_t before = second().mails().size();
    SmtpClient client = connect();
    client.hello();
    EXPECT_EQ(client.mail(make_mail(), sender).code, 250);
    client.quit();
    return second().mails().size() - before;
  }
};

TEST_F(SenderMatch, TakesTheMailOfItsSendersAndNoOther) {
  EXPECT_EQ(mails_at_second_from("app@other.test"), 1u);
  EXPECT_EQ(mails_at_second_from("APP@Other.Test"), 1u);
  EXPECT_EQ(mails_at_second_from("anybody@all.test"), 1u);
  EXPECT_EQ(mails_at_second_from("app2@other.test"), 0u);
  EXPECT_EQ(mails_at_second_from("app@sub.all.test"), 0u);
  EXPECT_EQ(mails_at_second_from(""), 0u);
  EXPECT_EQ(seal().log().find("is used by no listener"), std::string::npos);
}

TEST_F(SenderMatch, IsAskedWithEveryMailOfASession) {
  SmtpClient client = connect();
  client.hello();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.mail(make_mail(), "app@other.test").code, 250);
    EXPECT_EQ(client.mail(make_mail(), "app@main.test").code, 250);
    // A sender that was given up is none.
    EXPECT_EQ(client.command("MAIL FROM:<app@other.test>").code, 250);
    EXPECT_EQ(client.command("RSET").code, 250);
  }
  client.quit();
  EXPECT_EQ(first().mails().size(), 3u);
  EXPECT_EQ(second().mails().size(), 3u);
}

// The connection of a mail that came to nothing is still held when the next MAIL comes.
TEST_F(SenderMatch, IsAskedAnewBehindAMailWhoseRecipientsWereAllRefused) {
  SmtpClient client = connect();
  client.hello();
  first().on(Point::rcpt, always("550 5.1.1 nobody here\r\n"));
  EXPECT_EQ(client.command("MAIL FROM:<app@main.test>").code, 250);
  EXPECT_EQ(client.command("RCPT TO:<a@b.test>").code, 550);
  EXPECT_EQ(client.command("DATA").code, 554);
  EXPECT_EQ(client.mail(make_mail(), "app@other.test").code, 250);
  client.quit();
  EXPECT_EQ(second().mails().size(), 1u);
}

// A password is for the smarthost that offered AUTH, and for no other.
TEST_F(SenderMatch, NeverGetsThePasswordOfAClientThatSentItsMailBefore) {
  for (ScriptedSmarthost* host : {&first(), &second()}) {
    Behavior behavior = host->behavior();
    behavior.keywords.emplace_back("AUTH PLAIN");
    host->set_behavior(behavior);
    host->on(Point::auth, always("235 2.7.0 welcome\r\n"));
  }
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.mail(make_mail(), "app@other.test").code, 250);
  EXPECT_EQ(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0").code, 235);
  // Who authenticated stays where it did.
  EXPECT_EQ(client.mail(make_mail(), "app@other.test").code, 250);
  client.quit();
  EXPECT_EQ(first().mails().size(), 1u);
  EXPECT_EQ(second().mails().size(), 1u);
  for (const ConnectionRecord& record : second().journal().records()) {
    EXPECT_EQ(record.received(true).find("AUTH"), std::string::npos);
  }
}

// Where the listener's smarthost serves on, only that mail is put off.
TEST_F(SenderMatch, PutsOffItsOwnMailAlone) {
  second().go_down();
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("MAIL FROM:<app@other.test>").code, 250);
  EXPECT_EQ(client.command("RCPT TO:<a@b.test>").code, 451);
  EXPECT_EQ(client.command("RSET").code, 250);
  EXPECT_EQ(client.mail(make_mail(), "app@main.test").code, 250);
  client.quit();
}

// POOL-24: as many connections as are allowed, and no more, however many waited.
TEST_F(Hosts, CrowdIsServedByAsFewConnectionsAsMayBe) {
  config_.set("smarthost", "max_connections", "3");
  first().go_down();
  std::vector<SmtpClient> clients;
  for (int i = 0; i < 60; ++i) clients.push_back(connect());
  for (SmtpClient& client : clients) EXPECT_TRUE(client.attempt(make_mail()).is_accepted());
  EXPECT_EQ(second().mails().size(), 60u);
  EXPECT_LE(second().connections(), 3u);
}

}  // namespace
}  // namespace support
