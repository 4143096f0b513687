// relay/transaction in the modes fallback and queue: when the spool takes over, and that nothing is
// ever in two places.
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/describe_actions.h"
#include "relay/transaction.h"

namespace relay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using namespace std::chrono_literals;
namespace client = smtp::from_client;
using Said = std::vector<std::string>;

constexpr std::string_view kSenderOk = "reply 250 2.1.0 sender OK";
constexpr std::string_view kRecipientOk = "reply 250 2.1.5 recipient OK";
constexpr std::string_view kQueued = "reply 250 2.0.0 Queued as 1f";

class SpoolingTest : public ::testing::Test {
 protected:
  void SetUp() override { open(Delivery::fallback); }

  void open(Delivery delivery, bool early_replies = true) {
    TransactionOptions options;
    options.hostname = "seal.test";
    options.delivery = delivery;
    options.early_replies = early_replies;
    transaction_.emplace(std::move(options));
  }

  static smtp::Extensions plenty() {
    smtp::Extensions extensions;
    extensions.pipelining = extensions.size = extensions.eight_bit_mime = true;
    extensions.auth_mechanisms = {"PLAIN"};
    return extensions;
  }

  Said mail() {
    client::Mail event;
    event.command.reverse_path = "<s@c>";
    event.command.is_binary = is_binary_;
    return describe(transaction_->on(event, connection_, now_));
  }
  Said rcpt(std::string_view path = "<r@u>") {
    client::Rcpt event;
    event.command.forward_path = std::string(path);
    return describe(transaction_->on(event, now_));
  }
  Said data() { return describe(transaction_->on(client::Data{}, now_)); }
  Said mail_data(std::string_view bytes) {
    return describe(transaction_->on(client::MailData{bytes}, now_));
  }
  Said end_of_data() { return describe(transaction_->on(client::EndOfData{}, now_)); }
  Said gone() { return describe(transaction_->on(client::Gone{"reset"}, now_)); }
  Said leased(bool is_reused = false) {
    return describe(transaction_->on(Leased{connection_, is_reused, false}, now_));
  }
  Said lease_failed() {
    return describe(transaction_->on(LeaseFailed{{base::Fault::unreachable, "no route"}}, now_));
  }
  Said replied(smtp::Sent sent, int code) {
    return describe(transaction_->on(
        smtp::from_smarthost::Replied{sent, smtp::Reply::make(code, "", "x")}, now_));
  }
  Said lost(bool has_unsent = false) {
    return describe(
        transaction_->on(SmarthostLost{{base::Fault::connection, "closed"}, has_unsent}, now_));
  }
  Said published() { return describe(transaction_->on(Published{"1f"}, now_)); }
  Said publish_failed(base::Fault fault = base::Fault::storage) {
    return describe(transaction_->on(PublishFailed{{fault, "disk trouble"}}, now_));
  }

  // Up to mail data that streams.
  void stream() {
    mail();
    rcpt();
    leased();
    replied(smtp::Sent::mail, 250);
    replied(smtp::Sent::rcpt, 250);
    EXPECT_THAT(data(), ElementsAre("begin-data kept", StartsWith("reply 354")));
    EXPECT_THAT(replied(smtp::Sent::data, 354), IsEmpty());
    EXPECT_THAT(mail_data("a\r\n"), ElementsAre("send-data a\r\n"));
  }
  void stream_to_the_end() {
    stream();
    EXPECT_THAT(end_of_data(), ElementsAre("end-data"));
  }
  // What stands behind an envelope that was handed over.
  void expect_spooled(std::string_view recipients, std::string_view count, std::string_view why) {
    EXPECT_THAT(data(), ElementsAre("begin-data kept only", StartsWith("reply 354")));
    EXPECT_TRUE(transaction_->is_spooled());
    EXPECT_THAT(mail_data("a\r\n"), ElementsAre("send-data a\r\n"));
    EXPECT_THAT(end_of_data(), ElementsAre("end-data", "publish <s@c> " + std::string(recipients)));
    EXPECT_THAT(published(), ElementsAre(kQueued,
                                         "finished <s@c> " + std::string(count) + " 3 250" +
                                             std::string(why) + " as 1f",
                                         "drop-copy"));
    EXPECT_TRUE(transaction_->is_idle());
  }

  base::Instant now_{1h};
  smtp::Extensions connection_ = plenty();
  bool is_binary_ = false;
  std::optional<Transaction> transaction_;
};

// --- fallback while the smarthost is well ---

