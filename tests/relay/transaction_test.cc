// relay/transaction: what is decided when either side speaks, falls silent or goes away.
#include "relay/transaction.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/describe_actions.h"

namespace relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using namespace std::chrono_literals;
namespace client = smtp::from_client;
using Said = std::vector<std::string>;

smtp::Extensions plenty() {
  smtp::Extensions extensions;
  extensions.pipelining = true;
  extensions.eight_bit_mime = true;
  extensions.size = true;
  extensions.auth_mechanisms = {"PLAIN", "LOGIN"};
  return extensions;
}

const base::Error kLost{base::Fault::connection, "smarthost closed the connection"};

class TransactionTest : public ::testing::Test {
 protected:
  void SetUp() override { open({}); }

  void open(TransactionOptions options) {
    options.hostname = "seal.test";
    transaction_.emplace(std::move(options));
  }

  void open_late() {
    TransactionOptions options;
    options.early_replies = false;
    open(options);
  }

  Said mail(std::string_view argument = "FROM:<s@c>") {
    auto parsed = smtp::parse_mail(argument, promised_, smtp::Syntax::tolerant);
    if (!std::holds_alternative<smtp::MailCommand>(parsed)) {
      ADD_FAILURE() << "the test's own MAIL is malformed";
      return {};
    }
    const client::Mail event{std::get<smtp::MailCommand>(std::move(parsed))};
    return describe(transaction_->on(event, promised_, now_));
  }

  Said rcpt(std::string_view path = "<r@u>") {
    client::Rcpt event;
    event.command.forward_path = std::string(path);
    return describe(transaction_->on(event, now_));
  }

  Said chunks() { return describe(transaction_->on(client::Data{true}, now_)); }
  Said end_of_chunk() { return describe(transaction_->on(client::EndOfChunk{3}, now_)); }
  Said data() { return describe(transaction_->on(client::Data{}, now_)); }
  Said mail_data(std::string_view bytes) {
    return describe(transaction_->on(client::MailData{bytes}, now_));
  }
  Said end_of_data() { return describe(transaction_->on(client::EndOfData{}, now_)); }
  Said reset() { return describe(transaction_->on(client::Reset{}, now_)); }
  Said gone() { return describe(transaction_->on(client::Gone{"quit"}, now_)); }
  Said starttls() { return describe(transaction_->on(client::StartTls{}, now_)); }
  Said auth(std::string_view argument = "PLAIN AGEAYg==") {
    return describe(transaction_->on(client::Auth{std::string(argument)}, now_));
  }
  Said auth_response(std::string_view line) {
    return describe(transaction_->on(client::AuthResponse{std::string(line), std::nullopt}, now_));
  }

  Said leased(bool is_reused = false, bool is_reset_owed = false) {
    return describe(transaction_->on(Leased{connection_, is_reused, is_reset_owed}, now_));
  }
  Said lease_failed() {
    return describe(transaction_->on(
        LeaseFailed{{base::Fault::unreachable, "no route to the smarthost"}}, now_));
  }
  Said replied(smtp::Sent sent, int code, std::string_view text = "x") {
    return describe(transaction_->on(
        smtp::from_smarthost::Replied{sent, smtp::Reply::make(code, "", text)}, now_));
  }
  Said lost_before_all_was_sent() {
    return describe(transaction_->on(SmarthostLost{kLost, true}, now_));
  }
  Said lost() { return describe(transaction_->on(SmarthostLost{kLost}, now_)); }

  // Up to where the envelope was accepted.
  void open_envelope(bool is_reused = false) {
    mail();
    rcpt();
    leased(is_reused);
    replied(smtp::Sent::mail, 250);
    EXPECT_THAT(replied(smtp::Sent::rcpt, 250), ElementsAre("reply 250 x"));
  }

  void open_data() {
    open_envelope();
    EXPECT_THAT(data(), ElementsAre("begin-data", StartsWith("reply 354")));
    EXPECT_THAT(replied(smtp::Sent::data, 354), IsEmpty());
  }

  void authenticate() {
    EXPECT_THAT(auth(), ElementsAre("lease fresh pinned"));
    EXPECT_THAT(leased(), ElementsAre("send AUTH PLAIN AGEAYg=="));
    EXPECT_THAT(replied(smtp::Sent::auth, 235), ElementsAre("reply 235 x"));
  }

  base::Instant now_{1h};
  smtp::Extensions promised_ = plenty();
  smtp::Extensions connection_ = plenty();
  std::optional<Transaction> transaction_;
};

// --- the common way ---

