// Both conversations together: examples. See sweep_test.cc for every conversation there is.
#include "relay/pair.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using namespace std::chrono_literals;

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all.append("\n  ").append(line);
  return all;
}

// --- examples ---

class PairTest : public ::testing::Test {
 protected:
  void TearDown() override {
    if (pair_) {
      EXPECT_THAT(pair_->faults(), IsEmpty()) << joined(pair_->log());
    }
  }

  void open(PairOptions options) {
    options.server.hostname = "seal.test";
    options.transaction.hostname = "seal.test";
    pair_.emplace(std::move(options));
    EXPECT_EQ(pair_->client_hears(), "220 seal.test ESMTP\r\n");
    ask("EHLO c.test\r\n");
  }

  // Says something, lets everything happen, and returns the answers.
  std::string ask(std::string_view bytes) {
    pair_->client_says(bytes);
    pair_->settle();
    return pair_->client_hears();
  }

  void open_data() {
    ask("MAIL FROM:<s@c>\r\n");
    EXPECT_THAT(ask("RCPT TO:<r@u>\r\n"), StartsWith("250 2.1.5 <r@u>"));
    EXPECT_THAT(ask("DATA\r\n"), StartsWith("354"));
  }

  // Every command the smarthosts were given, of all connections.
  std::vector<std::string> commands() const {
    std::vector<std::string> all;
    for (const FakeSmarthost* smarthost : pair_->smarthosts()) {
      const auto& of_one = smarthost->commands();
      all.insert(all.end(), of_one.begin(), of_one.end());
    }
    return all;
  }

  std::optional<Pair> pair_;
};

TEST_F(PairTest, MailArrivesAsItWasSent) {
  open({});
  open_data();
  EXPECT_EQ(ask("Subject: x\r\n\r\n..dot\nbare\r\n.\r\n"), "250 2.0.0 queued\r\n");
  ASSERT_EQ(pair_->accepted().size(), 1U);
  const FakeSmarthost::Mail mail = pair_->accepted().front();
  EXPECT_EQ(mail.sender, "<s@c>");
  EXPECT_THAT(mail.recipients, ElementsAre("<r@u>"));
  EXPECT_EQ(mail.content, "Received: trace\r\nSubject: x\r\n\r\n.dot\r\nbare\r\n");
}

TEST_F(PairTest, WarmConnectionIsResetOnlyWhenItIsOwed) {
  PairOptions options;
  options.starts_warm = true;
  open(options);
  for (int i = 0; i < 2; ++i) {
    open_data();
    ask("x\r\n.\r\n");
  }
  ask("MAIL FROM:<s@c>\r\n");
  ask("RCPT TO:<r@u>\r\n");
  ask("RSET\r\n");
  open_data();
  ask("x\r\n.\r\n");
  const std::vector<std::string> all = commands();
  EXPECT_EQ(std::count(all.begin(), all.end(), "RSET"), 1);
  EXPECT_EQ(std::count(all.begin(), all.end(), "EHLO seal.test"), 1);
  EXPECT_EQ(pair_->accepted().size(), 3U);
}

TEST_F(PairTest, IdleClientHoldsNoConnection) {
  open({});
  ask("MAIL FROM:<s@c>\r\n");
  EXPECT_FALSE(pair_->is_leased());
  ask("RCPT TO:<r@u>\r\n");
  EXPECT_TRUE(pair_->is_leased());
  ask("RSET\r\n");
  EXPECT_FALSE(pair_->is_leased());
}

TEST_F(PairTest, SecondTransactionOfABatchHasItsOwnEnvelopeOnly) {
  open({});
  ask("MAIL FROM:<1@c>\r\nRCPT TO:<1@u>\r\nRSET\r\nMAIL FROM:<2@c>\r\nRCPT TO:<2@u>\r\nDATA\r\n");
  EXPECT_EQ(ask("x\r\n.\r\n"), "250 2.0.0 queued\r\n");
  ASSERT_EQ(pair_->accepted().size(), 1U);
  EXPECT_EQ(pair_->accepted().front().sender, "<2@c>");
  EXPECT_THAT(pair_->accepted().front().recipients, ElementsAre("<2@u>"));
}