TEST_F(SpoolingTest, FallbackIsTheSmarthostsWhileThatIsWell) {
  stream_to_the_end();
  EXPECT_THAT(replied(smtp::Sent::end_of_data, 250),
              ElementsAre("reply 250 x", "finished <s@c> 1 3 250", "return clean", "drop-copy"));
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(SpoolingTest, RefusalForGoodIsPassedOnAndTheCopyIsDropped) {
  stream_to_the_end();
  EXPECT_THAT(replied(smtp::Sent::end_of_data, 554),
              ElementsAre("reply 554 x", "finished <s@c> 1 3 554", "return clean", "drop-copy"));
}

TEST_F(SpoolingTest, RefusalOfMailForGoodIsPassedOn) {
  mail();
  rcpt();
  leased();
  EXPECT_THAT(replied(smtp::Sent::mail, 550), ElementsAre("reply 550 x", "finished <s@c> 0 0 550"));
}

TEST_F(SpoolingTest, RecipientsOwnRefusalIsPassedOnAndItIsNotSpooled) {
  mail();
  rcpt("<a@u>");
  rcpt("<b@u>");
  rcpt("<c@u>");
  leased();
  replied(smtp::Sent::mail, 250);
  EXPECT_THAT(replied(smtp::Sent::rcpt, 450), ElementsAre("reply 450 x"));
  EXPECT_THAT(replied(smtp::Sent::rcpt, 250), ElementsAre("reply 250 x"));
  EXPECT_THAT(lost(), ElementsAre(kRecipientOk));
  EXPECT_THAT(rcpt("<d@u>"), ElementsAre(kRecipientOk));
  expect_spooled("<b@u> <c@u> <d@u>", "3", " closed");
}

// --- fallback when it is not ---

TEST_F(SpoolingTest, UnreachableSmarthostHandsOver) {
  EXPECT_THAT(mail(), ElementsAre(kSenderOk));
  EXPECT_THAT(rcpt(), ElementsAre("lease"));
  EXPECT_THAT(lease_failed(), ElementsAre(kRecipientOk));
  expect_spooled("<r@u>", "1", " no route");
}

TEST_F(SpoolingTest, WarmConnectionThatDiedIsReplacedBeforeTheSpoolIsAsked) {
  mail();
  rcpt();
  leased(true);
  EXPECT_THAT(lost(), ElementsAre("lease fresh"));
  EXPECT_THAT(lease_failed(), ElementsAre(kRecipientOk));
  expect_spooled("<r@u>", "1", " no route");
}

TEST_F(SpoolingTest, TransientRefusalOfMailHandsOverAndTheConnectionSettles) {
  mail();
  rcpt();
  leased();
  EXPECT_THAT(replied(smtp::Sent::mail, 451), ElementsAre(kRecipientOk));
  EXPECT_THAT(replied(smtp::Sent::rcpt, 503), ElementsAre("return clean"));
  expect_spooled("<r@u>", "1", " 451 x");
}

TEST_F(SpoolingTest, ConnectionThatDoesNotSettleBeforeDataIsGivenUp) {
  mail();
  rcpt();
  leased();
  replied(smtp::Sent::mail, 451);
  EXPECT_THAT(data(), ElementsAre("return: replies are owed", "begin-data kept only",
                                  StartsWith("reply 354")));
}

TEST_F(SpoolingTest, LastWordInsideTheEnvelopeHandsOver) {
  mail();
  rcpt("<a@u>");
  rcpt("<b@u>");
  leased();
  replied(smtp::Sent::mail, 250);
  EXPECT_THAT(replied(smtp::Sent::rcpt, 421),
              ElementsAre(kRecipientOk, kRecipientOk, "return: smarthost said 421"));
  expect_spooled("<a@u> <b@u>", "2", " 421 x");
}

TEST_F(SpoolingTest, LossInsideMailDataGoesOnIntoTheCopy) {
  stream();
  EXPECT_THAT(lost(), IsEmpty());
  EXPECT_THAT(mail_data("b\r\n"), ElementsAre("send-data b\r\n"));
  EXPECT_THAT(end_of_data(), ElementsAre("end-data", "publish <s@c> <r@u>"));
  EXPECT_THAT(published(),
              ElementsAre(kQueued, "finished <s@c> 1 6 250 closed as 1f", "drop-copy"));
}

TEST_F(SpoolingTest, TransientRefusalOfDataHandsOver) {
  mail();
  rcpt();
  leased();
  replied(smtp::Sent::mail, 250);
  replied(smtp::Sent::rcpt, 250);
  data();
  EXPECT_THAT(replied(smtp::Sent::data, 452), ElementsAre("return clean"));
  EXPECT_THAT(end_of_data(), ElementsAre("end-data", "publish <s@c> <r@u>"));
}

TEST_F(SpoolingTest, TransientRefusalAtTheEndIsSpooledWithoutDoubt) {
  stream_to_the_end();
  EXPECT_THAT(replied(smtp::Sent::end_of_data, 451),
              ElementsAre("return clean", "publish <s@c> <r@u>"));
  EXPECT_THAT(published(), ElementsAre(kQueued, "finished <s@c> 1 3 250 451 x as 1f", "drop-copy"));
}

TEST_F(SpoolingTest, LossBehindTheEndIsSpooledInDoubt) {
  stream_to_the_end();
  EXPECT_THAT(lost(), ElementsAre("publish <s@c> <r@u> in doubt"));
  EXPECT_THAT(published(),
              ElementsAre(kQueued, "finished <s@c> 1 3 250 closed in doubt as 1f", "drop-copy"));
}

TEST_F(SpoolingTest, LossBeforeTheEndLeftUsIsNoDoubt) {
  stream_to_the_end();
  EXPECT_THAT(lost(true), ElementsAre("publish <s@c> <r@u>"));
}

// 421 may be said at any time, also by a smarthost that has just taken the mail.
TEST_F(SpoolingTest, LastWordBehindTheEndIsInDoubt) {
  stream_to_the_end();
  EXPECT_THAT(replied(smtp::Sent::end_of_data, 421),
              ElementsAre("return: smarthost said 421", "publish <s@c> <r@u> in doubt"));
}

// --- the spool fails, too ---

TEST_F(SpoolingTest, SpoolTroubleIsTheReplyWhereTheSmarthostSaidNothing) {
  stream();
  lost();
  end_of_data();
  EXPECT_THAT(publish_failed(),
              ElementsAre("reply 451 4.3.0 disk trouble",
                          "finished <s@c> 1 3 451 closed; and the spool failed: disk trouble",
                          "drop-copy"));
}

TEST_F(SpoolingTest, FullSpoolHasItsOwnReply) {
  stream();
  lost();
  end_of_data();
  EXPECT_THAT(publish_failed(base::Fault::busy).front(), "reply 452 4.3.1 disk trouble");
}

TEST_F(SpoolingTest, SmarthostsOwnWordsAreTheReplyWhereTheSpoolFails) {
  stream_to_the_end();
  replied(smtp::Sent::end_of_data, 450);
  EXPECT_THAT(publish_failed().front(), "reply 450 x");
}

TEST_F(SpoolingTest, DoubtIsToldWhereTheSpoolFails) {
  stream_to_the_end();
  lost();
  EXPECT_THAT(publish_failed(),
              ElementsAre("reply 451 4.4.2 closed; it may have taken the mail, a second copy is "
                          "possible",
                          "finished <s@c> 1 3 451 closed; and the spool failed: disk trouble in "
                          "doubt",
                          "drop-copy"));
}

TEST_F(SpoolingTest, LastWordIsNotPassedOnWhereTheSpoolFails) {
  stream_to_the_end();
  replied(smtp::Sent::end_of_data, 421);
  EXPECT_THAT(publish_failed().front(), StartsWith("reply 451 4.4.2 smarthost said 421 x; it may"));
}

TEST_F(SpoolingTest, FullSpoolDoesNotTakeOver) {
  mail();
  rcpt();
  transaction_->tell_spool_trouble(base::Error{base::Fault::busy, "the spool is full"});
  EXPECT_THAT(lease_failed(),
              ElementsAre("reply 452 4.3.1 the spool is full", "finished <s@c> 0 0 452"));
}

TEST_F(SpoolingTest, FullSpoolLeavesTheSmarthostsOwnRefusal) {
  stream_to_the_end();
  transaction_->tell_spool_trouble(base::Error{base::Fault::busy, "the spool is full"});
  EXPECT_THAT(replied(smtp::Sent::end_of_data, 450),
              ElementsAre("reply 450 x", "finished <s@c> 1 3 450", "return clean", "drop-copy"));
}

// --- what is not for the spool ---

TEST_F(SpoolingTest, MailOfAClientThatAuthenticatedIsNeverSpooled) {
  EXPECT_THAT(describe(transaction_->on(client::Auth{"PLAIN AGEAYg=="}, now_)),
              ElementsAre("lease fresh pinned"));
  leased();
  replied(smtp::Sent::auth, 235);
  mail();
  rcpt();
  replied(smtp::Sent::mail, 250);
  replied(smtp::Sent::rcpt, 250);
  EXPECT_THAT(data(), ElementsAre("begin-data", StartsWith("reply 354")));
  replied(smtp::Sent::data, 354);
  EXPECT_THAT(end_of_data(), ElementsAre("end-data"));
  EXPECT_THAT(lost(), ElementsAre(StartsWith("reply 451 4.4.2"), StartsWith("finished")));
}

TEST_F(SpoolingTest, BinaryMailIsNeverSpooled) {
  connection_.chunking = connection_.binarymime = true;
  is_binary_ = true;
  mail();
  rcpt();
  EXPECT_THAT(lease_failed(), ElementsAre("reply 451 4.4.1 no route", "finished <s@c> 0 0 451"));
}

TEST_F(SpoolingTest, OwnRefusalOfMailDataDropsTheCopy) {
  stream();
  EXPECT_THAT(describe(transaction_->on(
                  client::MailDataRefused{smtp::Reply::make(554, "5.6.0", "no")}, now_)),
              ElementsAre("return: the client's mail data was refused", "drop-copy"));
  EXPECT_THAT(end_of_data(), ElementsAre("reply 554 5.6.0 no", "finished <s@c> 1 3 554"));
}

// --- late replies ---

TEST_F(SpoolingTest, LateReplyToMailIsOursOnceTheSmarthostFailed) {
  open(Delivery::fallback, false);
  EXPECT_THAT(mail(), ElementsAre("lease"));
  EXPECT_THAT(lease_failed(), ElementsAre(kSenderOk));
  EXPECT_THAT(rcpt(), ElementsAre(kRecipientOk));
  expect_spooled("<r@u>", "1", " no route");
}

TEST_F(SpoolingTest, LateReplyToDataIsOursOnceTheSmarthostFailed) {
  open(Delivery::fallback, false);
  mail();
  leased();
  EXPECT_THAT(replied(smtp::Sent::mail, 250), ElementsAre("reply 250 x"));
  rcpt();
  EXPECT_THAT(replied(smtp::Sent::rcpt, 250), ElementsAre("reply 250 x"));
  EXPECT_THAT(data(), ElementsAre("begin-data kept"));
  EXPECT_THAT(replied(smtp::Sent::data, 451), ElementsAre(StartsWith("reply 354"), "return clean"));
  EXPECT_THAT(mail_data("a\r\n"), ElementsAre("send-data a\r\n"));
  EXPECT_THAT(end_of_data(), ElementsAre("end-data", "publish <s@c> <r@u>"));
}

// --- queue ---

TEST_F(SpoolingTest, QueueAsksNoSmarthost) {
  open(Delivery::queue);
  EXPECT_THAT(mail(), ElementsAre(kSenderOk));
  EXPECT_THAT(rcpt(), ElementsAre(kRecipientOk));
  expect_spooled("<r@u>", "1", "");
}

TEST_F(SpoolingTest, FullSpoolIsToldToMail) {
  open(Delivery::queue);
  transaction_->tell_spool_trouble(base::Error{base::Fault::busy, "the spool is full"});
  EXPECT_THAT(mail(), ElementsAre("reply 452 4.3.1 the spool is full", "finished <s@c> 0 0 452"));
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(SpoolingTest, QueueRefusesMailThatLoops) {
  open(Delivery::queue);
  mail();
  rcpt();
  data();
  std::string header;
  for (int i = 0; i < 60; ++i) header.append("Received: from a by b\r\n");
  EXPECT_THAT(mail_data(header + "\r\n"), ElementsAre("drop-copy"));
  EXPECT_THAT(end_of_data().front(), StartsWith("reply 554 5.4.6"));
}

TEST_F(SpoolingTest, ClientThatLeavesBeforeTheEndLeavesNothing) {
  open(Delivery::queue);
  mail();
  rcpt();
  data();
  EXPECT_THAT(gone(), ElementsAre("finished <s@c> 1 0 0 reset", "drop-copy"));
}

TEST_F(SpoolingTest, ClientThatLeavesWhilePublishingIsToldInTheLog) {
  open(Delivery::queue);
  mail();
  rcpt();
  data();
  end_of_data();
  EXPECT_THAT(gone(), ElementsAre("finished <s@c> 1 0 0 reset, while the spool took the mail in "
                                  "doubt",
                                  "drop-copy"));
  EXPECT_THAT(published(), IsEmpty());
  EXPECT_TRUE(transaction_->is_idle());
}

}  // namespace
}  // namespace relay