TEST_F(TransactionTest, WarmMessageTakesTwoRoundTrips) {
  EXPECT_TRUE(transaction_->is_idle());
  EXPECT_THAT(mail(), ElementsAre("reply 250 2.1.0 sender OK"));
  EXPECT_THAT(rcpt(), ElementsAre("lease"));
  EXPECT_THAT(leased(true, true),
              ElementsAre("send RSET", "send MAIL FROM:<s@c>", "send RCPT TO:<r@u>"));
  EXPECT_THAT(replied(smtp::Sent::rset, 250), IsEmpty());
  EXPECT_THAT(replied(smtp::Sent::mail, 250), IsEmpty());
  EXPECT_THAT(replied(smtp::Sent::rcpt, 250, "fine"), ElementsAre("reply 250 fine"));
  EXPECT_THAT(data(), ElementsAre("begin-data", StartsWith("reply 354")));
  EXPECT_TRUE(transaction_->is_streaming());
  EXPECT_THAT(mail_data("a\r\n"), ElementsAre("send-data a\r\n"));
  EXPECT_THAT(replied(smtp::Sent::data, 354), IsEmpty());
  EXPECT_THAT(mail_data("b\r\n"), ElementsAre("send-data b\r\n"));
  EXPECT_THAT(end_of_data(), ElementsAre("end-data"));
  EXPECT_FALSE(transaction_->is_streaming());
  EXPECT_THAT(replied(smtp::Sent::end_of_data, 250, "queued"),
              ElementsAre("reply 250 queued", "finished <s@c> 1 6 250", "return clean"));
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(TransactionTest, LateRepliesAreTheSmarthostsOwn) {
  open_late();
  EXPECT_THAT(mail(), ElementsAre("lease"));
  EXPECT_THAT(leased(), ElementsAre("send MAIL FROM:<s@c>"));
  EXPECT_THAT(replied(smtp::Sent::mail, 250, "hello"), ElementsAre("reply 250 hello"));
  EXPECT_THAT(rcpt(), ElementsAre("send RCPT TO:<r@u>"));
  EXPECT_THAT(replied(smtp::Sent::rcpt, 251), ElementsAre("reply 251 x"));
  EXPECT_THAT(data(), ElementsAre("begin-data"));
  EXPECT_THAT(replied(smtp::Sent::data, 354, "go"), ElementsAre("reply 354 go"));
  EXPECT_THAT(mail_data("a\r\n"), ElementsAre("send-data a\r\n"));
  EXPECT_THAT(end_of_data(), ElementsAre("end-data"));
  EXPECT_THAT(replied(smtp::Sent::end_of_data, 550, "spam"),
              ElementsAre("reply 550 spam", "finished <s@c> 1 3 550", "return clean"));
}

TEST_F(TransactionTest, RecipientsAreAnsweredInOrder) {
  mail();
  EXPECT_THAT(rcpt("<1@u>"), ElementsAre("lease"));
  EXPECT_THAT(rcpt("<2@u>"), IsEmpty());
  EXPECT_THAT(leased(),
              ElementsAre("send MAIL FROM:<s@c>", "send RCPT TO:<1@u>", "send RCPT TO:<2@u>"));
  EXPECT_THAT(rcpt("<3@u>"), ElementsAre("send RCPT TO:<3@u>"));
  replied(smtp::Sent::mail, 250);
  EXPECT_THAT(replied(smtp::Sent::rcpt, 250, "1"), ElementsAre("reply 250 1"));
  EXPECT_THAT(replied(smtp::Sent::rcpt, 550, "2"), ElementsAre("reply 550 2"));
  EXPECT_THAT(replied(smtp::Sent::rcpt, 450, "3"), ElementsAre("reply 450 3"));
  EXPECT_THAT(data(), ElementsAre("begin-data", StartsWith("reply 354")));
}

// --- chunks ---

class ChunkTransactionTest : public TransactionTest {
 protected:
  void SetUp() override {
    TransactionTest::SetUp();
    promised_.chunking = promised_.binarymime = true;
    connection_ = promised_;
  }
};

TEST_F(ChunkTransactionTest, MailDataIsChunkedWhereTheSmarthostTakesChunks) {
  open_envelope();
  EXPECT_THAT(data(), ElementsAre("begin-chunks", StartsWith("reply 354")));
  EXPECT_THAT(mail_data("a\r\n"), ElementsAre("send-data a\r\n"));
  EXPECT_THAT(end_of_data(), ElementsAre("end-data"));
  EXPECT_THAT(replied(smtp::Sent::end_of_data, 250, "queued"),
              ElementsAre("reply 250 queued", "finished <s@c> 1 3 250", "return clean"));
}

TEST_F(ChunkTransactionTest, WhoWantsTheSmarthostsRepliesGetsItsReplyToData) {
  open_late();
  mail();
  leased();
  replied(smtp::Sent::mail, 250);
  rcpt();
  replied(smtp::Sent::rcpt, 250);
  EXPECT_THAT(data(), ElementsAre("begin-data"));
}

TEST_F(ChunkTransactionTest, ChunksOfTheClientAreChunksWhereTheyCanBe) {
  open_envelope();
  EXPECT_THAT(chunks(), ElementsAre("begin-chunks", StartsWith("reply 354")));
  mail_data("a\r\n");
  EXPECT_THAT(end_of_chunk(), ElementsAre("reply 250 2.0.0 3 octets taken"));
  mail_data("b\r\n");
  EXPECT_THAT(end_of_data(), ElementsAre("end-data"));
}

TEST_F(ChunkTransactionTest, ChunksOfTheClientBecomeDataWhereTheyMust) {
  connection_.chunking = connection_.binarymime = false;
  open_envelope();
  EXPECT_THAT(chunks(), ElementsAre("begin-data", StartsWith("reply 354")));
}

TEST_F(ChunkTransactionTest, BinaryMailNeedsAConnectionThatCarriesIt) {
  mail("FROM:<s@c> BODY=BINARYMIME");
  EXPECT_THAT(rcpt(), ElementsAre("lease 8BITMIME BINARYMIME"));
  connection_.binarymime = false;
  EXPECT_THAT(leased(), ElementsAre("return clean", "lease fresh 8BITMIME BINARYMIME"));
}

TEST_F(ChunkTransactionTest, RefusedChunkIsTheReplyAtTheClientsEndOfData) {
  open_envelope();
  data();
  mail_data("a\r\n");
  EXPECT_THAT(replied(smtp::Sent::end_of_data, 552, "too big"), ElementsAre("return clean"));
  EXPECT_THAT(mail_data("b\r\n"), IsEmpty());
  EXPECT_THAT(end_of_data(), ElementsAre("reply 552 too big", "finished <s@c> 1 6 552"));
}

TEST_F(ChunkTransactionTest, RefusedChunkIsTheReplyToTheClientsNextChunk) {
  open_envelope();
  chunks();
  mail_data("a\r\n");
  replied(smtp::Sent::end_of_data, 552, "too big");
  EXPECT_THAT(end_of_chunk(), ElementsAre("reply 552 too big", "finished <s@c> 1 3 552"));
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(ChunkTransactionTest, FarewellInsideMailDataGivesTheConnectionUp) {
  open_envelope();
  data();
  EXPECT_THAT(replied(smtp::Sent::end_of_data, 421), ElementsAre("return: smarthost said 421"));
}

TEST_F(ChunkTransactionTest, ClientThatLeavesInsideItsMailDataTaintsNothing) {
  open_envelope();
  data();
  mail_data("a\r\n");
  EXPECT_THAT(gone(), ElementsAre("finished <s@c> 1 3 0 quit", "return clean"));
}

TEST_F(ChunkTransactionTest, LossAfterTheLastChunkIsInDoubt) {
  open_envelope();
  data();
  end_of_data();
  EXPECT_THAT(lost(), ElementsAre(HasSubstr("a second copy is possible"),
                                  "finished <s@c> 1 0 451 in doubt"));
}

TEST_F(TransactionTest, LossBeforeTheEndOfDataLeftIsNotInDoubt) {
  open_data();
  end_of_data();
  EXPECT_THAT(
      lost_before_all_was_sent(),
      ElementsAre("reply 451 4.4.2 smarthost closed the connection", "finished <s@c> 1 0 451"));
}

// --- refusals ---

TEST_F(TransactionTest, RefusedMailIsTheReplyToEveryRcpt) {
  mail();
  rcpt("<1@u>");
  rcpt("<2@u>");
  leased();
  EXPECT_THAT(replied(smtp::Sent::mail, 550, "not you"),
              ElementsAre("reply 550 not you", "reply 550 not you", "finished <s@c> 0 0 550"));
  EXPECT_THAT(rcpt("<3@u>"), ElementsAre("reply 550 not you"));
  EXPECT_THAT(replied(smtp::Sent::rcpt, 503), IsEmpty());
  EXPECT_THAT(replied(smtp::Sent::rcpt, 503), ElementsAre("return clean"));
  EXPECT_THAT(rcpt("<4@u>"), ElementsAre("reply 550 not you"));
  EXPECT_THAT(reset(), IsEmpty());
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(TransactionTest, RefusedMailIsTheReplyToLateMail) {
  open_late();
  mail();
  leased();
  EXPECT_THAT(replied(smtp::Sent::mail, 550, "not you"),
              ElementsAre("reply 550 not you", "finished <s@c> 0 0 550", "return clean"));
  EXPECT_THAT(mail(), ElementsAre("lease"));
}

TEST_F(TransactionTest, RcptsBehindARefusedLateMailGetTheirOwnReplies) {
  open_late();
  mail();
  rcpt("<1@u>");
  rcpt("<2@u>");
  leased();
  EXPECT_THAT(replied(smtp::Sent::mail, 550, "not you"),
              ElementsAre("reply 550 not you", "finished <s@c> 0 0 550"));
  EXPECT_THAT(replied(smtp::Sent::rcpt, 503, "1"), ElementsAre("reply 503 1"));
  EXPECT_THAT(replied(smtp::Sent::rcpt, 503, "2"), ElementsAre("reply 503 2", "return clean"));
  EXPECT_THAT(mail(), ElementsAre("lease"));
  EXPECT_THAT(leased(), ElementsAre("send MAIL FROM:<s@c>"));
}

TEST_F(TransactionTest, LossBehindARefusedLateMailAnswersWhoStillWaits) {
  open_late();
  mail();
  rcpt("<1@u>");
  rcpt("<2@u>");
  leased(true);
  replied(smtp::Sent::mail, 550);
  replied(smtp::Sent::rcpt, 503);
  EXPECT_THAT(lost(), ElementsAre(StartsWith("reply 451 4.4.2")));
  EXPECT_THAT(mail(), ElementsAre("lease"));
}

TEST_F(TransactionTest, MailWhileRepliesToAnotherAreOwedTakesAnotherConnection) {
  mail();
  rcpt();
  leased();
  replied(smtp::Sent::mail, 550);
  EXPECT_THAT(mail(), ElementsAre("return: replies are owed", "reply 250 2.1.0 sender OK"));
  EXPECT_THAT(rcpt(), ElementsAre("lease"));
}

TEST_F(TransactionTest, AuthWhileRepliesToAMailAreOwedTakesAnotherConnection) {
  mail();
  rcpt();
  leased();
  replied(smtp::Sent::mail, 550);
  EXPECT_THAT(auth(), ElementsAre("return: replies are owed", "lease fresh pinned"));
}

TEST_F(TransactionTest, DataWithoutAConnectionIsDeferred) {
  mail();
  rcpt();
  EXPECT_THAT(data(),
              ElementsAre(StartsWith("reply 451 4.3.0"), "finished <s@c> 0 0 451", "cancel"));
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(TransactionTest, RefusedDataIsTheReplyAtTheEnd) {
  open_envelope();
  data();
  mail_data("a\r\n");
  EXPECT_THAT(replied(smtp::Sent::data, 554, "no"), ElementsAre("return clean"));
  EXPECT_FALSE(transaction_->is_streaming());
  EXPECT_THAT(mail_data("b\r\n"), IsEmpty());
  EXPECT_THAT(end_of_data(), ElementsAre("reply 554 no", "finished <s@c> 1 6 554"));
}

TEST_F(TransactionTest, RefusedDataIsTheReplyWhenAllMailWasHeld) {
  open_envelope();
  data();
  mail_data("a\r\n");
  end_of_data();
  EXPECT_THAT(replied(smtp::Sent::data, 554, "no"),
              ElementsAre("reply 554 no", "finished <s@c> 1 3 554", "return clean"));
}

TEST_F(TransactionTest, RefusedDataIsTheReplyToLateData) {
  open_late();
  mail();
  leased();
  replied(smtp::Sent::mail, 250);
  rcpt();
  replied(smtp::Sent::rcpt, 250);
  data();
  EXPECT_THAT(replied(smtp::Sent::data, 452, "full"),
              ElementsAre("reply 452 full", "finished <s@c> 1 0 452", "return clean"));
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(TransactionTest, VerdictBeforeTheEndWaitsForTheEnd) {
  open_data();
  mail_data("a\r\n");
  EXPECT_THAT(replied(smtp::Sent::end_of_data, 552, "too big"),
              ElementsAre("return: smarthost refused the mail before its end"));
  EXPECT_THAT(mail_data("b\r\n"), IsEmpty());
  EXPECT_THAT(end_of_data(), ElementsAre("reply 552 too big", "finished <s@c> 1 6 552"));
}

// --- leases ---

TEST_F(TransactionTest, UnreachableSmarthostAnswersEverybody) {
  mail();
  rcpt("<1@u>");
  rcpt("<2@u>");
  EXPECT_THAT(lease_failed(), ElementsAre(StartsWith("reply 451 4.4.1"), StartsWith("reply 451"),
                                          "finished <s@c> 0 0 451"));
  EXPECT_THAT(rcpt("<3@u>"), ElementsAre(StartsWith("reply 451")));
  EXPECT_THAT(data(), ElementsAre(StartsWith("reply 451")));
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(TransactionTest, UnreachableSmarthostAnswersLateMail) {
  open_late();
  mail();
  EXPECT_THAT(lease_failed(), ElementsAre(StartsWith("reply 451 4.4.1"), "finished <s@c> 0 0 451"));
  EXPECT_THAT(mail(), ElementsAre("lease"));
}

TEST_F(TransactionTest, LeaseIsCancelledWhenTheClientLosesInterest) {
  mail();
  rcpt();
  EXPECT_THAT(gone(), ElementsAre("finished <s@c> 0 0 0 quit", "cancel"));
  EXPECT_TRUE(transaction_->is_idle());
  auth();
  EXPECT_THAT(gone(), ElementsAre("cancel"));
}

TEST_F(TransactionTest, LeaseThatComesTooLateGoesBack) {
  mail();
  rcpt();
  reset();
  EXPECT_THAT(leased(), ElementsAre("return clean"));
}

TEST_F(TransactionTest, OpenTransactionGoesBackCleanAtReset) {
  open_envelope();
  EXPECT_THAT(reset(), ElementsAre("finished <s@c> 1 0 0 the client gave it up", "return clean"));
  EXPECT_THAT(reset(), IsEmpty());
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(TransactionTest, ConnectionWithOwedRepliesIsNotGivenOn) {
  mail();
  rcpt();
  leased();
  EXPECT_THAT(gone(), ElementsAre("finished <s@c> 0 0 0 quit", "return: replies are owed"));
}

TEST_F(TransactionTest, ClientThatLeavesInsideItsMailDataTaintsTheConnection) {
  open_data();
  mail_data("a\r\n");
  EXPECT_THAT(gone(), ElementsAre("finished <s@c> 1 3 0 quit",
                                  StartsWith("return: the client left inside its mail data")));
  open_data();
  end_of_data();
  EXPECT_THAT(gone(), ElementsAre("finished <s@c> 1 0 0 quit in doubt", StartsWith("return: ")));
  open_late();
  mail();
  leased();
  replied(smtp::Sent::mail, 250);
  rcpt();
  replied(smtp::Sent::rcpt, 250);
  data();
  EXPECT_THAT(gone(), ElementsAre("finished <s@c> 1 0 0 quit", StartsWith("return: ")));
}

TEST_F(TransactionTest, ConnectionThatOffersLessThanWasPromisedIsNotUsed) {
  mail("FROM:<s@c> BODY=8BITMIME");
  EXPECT_THAT(rcpt(), ElementsAre("lease 8BITMIME"));
  smtp::Extensions less = plenty();
  less.eight_bit_mime = false;
  EXPECT_THAT(describe(transaction_->on(Leased{less, true, false}, now_)),
              ElementsAre("return clean", "lease fresh 8BITMIME"));
  EXPECT_THAT(describe(transaction_->on(Leased{less, false, false}, now_)),
              ElementsAre("return clean", StartsWith("reply 451"), "finished <s@c> 0 0 451"));
}

TEST_F(TransactionTest, ParametersThatOnlyTellAreLeftOutWhereTheyAreNotOffered) {
  mail("FROM:<s@c> SIZE=10 BODY=7BIT AUTH=<>");
  rcpt();
  EXPECT_THAT(describe(transaction_->on(Leased{smtp::Extensions{}, false, false}, now_)),
              ElementsAre("send MAIL FROM:<s@c>", "send RCPT TO:<r@u>"));
  open({});
  mail("FROM:<s@c> SIZE=10 BODY=7BIT AUTH=<>");
  rcpt();
  EXPECT_THAT(leased(),
              ElementsAre("send MAIL FROM:<s@c> SIZE=10 BODY=7BIT AUTH=<>", "send RCPT TO:<r@u>"));
}

TEST_F(TransactionTest, ConnectionMustSpeakUtf8WhereTheMailDoes) {
  promised_.smtputf8 = true;
  mail("FROM:<s@c> SMTPUTF8");
  EXPECT_THAT(rcpt(), ElementsAre("lease SMTPUTF8"));
}

TEST_F(TransactionTest, ConnectionMustTakeTheSizeThatWasDeclared) {
  mail("FROM:<s@c> SIZE=1000");
  EXPECT_THAT(rcpt(), ElementsAre("lease SIZE 1000"));
  smtp::Extensions less = plenty();
  less.max_size = 999;
  EXPECT_THAT(describe(transaction_->on(Leased{less, true, false}, now_)),
              ElementsAre("return clean", "lease fresh SIZE 1000"));
}

TEST_F(TransactionTest, PinnedConnectionThatOffersLessCarriesNothingItCannot) {
  auth();
  smtp::Extensions less = plenty();
  less.eight_bit_mime = false;
  EXPECT_THAT(describe(transaction_->on(Leased{less, false, false}, now_)),
              ElementsAre(StartsWith("send AUTH")));
  replied(smtp::Sent::auth, 235);
  mail("FROM:<s@c> BODY=8BITMIME");
  EXPECT_THAT(rcpt(), ElementsAre(StartsWith("reply 451 4.3.0"), "finished <s@c> 0 0 451"));
  reset();
  mail();
  EXPECT_THAT(rcpt(), ElementsAre("send MAIL FROM:<s@c>", "send RCPT TO:<r@u>"));
}

TEST_F(TransactionTest, RecipientsBeyondTheSmarthostsLimitAreDeferredInTheirTurn) {  // RFC 9422
  smtp::Extensions limited = plenty();
  limited.rcpt_max = 2;
  mail();
  rcpt("<1@u>");
  rcpt("<2@u>");
  rcpt("<3@u>");
  EXPECT_THAT(describe(transaction_->on(Leased{limited, false, false}, now_)),
              ElementsAre("send MAIL FROM:<s@c>", "send RCPT TO:<1@u>", "send RCPT TO:<2@u>"));
  EXPECT_THAT(rcpt("<4@u>"), IsEmpty());
  replied(smtp::Sent::mail, 250);
  EXPECT_THAT(replied(smtp::Sent::rcpt, 250, "1"), ElementsAre("reply 250 1"));
  EXPECT_THAT(replied(smtp::Sent::rcpt, 250, "2"),
              ElementsAre("reply 250 2", StartsWith("reply 452 4.5.3"), StartsWith("reply 452")));
  EXPECT_THAT(rcpt("<5@u>"), ElementsAre(StartsWith("reply 452 4.5.3")));
  EXPECT_THAT(data(), ElementsAre("begin-data", StartsWith("reply 354")));
}

TEST_F(TransactionTest, NotificationsAreNeededOnlyWhereTheyAreAskedFor) {
  promised_.dsn = true;
  mail();
  EXPECT_THAT(rcpt(), ElementsAre("lease"));
  leased();
  reset();
  mail("FROM:<s@c> RET=HDRS");
  EXPECT_THAT(rcpt(), ElementsAre("lease DSN"));
  reset();
  mail();
  client::Rcpt event;
  event.command.forward_path = "<n@u>";
  event.command.asks_dsn = true;
  EXPECT_THAT(describe(transaction_->on(event, now_)), ElementsAre("lease DSN"));
}

TEST_F(TransactionTest, RecipientThatNeedsMoreThanTheConnectionOffersIsDeferredInItsTurn) {
  open_late();
  promised_.dsn = true;
  mail();
  leased();
  client::Rcpt event;
  event.command.forward_path = "<n@u>";
  event.command.asks_dsn = true;
  EXPECT_THAT(describe(transaction_->on(event, now_)), IsEmpty());
  EXPECT_THAT(rcpt("<2@u>"), ElementsAre("send RCPT TO:<2@u>"));
  EXPECT_THAT(replied(smtp::Sent::mail, 250),
              ElementsAre("reply 250 x", StartsWith("reply 451 4.3.0")));
  EXPECT_THAT(replied(smtp::Sent::rcpt, 250), ElementsAre("reply 250 x"));
  EXPECT_THAT(data(), ElementsAre("begin-data"));
}

// --- loss and replay ---

TEST_F(TransactionTest, WarmConnectionThatDiesAtOnceIsReplacedOnce) {
  mail();
  rcpt("<1@u>");
  rcpt("<2@u>");
  leased(true, true);
  replied(smtp::Sent::rset, 250);
  EXPECT_THAT(lost(), ElementsAre("lease fresh"));
  EXPECT_THAT(leased(),
              ElementsAre("send MAIL FROM:<s@c>", "send RCPT TO:<1@u>", "send RCPT TO:<2@u>"));
  EXPECT_THAT(lost(), ElementsAre(StartsWith("reply 451 4.4.2"), StartsWith("reply 451 4.4.2"),
                                  "finished <s@c> 0 0 451"));
}

TEST_F(TransactionTest, ReplacementIsNotReplacedEvenIfItWasUsed) {
  mail();
  rcpt();
  leased(true);
  EXPECT_THAT(lost(), ElementsAre("lease fresh"));
  leased(true);
  EXPECT_THAT(lost(), ElementsAre(StartsWith("reply 451"), "finished <s@c> 0 0 451"));
}

TEST_F(TransactionTest, FreshConnectionThatDiesIsNotReplaced) {
  mail();
  rcpt();
  leased(false);
  EXPECT_THAT(lost(), ElementsAre(StartsWith("reply 451 4.4.2"), "finished <s@c> 0 0 451"));
}

TEST_F(TransactionTest, NothingIsSentAgainOnceTheSmarthostAnswered) {
  mail();
  rcpt();
  leased(true);
  replied(smtp::Sent::mail, 250);
  EXPECT_THAT(lost(), ElementsAre(StartsWith("reply 451 4.4.2"), "finished <s@c> 0 0 451"));
  EXPECT_THAT(rcpt(), ElementsAre(StartsWith("reply 451")));
}

TEST_F(TransactionTest, LossWithAnAcceptedRecipientFailsData) {
  open_envelope(true);
  EXPECT_THAT(lost(), ElementsAre("finished <s@c> 1 0 451"));
  EXPECT_THAT(rcpt(), ElementsAre(StartsWith("reply 451 4.4.2")));
  EXPECT_THAT(data(), ElementsAre(StartsWith("reply 451 4.4.2")));
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(TransactionTest, LateMailIsReplayedToo) {
  open_late();
  mail();
  leased(true);
  EXPECT_THAT(lost(), ElementsAre("lease fresh"));
  EXPECT_THAT(leased(), ElementsAre("send MAIL FROM:<s@c>"));
  EXPECT_THAT(replied(smtp::Sent::mail, 250), ElementsAre("reply 250 x"));
}

TEST_F(TransactionTest, LossWhileLateDataWaitsIsItsReply) {
  open_late();
  mail();
  leased();
  replied(smtp::Sent::mail, 250);
  rcpt();
  replied(smtp::Sent::rcpt, 250);
  data();
  EXPECT_THAT(lost(), ElementsAre(StartsWith("reply 451 4.4.2"), "finished <s@c> 1 0 451"));
}

TEST_F(TransactionTest, LossInsideTheMailDataIsTheReplyAtItsEnd) {
  open_data();
  mail_data("a\r\n");
  EXPECT_THAT(lost(), IsEmpty());
  EXPECT_THAT(mail_data("b\r\n"), IsEmpty());
  EXPECT_THAT(end_of_data(), ElementsAre(StartsWith("reply 451 4.4.2"), "finished <s@c> 1 6 451"));
}

TEST_F(TransactionTest, LossAfterTheEndIsInDoubtAndNeverReplayed) {
  open_data();
  mail_data("a\r\n");
  end_of_data();
  const Said said = lost();
  EXPECT_THAT(said, ElementsAre(StartsWith("reply 451 4.4.2"), "finished <s@c> 1 3 451 in doubt"));
  EXPECT_THAT(said[0], HasSubstr("a second copy is possible"));
}

TEST_F(TransactionTest, LossBeforeThe354LeavesNoDoubt) {
  open_envelope();
  data();
  mail_data("a\r\n");
  end_of_data();
  EXPECT_THAT(lost(), ElementsAre(StartsWith("reply 451 4.4.2"), "finished <s@c> 1 3 451"));
}

TEST_F(TransactionTest, LossWhenAllWasAnsweredIsNoMoreTold) {
  mail();
  rcpt();
  leased();
  replied(smtp::Sent::mail, 550);
  EXPECT_THAT(lost(), IsEmpty());
  EXPECT_THAT(reset(), IsEmpty());
}

TEST_F(TransactionTest, A421ToMailOnAWarmConnectionIsReplayed) {
  mail();
  rcpt();
  leased(true);
  EXPECT_THAT(replied(smtp::Sent::mail, 421, "too many"),
              ElementsAre("return: smarthost said 421", "lease fresh"));
  EXPECT_THAT(leased(), ElementsAre("send MAIL FROM:<s@c>", "send RCPT TO:<r@u>"));
}

TEST_F(TransactionTest, A421EndsTheClientsSessionWhereverItComes) {  // RFC 5321 3.8
  mail();
  rcpt("<1@u>");
  rcpt("<2@u>");
  leased();
  EXPECT_THAT(replied(smtp::Sent::mail, 421, "bye"),
              ElementsAre("close-client 421 bye", "finished <s@c> 0 0 421"));
  EXPECT_THAT(gone(), ElementsAre(StartsWith("return: ")));

  open_envelope();
  rcpt("<2@u>");
  rcpt("<3@u>");
  EXPECT_THAT(
      replied(smtp::Sent::rcpt, 421, "bye"),
      ElementsAre("close-client 421 bye", "finished <s@c> 1 0 421", "return: smarthost said 421"));
  EXPECT_THAT(gone(), IsEmpty());

  open_envelope();
  data();
  EXPECT_THAT(replied(smtp::Sent::data, 421, "bye"), ElementsAre("return: smarthost said 421"));
  EXPECT_THAT(end_of_data(), ElementsAre("close-client 421 bye", "finished <s@c> 1 0 421"));

  open_data();
  EXPECT_THAT(replied(smtp::Sent::end_of_data, 421, "bye"), ElementsAre(StartsWith("return: ")));
  EXPECT_THAT(end_of_data(), ElementsAre("close-client 421 bye", "finished <s@c> 1 0 421"));

  open_data();
  end_of_data();
  EXPECT_THAT(
      replied(smtp::Sent::end_of_data, 421, "bye"),
      ElementsAre("close-client 421 bye", "finished <s@c> 1 0 421", "return: smarthost said 421"));
}

TEST_F(TransactionTest, A421ThatNobodyWaitsForTaintsTheConnection) {
  mail();
  rcpt();
  leased();
  replied(smtp::Sent::mail, 550);
  EXPECT_THAT(replied(smtp::Sent::rcpt, 421), ElementsAre("return: smarthost said 421"));
}

TEST_F(TransactionTest, A421ToLateMailEndsTheClientsSession) {
  open_late();
  mail();
  rcpt();
  leased();
  EXPECT_THAT(replied(smtp::Sent::mail, 421, "bye"),
              ElementsAre("close-client 421 bye", "finished <s@c> 0 0 421"));
}

TEST_F(TransactionTest, OtherRefusalsOfMailAreNotReplayed) {
  for (const int code : {450, 452, 550}) {
    open({});
    mail();
    rcpt();
    leased(true);
    EXPECT_THAT(replied(smtp::Sent::mail, code), Not(testing::Contains(StartsWith("lease"))));
  }
}

// --- mail data that is not carried ---

TEST_F(TransactionTest, MailDataThatIsTooBigIsSwallowedToItsEnd) {
  promised_.max_size = 10;
  open_data();
  EXPECT_THAT(mail_data("12345678"), ElementsAre("send-data 12345678"));
  EXPECT_THAT(mail_data("9ab"), ElementsAre("return: message is too big"));
  EXPECT_THAT(mail_data("cde"), IsEmpty());
  EXPECT_THAT(end_of_data(), ElementsAre("reply 552 5.3.4 message is bigger than 10 octets",
                                         "finished <s@c> 1 14 552"));
}

TEST_F(TransactionTest, MailDataOfExactlyTheLimitIsCarried) {
  promised_.max_size = 10;
  open_data();
  EXPECT_THAT(mail_data("0123456789"), ElementsAre("send-data 0123456789"));
  EXPECT_THAT(end_of_data(), ElementsAre("end-data"));
}

TEST_F(TransactionTest, LogTellsWhenATransactionBeganAndEnded) {
  const base::Instant began = now_;
  open_data();
  now_ += 7s;
  end_of_data();
  now_ += 1s;
  const Actions actions = transaction_->on(
      smtp::from_smarthost::Replied{smtp::Sent::end_of_data, smtp::Reply::make(250, "", "ok")},
      now_);
  const auto* finished = std::get_if<action::Finished>(&actions.at(1));
  ASSERT_NE(finished, nullptr);
  EXPECT_EQ(finished->began, began);
  EXPECT_EQ(finished->ended, began + 8s);
}

TEST_F(TransactionTest, MailDataThatIsMuchTooBigIsNotReadToItsEnd) {
  promised_.max_size = 10;
  open_data();
  mail_data("0123456789a");
  EXPECT_THAT(mail_data("bcde"), IsEmpty());  // exactly half as much again
  EXPECT_THAT(mail_data("f"),
              ElementsAre(StartsWith("close-client 552 5.3.4"), "finished <s@c> 1 16 552"));
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(TransactionTest, HugeLimitIsNoSmallOne) {
  promised_.max_size = UINT64_MAX;
  open_data();
  lost();
  EXPECT_THAT(mail_data("0123456789"), IsEmpty());
  EXPECT_THAT(end_of_data(), ElementsAre(StartsWith("reply 451"), StartsWith("finished")));
}

TEST_F(TransactionTest, SizeOfOursCountsWhereNoneWasPromised) {
  promised_.size = false;
  TransactionOptions options;
  options.max_message_size = 4;
  open(options);
  open_data();
  EXPECT_THAT(mail_data("12345"), ElementsAre("return: message is too big"));
}

TEST_F(TransactionTest, MailDataTheSessionRefusedIsRefusedAtItsEnd) {
  open_data();
  const client::MailDataRefused refused{smtp::Reply::make(554, "5.6.0", "NUL")};
  EXPECT_THAT(describe(transaction_->on(refused, now_)),
              ElementsAre("return: the client's mail data was refused"));
  EXPECT_THAT(describe(transaction_->on(refused, now_)), IsEmpty());
  EXPECT_THAT(end_of_data(), ElementsAre("reply 554 5.6.0 NUL", "finished <s@c> 1 0 554"));
}

TEST_F(TransactionTest, LoopingMailIsRefused) {
  open_data();
  std::string hops;
  for (unsigned i = 0; i <= smtp::kMaxHops; ++i) hops.append("Received: from a by b\r\n");
  EXPECT_THAT(mail_data(hops + "\r\n"), ElementsAre("return: mail is looping"));
  EXPECT_THAT(end_of_data(),
              ElementsAre(StartsWith("reply 554 5.4.6 mail is looping: it has passed "
                                     "more than 50"),
                          StartsWith("finished")));
}

TEST_F(TransactionTest, MailThatWasHereBeforeIsRefused) {
  open_data();
  std::string hops;
  for (unsigned i = 0; i < smtp::kMaxOwnHops; ++i) {
    hops.append("Received: from a\r\n\tby seal.test (smtpseal) with ESMTP\r\n");
  }
  EXPECT_THAT(mail_data(hops + "\r\n"), ElementsAre("return: mail is looping"));
  EXPECT_THAT(end_of_data(),
              ElementsAre(HasSubstr("passed this smtpseal before"), StartsWith("finished")));
}

TEST_F(TransactionTest, OnlyTheHeaderIsLookedAtForLoops) {
  open_data();
  mail_data("Subject: x\r\n\r\n");
  std::string hops;
  for (unsigned i = 0; i < 60; ++i) hops.append("Received: from a by b\r\n");
  EXPECT_THAT(mail_data(hops + "\r\n"), ElementsAre(StartsWith("send-data")));
}

// --- AUTH ---

TEST_F(TransactionTest, AuthDialogueIsRelayedAndThePinnedConnectionServesAllMail) {
  EXPECT_THAT(auth("LOGIN"), ElementsAre("lease fresh pinned"));
  EXPECT_THAT(leased(), ElementsAre("send AUTH LOGIN"));
  EXPECT_THAT(replied(smtp::Sent::auth, 334, "VXNlcm5hbWU6"),
              ElementsAre("reply 334 VXNlcm5hbWU6"));
  EXPECT_THAT(auth_response("dQ=="), ElementsAre("send dQ=="));
  EXPECT_THAT(replied(smtp::Sent::auth, 334, "UGFzc3dvcmQ6"), ElementsAre(StartsWith("reply 334")));
  EXPECT_THAT(auth_response("cA=="), ElementsAre("send cA=="));
  EXPECT_THAT(replied(smtp::Sent::auth, 235), ElementsAre("reply 235 x"));
  EXPECT_THAT(mail(), ElementsAre("reply 250 2.1.0 sender OK"));
  EXPECT_THAT(rcpt(), ElementsAre("send MAIL FROM:<s@c>", "send RCPT TO:<r@u>"));
  replied(smtp::Sent::mail, 250);
  replied(smtp::Sent::rcpt, 250);
  data();
  replied(smtp::Sent::data, 354);
  end_of_data();
  EXPECT_THAT(replied(smtp::Sent::end_of_data, 250),
              ElementsAre("reply 250 x", "finished <s@c> 1 0 250"));
  EXPECT_THAT(gone(),
              ElementsAre("return: it was authenticated for a client that is done with it"));
}

// RFC 3207 4.2: what the client said before TLS is void.
TEST_F(TransactionTest, StartTlsEndsTheOpenTransaction) {
  open_envelope();
  EXPECT_THAT(starttls(), ElementsAre(StartsWith("finished <s@c> 1 0"), "return clean"));
  EXPECT_TRUE(transaction_->is_idle());
  EXPECT_THAT(mail(), ElementsAre("reply 250 2.1.0 sender OK"));
  EXPECT_THAT(rcpt(), ElementsAre("lease"));
}

TEST_F(TransactionTest, StartTlsGivesUpTheConnectionThatTheClientAuthenticatedOn) {
  authenticate();
  EXPECT_THAT(starttls(),
              ElementsAre("return: it was authenticated for a client that is done with it"));
  EXPECT_THAT(mail(), ElementsAre("reply 250 2.1.0 sender OK"));
  EXPECT_THAT(rcpt(), ElementsAre("lease")) << "not the pinned one";
}

TEST_F(TransactionTest, StartTlsForgetsThatTheAuthenticatedConnectionWasLost) {
  authenticate();
  EXPECT_THAT(lost(), IsEmpty());
  EXPECT_THAT(starttls(), IsEmpty());
  EXPECT_THAT(mail(), ElementsAre("reply 250 2.1.0 sender OK"));
}

TEST_F(TransactionTest, RefusedAuthGivesTheConnectionUp) {
  auth();
  leased();
  EXPECT_THAT(replied(smtp::Sent::auth, 535, "no"),
              ElementsAre("reply 535 no", "return: AUTH was refused"));
  EXPECT_THAT(auth(), ElementsAre("lease fresh pinned"));
}

TEST_F(TransactionTest, A421ToAuthEndsTheClientsSession) {
  auth();
  leased();
  EXPECT_THAT(replied(smtp::Sent::auth, 421, "bye"),
              ElementsAre("close-client 421 bye", StartsWith("return: ")));
}

TEST_F(TransactionTest, AuthDialogueWithoutEndIsEnded) {
  auth("LOGIN");
  leased();
  int rounds = 0;
  Said said = replied(smtp::Sent::auth, 334);
  while (said == Said{"reply 334 x"} && ++rounds < 100) {
    EXPECT_THAT(auth_response("eA=="), ElementsAre("send eA=="));
    said = replied(smtp::Sent::auth, 334);
  }
  EXPECT_EQ(rounds, 20);
  EXPECT_THAT(said, ElementsAre(StartsWith("reply 454 4.5.0"), "return: AUTH without end"));
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(TransactionTest, AuthWithoutASmarthostIsATemporaryFailure) {
  auth();
  EXPECT_THAT(lease_failed(), ElementsAre(StartsWith("reply 454 4.4.1")));
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(TransactionTest, AuthThatIsNotOfferedAnyMoreIsRefused) {
  auth("GSSAPI");
  EXPECT_THAT(leased(), ElementsAre(StartsWith("reply 454 4.3.0"), "return clean"));
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(TransactionTest, LossWhileAuthWaitsIsItsReply) {
  auth();
  leased();
  EXPECT_THAT(lost(), ElementsAre(StartsWith("reply 454 4.4.2")));
  EXPECT_TRUE(transaction_->is_idle());
}

TEST_F(TransactionTest, LossBetweenChallengeAndResponseIsToldWithTheResponse) {
  auth("LOGIN");
  leased();
  replied(smtp::Sent::auth, 334);
  EXPECT_THAT(lost(), IsEmpty());
  EXPECT_THAT(auth_response("dQ=="), ElementsAre(StartsWith("reply 454 4.4.2")));
  EXPECT_TRUE(transaction_->is_idle());
  EXPECT_THAT(auth("LOGIN"), ElementsAre("lease fresh pinned"));
}

TEST_F(TransactionTest, ClientThatLeavesInsideAuthGivesTheConnectionUp) {
  auth("LOGIN");
  leased();
  replied(smtp::Sent::auth, 334);
  EXPECT_THAT(gone(), ElementsAre(StartsWith("return: ")));
}

TEST_F(TransactionTest, LossOfThePinnedConnectionEndsTheClientsSession) {
  authenticate();
  EXPECT_THAT(lost(), IsEmpty());
  EXPECT_THAT(mail(), ElementsAre(StartsWith("close-client 421 4.4.2")));
  EXPECT_THAT(gone(), IsEmpty());
}

TEST_F(TransactionTest, PinnedConnectionIsNeverReplaced) {
  authenticate();
  mail();
  rcpt();
  EXPECT_THAT(lost(), ElementsAre(StartsWith("reply 451 4.4.2"), "finished <s@c> 0 0 451"));
  reset();
  EXPECT_THAT(mail(), ElementsAre(StartsWith("close-client 421")));
}

TEST_F(TransactionTest, PinnedConnectionIsResetBetweenTransactions) {
  authenticate();
  mail();
  rcpt();
  replied(smtp::Sent::mail, 250);
  replied(smtp::Sent::rcpt, 250);
  EXPECT_THAT(reset(), ElementsAre("finished <s@c> 1 0 0 the client gave it up"));
  mail();
  EXPECT_THAT(rcpt(), ElementsAre("send RSET", "send MAIL FROM:<s@c>", "send RCPT TO:<r@u>"));
}

TEST_F(TransactionTest, PinnedConnectionOwesItsResetUntilItIsSent) {
  authenticate();
  mail();
  rcpt();
  replied(smtp::Sent::mail, 250);
  replied(smtp::Sent::rcpt, 250);
  reset();
  mail();
  reset();
  mail();
  EXPECT_THAT(rcpt(), ElementsAre("send RSET", "send MAIL FROM:<s@c>", "send RCPT TO:<r@u>"));
}

TEST_F(TransactionTest, PinnedConnectionIsNotResetAfterAWholeMail) {
  authenticate();
  for (int i = 0; i < 3; ++i) {
    mail();
    EXPECT_THAT(rcpt(), ElementsAre("send MAIL FROM:<s@c>", "send RCPT TO:<r@u>"));
    replied(smtp::Sent::mail, 250);
    replied(smtp::Sent::rcpt, 250);
    data();
    replied(smtp::Sent::data, 354);
    end_of_data();
    replied(smtp::Sent::end_of_data, i == 1 ? 550 : 250);
  }
}

TEST_F(TransactionTest, PinnedConnectionSurvivesARefusalWithRepliesOnTheirWay) {
  authenticate();
  mail();
  rcpt("<1@u>");
  rcpt("<2@u>");
  EXPECT_THAT(replied(smtp::Sent::mail, 550, "not you"),
              ElementsAre("reply 550 not you", "reply 550 not you", "finished <s@c> 0 0 550"));
  EXPECT_THAT(reset(), IsEmpty());
  mail();
  EXPECT_THAT(rcpt("<3@u>"),
              ElementsAre("send RSET", "send MAIL FROM:<s@c>", "send RCPT TO:<3@u>"));
  EXPECT_THAT(replied(smtp::Sent::rcpt, 503, "1"), IsEmpty());
  EXPECT_THAT(replied(smtp::Sent::rcpt, 503, "2"), IsEmpty());
  EXPECT_THAT(replied(smtp::Sent::rset, 250), IsEmpty());
  EXPECT_THAT(replied(smtp::Sent::mail, 250), IsEmpty());
  EXPECT_THAT(replied(smtp::Sent::rcpt, 250, "3"), ElementsAre("reply 250 3"));
}

}  // namespace
}  // namespace relay