TEST_F(PairTest, WholeConversationInOneBlockIsOneMail) {
  open({});
  const std::string heard =
      ask("MAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\nDATA\r\nMAIL FROM:<smuggled@evil>\r\n.\r\nQUIT\r\n");
  EXPECT_THAT(heard, HasSubstr("250 2.0.0 queued\r\n221"));
  ASSERT_EQ(pair_->accepted().size(), 1U);
  EXPECT_EQ(pair_->accepted().front().content, "Received: trace\r\nMAIL FROM:<smuggled@evil>\r\n");
}

TEST_F(PairTest, HalfClosedClientIsServedToTheEnd) {
  open({});
  pair_->client_says("MAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n");
  pair_->client_half_closes();
  pair_->settle();
  EXPECT_THAT(pair_->client_hears(), HasSubstr("250 2.0.0 queued\r\n221"));
  EXPECT_EQ(pair_->accepted().size(), 1U);
}

TEST_F(PairTest, HalfClosedClientWithoutQuitIsServedToTheEnd) {
  open({});
  pair_->client_says("MAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\nDATA\r\nx\r\n.\r\n");
  pair_->client_half_closes();
  pair_->settle();
  EXPECT_THAT(pair_->client_hears(), HasSubstr("250 2.0.0 queued\r\n"));
  EXPECT_TRUE(pair_->server().is_finished());
}

TEST_F(PairTest, UnreachableSmarthostIsNobodysEnd) {
  PairOptions options;
  options.is_reachable = false;
  open(options);
  EXPECT_THAT(ask("MAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\nDATA\r\n"),
              ::testing::MatchesRegex("250 [^\n]*\n451 4.4.1 [^\n]*\n451 [^\n]*\n"));
  ask("RSET\r\n");
  pair_->set_reachable(true);
  open_data();
  EXPECT_EQ(ask("x\r\n.\r\n"), "250 2.0.0 queued\r\n");
}

TEST_F(PairTest, MailIsNotAnsweredEarlyWhenThatIsTurnedOff) {
  PairOptions options;
  options.transaction.early_replies = false;
  options.smarthost.replies["MAIL"] = {"550 5.7.1 not you", ""};
  open(options);
  EXPECT_EQ(ask("MAIL FROM:<1@c>\r\nRCPT TO:<1@u>\r\nRCPT TO:<2@u>\r\nMAIL FROM:<2@c>\r\n"
                "RCPT TO:<3@u>\r\n"),
            "550 5.7.1 not you\r\n503 5.5.1 <1@u> without MAIL\r\n503 5.5.1 <2@u> without MAIL\r\n"
            "250 2.1.0 fine\r\n250 2.1.5 <3@u> fine\r\n");
}

TEST_F(PairTest, RefusedDataDoesNotSpoilTheConnection) {
  PairOptions options;
  options.smarthost.replies["DATA"] = {"452 4.3.1 full"};
  open(options);
  open_data();
  EXPECT_EQ(ask("x\r\n.\r\n"), "452 4.3.1 full\r\n");
  open_data();
  EXPECT_EQ(ask("x\r\n.\r\n"), "250 2.0.0 queued\r\n");
  EXPECT_EQ(pair_->smarthosts().size(), 1U);
}

TEST_F(PairTest, RefusalInTheMiddleOfALongMailIsHeardAtItsEnd) {
  PairOptions options;
  options.smarthost.early_verdict = "552 5.3.4 too big";
  open(options);
  open_data();
  const std::string block(1000, 'x');
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(ask(block + "\r\n"), "");
  EXPECT_EQ(pair_->queued(), 0U);
  EXPECT_EQ(ask(".\r\n"), "552 5.3.4 too big\r\n");
  EXPECT_THAT(pair_->accepted(), IsEmpty());
}

TEST_F(PairTest, DeadWarmConnectionIsReplacedUnseen) {
  PairOptions options;
  options.starts_warm = true;
  options.is_idle_long = true;
  open(options);
  pair_->client_says("MAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\n");
  EXPECT_TRUE(pair_->step());  // the lease
  pair_->break_connection(Break::mute);
  pair_->settle();
  EXPECT_THAT(pair_->client_hears(), StartsWith("250 2.1.0"));
  const base::Instant before = pair_->now();
  ASSERT_TRUE(pair_->wait());
  EXPECT_EQ(pair_->now() - before, smtp::kResetProbeTimeout);
  pair_->settle();
  EXPECT_EQ(pair_->client_hears(), "250 2.1.5 <r@u> fine\r\n");
  EXPECT_EQ(pair_->smarthosts().size(), 2U);
}

TEST_F(PairTest, SurplusReplyIsNeverTheAnswerToAnything) {
  open({});
  ask("MAIL FROM:<s@c>\r\n");
  ask("RCPT TO:<r@u>\r\n");
  EXPECT_TRUE(pair_->inject("250 2.0.0 surplus\r\n"));
  EXPECT_FALSE(pair_->is_leased());
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("451 4.5.0"));
}

TEST_F(PairTest, HalfASurplusReplyIsNeverTheAnswerToAnything) {
  open({});
  ask("MAIL FROM:<s@c>\r\n");
  ask("RCPT TO:<r@u>\r\n");
  EXPECT_TRUE(pair_->inject("354 go"));
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("354"));
  // DATA never went out: the connection was given up when it was to be sent.
  EXPECT_FALSE(pair_->is_leased());
  EXPECT_THAT(ask("x\r\n.\r\n"), StartsWith("451 4.5.0"));
}

TEST_F(PairTest, ClientAuthenticatesOnAConnectionOfItsOwn) {
  PairOptions options;
  options.starts_warm = true;
  options.is_auth_offered = true;
  open(options);
  EXPECT_EQ(ask("AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(ask("dXNlcg==\r\n"), "235 2.7.0 welcome\r\n");
  for (int i = 0; i < 2; ++i) {
    open_data();
    EXPECT_EQ(ask("x\r\n.\r\n"), "250 2.0.0 queued\r\n");
  }
  EXPECT_THAT(ask("QUIT\r\n"), StartsWith("221"));
  ASSERT_EQ(pair_->smarthosts().size(), 2U);
  EXPECT_FALSE(pair_->smarthosts()[0]->is_authenticated());
  EXPECT_THAT(pair_->smarthosts()[0]->accepted(), IsEmpty());
  EXPECT_EQ(pair_->smarthosts()[1]->accepted().size(), 2U);
  EXPECT_FALSE(pair_->is_leased());
}

TEST_F(PairTest, SmarthostLostInsideAuthIsToldInTurn) {
  PairOptions options;
  options.is_auth_offered = true;
  open(options);
  EXPECT_EQ(ask("AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6\r\n");
  pair_->break_connection(Break::closed);
  EXPECT_EQ(pair_->client_hears(), "");
  EXPECT_THAT(ask("dXNlcg==\r\n"), StartsWith("454 4.4.2"));
  EXPECT_EQ(ask("AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6\r\n");
}

TEST_F(PairTest, ResetAndEhloDuringAPinnedSessionKeepTheConnection) {
  PairOptions options;
  options.is_auth_offered = true;
  open(options);
  ask("AUTH PLAIN AGEAYg==\r\n");
  ask("MAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\nRSET\r\nMAIL FROM:<s@c>\r\nRSET\r\n");
  EXPECT_THAT(ask("EHLO c.test\r\n"), StartsWith("250-"));
  open_data();
  EXPECT_EQ(ask("x\r\n.\r\n"), "250 2.0.0 queued\r\n");
  EXPECT_EQ(pair_->smarthosts().size(), 1U);
}

TEST_F(PairTest, MailOverTheLimitIsRefusedAndTheNextIsTaken) {
  PairOptions options;
  options.max_size = 100;
  open(options);
  open_data();
  EXPECT_EQ(ask(std::string(120, 'x') + "\r\n.\r\n"),
            "552 5.3.4 message is bigger than 100 octets\r\n");
  EXPECT_THAT(pair_->accepted(), IsEmpty());
  open_data();
  EXPECT_EQ(ask("x\r\n.\r\n"), "250 2.0.0 queued\r\n");
  open_data();
  EXPECT_EQ(ask(std::string(200, 'x')), "552 5.3.4 message is bigger than 100 octets\r\n");
  EXPECT_TRUE(pair_->server().is_finished());
}

TEST_F(PairTest, SilentClientIsSentAwayAndItsConnectionIsNotReused) {
  open({});
  open_data();
  ask("x\r\n");
  ASSERT_TRUE(pair_->wait());
  EXPECT_THAT(pair_->client_hears(), StartsWith("421 4.4.2"));
  EXPECT_THAT(pair_->accepted(), IsEmpty());
  EXPECT_FALSE(pair_->is_leased());
}

}  // namespace
}  // namespace relay
