// smtp/server_session: one reply a command, in order, whatever the client sends and when.
#include "smtp/server_session.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/describe_session.h"

namespace smtp {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using namespace std::chrono_literals;

Extensions plenty() {
  Extensions offered;
  offered.pipelining = true;
  offered.eight_bit_mime = true;
  offered.smtputf8 = true;
  offered.dsn = true;
  offered.enhanced_status_codes = true;
  offered.size = true;
  offered.max_size = 1000000;
  return offered;
}

// A session that has greeted; time stands still unless a test moves it.
class ServerSessionTest : public ::testing::Test {
 protected:
  void SetUp() override { open({}, plenty()); }

  void open(ServerOptions options, const Extensions& offered) {
    options.hostname = "seal.test";
    offered_ = offered;
    session_.emplace(std::move(options), now_);
    session_->greet(offered_, now_);
    EXPECT_EQ(said(), "220 seal.test ESMTP\r\n");
  }

  void open_strict() {
    ServerOptions options;
    options.syntax = Syntax::strict;
    options.line_endings = LineEndings::strict;
    open(options, plenty());
  }

  void open_with_auth() {
    Extensions offered = plenty();
    offered.auth_mechanisms = {"PLAIN", "LOGIN"};
    open({}, offered);
    ehlo();
  }

  // What the client wants now, in words; Hello is answered here.
  std::vector<std::string> events() {
    std::vector<std::string> all;
    for (int i = 0; i < kMost; ++i) {
      const ServerEvent event = session_->next_event();
      if (std::holds_alternative<NeedMore>(event)) return all;
      all.push_back(describe(event));
      if (std::holds_alternative<from_client::Hello>(event)) session_->answer_hello(offered_, now_);
    }
    ADD_FAILURE() << "events without end";
    return all;
  }

  std::vector<std::string> feed(std::string_view bytes) {
    session_->receive(bytes, now_);
    return events();
  }

  std::string said() {
    std::string output(session_->output());
    session_->consume_output(output.size());
    return output;
  }

  // The replies of lines that need nobody else.
  std::string ask(std::string_view bytes) {
    EXPECT_THAT(feed(bytes), IsEmpty());
    return said();
  }

  std::vector<std::string> reply(int code, std::string_view text = "x") {
    session_->reply(Reply::make(code, "", text), now_);
    return events();
  }

  void ehlo() {
    EXPECT_THAT(feed("EHLO c.test\r\n"), ElementsAre("ehlo c.test"));
    EXPECT_THAT(said(), StartsWith("250-seal.test\r\n"));
  }

  void mail() {
    EXPECT_THAT(feed("MAIL FROM:<s@c.test>\r\n"), ElementsAre("MAIL FROM:<s@c.test>"));
    reply(250);
    EXPECT_EQ(said(), "250 x\r\n");
  }

  void rcpt() {
    EXPECT_THAT(feed("RCPT TO:<r@u.test>\r\n"), ElementsAre("RCPT TO:<r@u.test>"));
    reply(250);
    EXPECT_EQ(said(), "250 x\r\n");
  }

  void data() {
    EXPECT_THAT(feed("DATA\r\n"), ElementsAre("data"));
    reply(354);
    EXPECT_EQ(said(), "354 x\r\n");
  }

  // Up to where mail data may come.
  void open_data() {
    ehlo();
    mail();
    rcpt();
    data();
  }

  static constexpr int kMost = 100000;
  base::Instant now_{1h};
  Extensions offered_;
  std::optional<ServerSession> session_;
};

// --- greeting and hello ---

TEST_F(ServerSessionTest, EarlyTalkerIsAnsweredInTurnAfterTheGreeting) {
  ServerOptions options;
  options.hostname = "seal.test";
  ServerSession session(options, now_);
  session.receive("EHLO c.test\r\nNOOP\r\n", now_);
  EXPECT_EQ(describe(session.next_event()), "need-more");
  EXPECT_EQ(session.output(), "");
  session.greet(plenty(), now_);
  EXPECT_EQ(describe(session.next_event()), "ehlo c.test");
  session.answer_hello(plenty(), now_);
  EXPECT_EQ(describe(session.next_event()), "need-more");
  EXPECT_THAT(std::string(session.output()),
              StartsWith("220 seal.test ESMTP\r\n250-seal.test\r\n"));
  EXPECT_THAT(std::string(session.output()), EndsWith("250 2.0.0 OK\r\n"));
}

TEST_F(ServerSessionTest, GreetsOnce) {
  session_->greet(plenty(), now_);
  EXPECT_EQ(said(), "");
}

TEST_F(ServerSessionTest, RefusesInsteadOfGreeting) {
  ServerSession session({}, now_);
  session.receive("EHLO c.test\r\n", now_);
  session.refuse(Reply::make(421, "4.4.1", "smarthost unreachable"));
  EXPECT_TRUE(session.is_finished());
  EXPECT_EQ(session.output(), "421 4.4.1 smarthost unreachable\r\n");
  EXPECT_EQ(describe(session.next_event()), "gone: 421 4.4.1 smarthost unreachable");
  EXPECT_EQ(describe(session.next_event()), "need-more");
  session.greet(plenty(), now_);
  session.refuse(Reply::make(421, "", "again"));
  EXPECT_EQ(session.output(), "421 4.4.1 smarthost unreachable\r\n");
}

TEST_F(ServerSessionTest, ClientThatLeavesBeforeTheGreetingIsGone) {
  ServerSession session({}, now_);
  session.receive_eof();
  EXPECT_EQ(describe(session.next_event()), "gone: client left before the greeting");
  EXPECT_TRUE(session.is_finished());
}

TEST_F(ServerSessionTest, ClientThatHalfClosesBeforeTheGreetingIsServed) {
  ServerSession session({}, now_);
  session.receive("NOOP\r\nQUIT\r\n", now_);
  session.receive_eof();
  EXPECT_EQ(describe(session.next_event()), "need-more");
  session.greet(plenty(), now_);
  EXPECT_EQ(describe(session.next_event()), "quit");
  EXPECT_THAT(std::string(session.output()), HasSubstr("250 2.0.0 OK\r\n221 2.0.0"));
}

TEST_F(ServerSessionTest, NoDeadlineRunsBeforeTheGreeting) {
  ServerSession session({}, now_);
  EXPECT_EQ(session.deadline(), std::nullopt);
}

TEST_F(ServerSessionTest, HeloHidesWhatEhloShows) {
  EXPECT_THAT(feed("HELO c.test\r\n"), ElementsAre("helo c.test"));
  EXPECT_EQ(said(), "250 seal.test\r\n");
  EXPECT_FALSE(session_->is_extended());
  ehlo();
  EXPECT_TRUE(session_->is_extended());
  EXPECT_EQ(session_->client_name(), "c.test");
}

TEST_F(ServerSessionTest, CommandsBehindEhloWaitForItsAnswer) {
  session_->receive("EHLO c.test\r\nMAIL FROM:<s@c.test> SIZE=10\r\n", now_);
  EXPECT_EQ(describe(session_->next_event()), "ehlo c.test");
  EXPECT_EQ(describe(session_->next_event()), "need-more");
  session_->answer_hello(plenty(), now_);
  EXPECT_EQ(describe(session_->next_event()), "MAIL FROM:<s@c.test> SIZE=10");
}

// --- what is answered here ---

TEST_F(ServerSessionTest, AnswersWhatNeedsNobodyElse) {
  ehlo();
  EXPECT_THAT(ask("NOOP hi there\r\n"), StartsWith("250 2.0.0"));
  EXPECT_THAT(ask("VRFY x\r\n"), StartsWith("252 2.0.0"));
  EXPECT_THAT(ask("HELP\r\n"), StartsWith("214 2.0.0"));
  EXPECT_THAT(ask("EXPN x\r\n"), StartsWith("502 5.5.1"));
  EXPECT_THAT(ask("ETRN x\r\n"), StartsWith("502 5.5.1"));
  EXPECT_THAT(ask("XCLIENT ADDR=127.0.0.1\r\n"), StartsWith("502 5.5.1"));
  EXPECT_THAT(ask("STARTTLS\r\n"), StartsWith("502 5.5.1"));
  EXPECT_THAT(ask("XYZZY\r\n"), StartsWith("500 5.5.2"));
  EXPECT_THAT(ask(" NOOP\r\n"), StartsWith("500 5.5.2"));
  EXPECT_THAT(ask("RSET \r\n"), StartsWith("250 2.0.0"));
}

TEST_F(ServerSessionTest, QuitEndsTheSession) {
  EXPECT_THAT(feed("QUIT\r\nNOOP\r\n"), ElementsAre("quit"));
  EXPECT_EQ(said(), "221 2.0.0 seal.test closing\r\n");
  EXPECT_TRUE(session_->is_finished());
  EXPECT_FALSE(session_->wants_input());
  EXPECT_THAT(feed("NOOP\r\n"), IsEmpty());
  EXPECT_EQ(said(), "");
}

TEST_F(ServerSessionTest, SequenceErrorsAreAnswered) {
  ehlo();
  EXPECT_THAT(ask("RCPT TO:<r@u.test>\r\n"), StartsWith("503 5.5.1"));
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("503 5.5.1"));
  mail();
  EXPECT_THAT(ask("MAIL FROM:<t@c.test>\r\n"), StartsWith("503 5.5.1"));
  rcpt();
  data();
}

TEST_F(ServerSessionTest, MailMayFollowADataThatWasRefusedForWantOfRecipients) {
  ehlo();
  mail();
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("503 5.5.1"));
  mail();
  EXPECT_THAT(feed("RCPT TO:<r@u.test>\r\n"), ElementsAre("RCPT TO:<r@u.test>"));
  reply(550);
  said();
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("554 5.5.1"));
  EXPECT_THAT(feed("MAIL FROM:<\r\n"), ElementsAre("reset"));
  EXPECT_THAT(said(), StartsWith("501"));
  EXPECT_THAT(ask("RCPT TO:<r@u.test>\r\n"), StartsWith("503 5.5.1"));
}

TEST_F(ServerSessionTest, RefusedRecipientsAreNoErrorsOfTheSession) {
  ehlo();
  mail();
  for (unsigned i = 0; i < 3 * kMaxErrors; ++i) {
    EXPECT_THAT(ask("RCPT TO:<\r\n"), StartsWith("501")) << i;
  }
  rcpt();
}

TEST_F(ServerSessionTest, RefusedRecipientsWithoutEndAreErrorsAtLast) {
  ehlo();
  mail();
  std::size_t count = 0;
  while (!session_->is_finished() && count < 2 * kMaxRecipients) {
    feed("RCPT TO:<\r\n");
    ++count;
  }
  EXPECT_EQ(count, kMaxRecipients + kMaxErrors + 1);
}

TEST_F(ServerSessionTest, AcceptedMailForgivesErrors) {
  ehlo();
  for (unsigned round = 0; round < 3; ++round) {
    for (unsigned i = 0; i + 1 < kMaxErrors; ++i) {
      EXPECT_THAT(ask("NONSENSE\r\n"), StartsWith("500")) << i;
    }
    mail();
    rcpt();
    data();
    feed("x\r\n.\r\n");
    reply(250);
    said();
  }
}

TEST_F(ServerSessionTest, LinesThatAreNoCommandsAreRefused) {
  ehlo();
  EXPECT_THAT(ask("MAIL FROM:<s@c.test>\rRCPT TO:<e@x>\r\n"), StartsWith("501 5.5.2"));
  EXPECT_THAT(ask(std::string("NOOP \0x\r\n", 9)), StartsWith("500 5.5.2"));
  EXPECT_THAT(ask("NOOP " + std::string(kMaxCommandLine, 'x') + "\r\n"), StartsWith("500 5.5.2"));
  EXPECT_THAT(ask("NOOP " + std::string(3 * kMaxAuthLine, 'x') + "\r\n"), StartsWith("500 5.5.2"));
  mail();
}

TEST_F(ServerSessionTest, AddressSplitOverTwoLinesIsTwoBadCommands) {
  ehlo();
  EXPECT_THAT(ask("MAIL FROM:<\"a\r\n"), StartsWith("501"));
  EXPECT_THAT(ask("RCPT TO:<x@y>\"@d>\r\n"), StartsWith("503"));
}

TEST_F(ServerSessionTest, BareLfEndsACommandUnlessStrict) {
  EXPECT_THAT(feed("EHLO c.test\nMAIL FROM:<s@c.test>\n"),
              ElementsAre("ehlo c.test", "MAIL FROM:<s@c.test>"));
  open_strict();
  EXPECT_THAT(feed("EHLO c.test\nNOOP\r\n"), ElementsAre("gone: client sent a bare LF"));
  EXPECT_THAT(said(), StartsWith("500 5.5.2"));
  EXPECT_TRUE(session_->is_finished());
}

TEST_F(ServerSessionTest, BareLfIsRefusedInItsTurnWhenStrict) {
  open_strict();
  ehlo();
  feed("MAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\nRCPT TO:<q@u.test>\n");
  EXPECT_EQ(said(), "");
  reply(250, "mail");
  EXPECT_THAT(reply(250, "rcpt"), ElementsAre("gone: client sent a bare LF"));
  EXPECT_THAT(said(), StartsWith("250 mail\r\n250 rcpt\r\n500 5.5.2"));
}

TEST_F(ServerSessionTest, BareLfEndsNoAuthResponseWhenStrict) {
  Extensions offered = plenty();
  offered.auth_mechanisms = {"PLAIN"};
  ServerOptions options;
  options.line_endings = LineEndings::strict;
  open(options, offered);
  ehlo();
  feed("AUTH PLAIN\r\n");
  reply(334);
  EXPECT_THAT(feed("AGEAYg==\n"), ElementsAre("gone: client sent a bare LF"));
}

TEST_F(ServerSessionTest, StrictSyntaxWantsHelloFirst) {
  open_strict();
  EXPECT_THAT(ask("MAIL FROM:<s@c.test>\r\n"), StartsWith("503 5.5.1"));
  EXPECT_THAT(ask("DATA now\r\n"), StartsWith("501 5.5.4"));
  EXPECT_THAT(ask("EHLO\r\n"), StartsWith("501 5.5.2"));
}

TEST_F(ServerSessionTest, TolerantSyntaxTakesMailWithoutHello) {
  mail();
  rcpt();
}

TEST_F(ServerSessionTest, OtherProtocolsAreShownTheDoor) {
  for (const std::string_view bytes :
       {std::string_view("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        std::string_view("Subject: hello\r\n"), std::string_view("SSH-2.0-x\r\n")}) {
    SCOPED_TRACE(std::string(bytes.substr(0, 8)));
    open({}, plenty());
    EXPECT_THAT(feed(bytes), ElementsAre("gone: client does not speak SMTP"));
    EXPECT_EQ(said(), "554 5.5.1 this is an SMTP server\r\n");
  }
}

TEST_F(ServerSessionTest, TlsHelloIsKnownWithoutALineEndAndByteByByte) {
  EXPECT_THAT(feed("\x16"), IsEmpty());
  EXPECT_THAT(feed("\x03"), ElementsAre(StartsWith("gone: client began TLS")));
  EXPECT_EQ(said(), "554 5.5.1 this is an SMTP server\r\n");
}

TEST_F(ServerSessionTest, BdatThatWasNotOfferedEndsTheSession) {
  ehlo();
  mail();
  rcpt();
  EXPECT_THAT(feed("BDAT 10 LAST\r\nQUIT\r\nXXXX"),
              ElementsAre("gone: client sent BDAT, which was not offered"));
  EXPECT_THAT(said(), StartsWith("502 5.5.1"));
}

// --- owed replies ---

TEST_F(ServerSessionTest, OnlyRcptIsWorkedOnWhileRepliesAreOwed) {  // RFC 2920
  ehlo();
  EXPECT_THAT(feed("MAIL FROM:<s@c.test>\r\nRCPT TO:<1@u>\r\nRCPT TO:<2@u>\r\nNOOP\r\nRSET\r\n"
                   "MAIL FROM:<t@c.test>\r\n"),
              ElementsAre("MAIL FROM:<s@c.test>", "RCPT TO:<1@u>", "RCPT TO:<2@u>"));
  EXPECT_EQ(said(), "");
  EXPECT_THAT(reply(250, "mail"), IsEmpty());
  EXPECT_THAT(reply(250, "one"), IsEmpty());
  EXPECT_TRUE(session_->is_reply_owed());
  EXPECT_THAT(reply(550, "two"), ElementsAre("reset", "MAIL FROM:<t@c.test>"));
  EXPECT_EQ(said(), "250 mail\r\n250 one\r\n550 two\r\n250 2.0.0 OK\r\n250 2.0.0 OK\r\n");
}

TEST_F(ServerSessionTest, RefusedRcptKeepsItsPlaceInTheOrder) {
  ehlo();
  EXPECT_THAT(feed("MAIL FROM:<s@c.test>\r\nRCPT TO:<1@u>\r\nRCPT TO:<\r\nRCPT TO:<3@u>\r\n"),
              ElementsAre("MAIL FROM:<s@c.test>", "RCPT TO:<1@u>"));
  reply(250, "mail");
  EXPECT_EQ(said(), "250 mail\r\n");
  EXPECT_THAT(reply(250, "one"), ElementsAre("RCPT TO:<3@u>"));
  EXPECT_THAT(said(), ::testing::MatchesRegex("250 one\r\n501 5.1.3 [^\r\n]*\r\n"));
}

TEST_F(ServerSessionTest, RcptBehindARefusedMailIsAnsweredOnce) {
  ehlo();
  EXPECT_THAT(feed("MAIL FROM:<s@c.test>\r\nRCPT TO:<1@u>\r\n"),
              ElementsAre("MAIL FROM:<s@c.test>", "RCPT TO:<1@u>"));
  reply(550, "mail");
  EXPECT_THAT(reply(503, "rcpt"), IsEmpty());
  EXPECT_EQ(said(), "550 mail\r\n503 rcpt\r\n");
  EXPECT_FALSE(session_->is_reply_owed());
  EXPECT_FALSE(session_->is_in_transaction());
  EXPECT_THAT(ask("RCPT TO:<2@u>\r\n"), StartsWith("503"));
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("503"));
  mail();
}

TEST_F(ServerSessionTest, RcptAcceptedBehindARefusedMailOpensNothing) {
  ehlo();
  feed("MAIL FROM:<s@c.test>\r\nRCPT TO:<1@u>\r\n");
  reply(550);
  reply(250);
  said();
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("503"));
  mail();
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("503"));
}

TEST_F(ServerSessionTest, DataWithoutAnAcceptedRecipientIsRefused) {
  ehlo();
  mail();
  feed("RCPT TO:<1@u>\r\n");
  reply(550);
  said();
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("554 5.5.1"));
  // The transaction goes on: another recipient may be tried.
  rcpt();
  data();
}

TEST_F(ServerSessionTest, DataBehindDeferredRecipientsIsDeferred) {
  ehlo();
  EXPECT_THAT(feed("MAIL FROM:<s@c.test>\r\nRCPT TO:<1@u>\r\nRCPT TO:<2@u>\r\nDATA\r\n"),
              ElementsAre("MAIL FROM:<s@c.test>", "RCPT TO:<1@u>", "RCPT TO:<2@u>"));
  reply(250);
  reply(451);
  reply(550);
  EXPECT_THAT(said(), HasSubstr("550 x\r\n451 4.5.1 no recipient was accepted"));
  feed("RSET\r\n");
  said();
  mail();
  feed("RCPT TO:<1@u>\r\n");
  reply(550);
  said();
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("554 5.5.1"));
}

TEST_F(ServerSessionTest, TooManyRecipientsAreRefusedFor452) {
  ehlo();
  mail();
  for (std::size_t i = 0; i < kMaxRecipients; ++i) rcpt();
  EXPECT_EQ(ask("RCPT TO:<r@u.test>\r\n"), "452 4.5.3 too many recipients\r\n");
  data();
}

TEST_F(ServerSessionTest, EhloAndResetEndATransactionInEveryState) {
  ehlo();
  EXPECT_THAT(ask("RSET\r\n"), StartsWith("250"));
  mail();
  EXPECT_THAT(feed("RSET\r\nRSET\r\n"), ElementsAre("reset"));
  said();
  mail();
  rcpt();
  EXPECT_THAT(feed("RSET\r\n"), ElementsAre("reset"));
  said();
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("503"));
  mail();
  rcpt();
  ehlo();
  EXPECT_THAT(ask("RCPT TO:<r@u.test>\r\n"), StartsWith("503"));
}

TEST_F(ServerSessionTest, OneByteAtATimeIsTheSameConversation) {
  std::vector<std::string> all;
  for (const char c :
       std::string("EHLO c.test\r\nMAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\n")) {
    for (std::string& event : feed(std::string_view(&c, 1))) all.push_back(std::move(event));
  }
  EXPECT_THAT(all, ElementsAre("ehlo c.test", "MAIL FROM:<s@c.test>", "RCPT TO:<r@u.test>"));
}

// --- mail data ---

TEST_F(ServerSessionTest, MailDataComesUnstuffedUpToItsEnd) {
  open_data();
  EXPECT_TRUE(session_->is_receiving_data());
  EXPECT_THAT(feed("..x\r\ny\r\n.\r\nMAIL FROM:<t@c.test>\r\n"),
              ElementsAre("mail-data .x\r\ny\r\n", "end-of-data 7"));
  EXPECT_FALSE(session_->is_receiving_data());
  EXPECT_THAT(reply(250, "queued"), ElementsAre("MAIL FROM:<t@c.test>"));
  EXPECT_EQ(said(), "250 queued\r\n");
}

TEST_F(ServerSessionTest, EmptyMailDataEnds) {
  open_data();
  EXPECT_THAT(feed(".\r\n"), ElementsAre("end-of-data 0"));
}

TEST_F(ServerSessionTest, MailDataBehindDataIsTakenOnceDataIsAccepted) {
  ehlo();
  mail();
  rcpt();
  EXPECT_THAT(feed("DATA\r\nRSET\r\n.\r\nQUIT\r\n"), ElementsAre("data"));
  EXPECT_THAT(reply(354), ElementsAre("mail-data RSET\r\n", "end-of-data 6"));
  EXPECT_THAT(reply(250), ElementsAre("quit"));
}

TEST_F(ServerSessionTest, MailDataBehindARefusedDataIsNeverExecuted) {
  ehlo();
  mail();
  rcpt();
  EXPECT_THAT(feed("DATA\r\nMAIL FROM:<evil@x>\r\n.\r\nQUIT\r\n"), ElementsAre("data"));
  EXPECT_THAT(reply(554, "no"),
              ElementsAre("gone: client sent mail data behind a DATA that was refused"));
  EXPECT_EQ(said(), "554 no\r\n");
  EXPECT_TRUE(session_->is_finished());
}

TEST_F(ServerSessionTest, MailDataBehindADataRefusedHereIsNeverExecuted) {
  ehlo();
  mail();
  EXPECT_THAT(feed("DATA\r\nMAIL FROM:<evil@x>\r\n.\r\n"),
              ElementsAre("gone: client sent mail data behind a DATA that was refused"));
  EXPECT_THAT(said(), ::testing::MatchesRegex("503 [^\r\n]*\r\n"));
}

TEST_F(ServerSessionTest, RefusedDataEndsTheTransactionAndTheSessionGoesOn) {
  ehlo();
  mail();
  rcpt();
  feed("DATA\r\n");
  EXPECT_THAT(reply(451, "later"), IsEmpty());
  EXPECT_EQ(said(), "451 later\r\n");
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("503"));
  mail();
}

TEST_F(ServerSessionTest, TransactionIsOverAfterARefusalAtTheEnd) {
  open_data();
  feed("x\r\n.\r\n");
  reply(554);
  said();
  EXPECT_THAT(ask("RCPT TO:<x@y>\r\n"), StartsWith("503"));
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("503"));
}

TEST_F(ServerSessionTest, NulInMailDataIsRefusedAtItsEnd) {
  open_data();
  EXPECT_THAT(feed(std::string_view("a\0b\r\n", 5)),
              ElementsAre("mail-data-refused 554 5.6.0 mail data holds a NUL octet, which SMTP "
                          "cannot carry"));
  EXPECT_THAT(feed("more\r\n.\r\n"), ElementsAre("end-of-data 10"));
}

TEST_F(ServerSessionTest, NulInTheLastBlockIsRefusedBeforeTheEnd) {
  open_data();
  EXPECT_THAT(feed(std::string_view("a\0b\r\n.\r\n", 8)),
              ElementsAre(StartsWith("mail-data-refused 554 5.6.0"), "end-of-data 4"));
}

TEST_F(ServerSessionTest, BareLineEndsAreNormalisedOrRefused) {
  open_data();
  EXPECT_THAT(feed("a\nb\r\n.\r\n"), ElementsAre("mail-data a\r\nb\r\n", "end-of-data 6"));
  open_strict();
  open_data();
  EXPECT_THAT(feed("a\nb\r\n.\r\n"),
              ElementsAre(StartsWith("mail-data-refused 550 5.6.11"), StartsWith("end-of-data")));
}

TEST_F(ServerSessionTest, MailDataIsGivenOnceHoweverItIsAskedFor) {
  open_data();
  session_->receive("one\r\n", now_);
  session_->receive("two\r\n", now_);
  EXPECT_EQ(describe(session_->next_event()), "mail-data one\r\ntwo\r\n");
  EXPECT_EQ(describe(session_->next_event()), "need-more");
  session_->receive("three\r\n", now_);
  EXPECT_EQ(describe(session_->next_event()), "mail-data three\r\n");
  // Not asked again before more comes: what was shown is over all the same.
  session_->receive("four\r\n", now_);
  EXPECT_EQ(describe(session_->next_event()), "mail-data four\r\n");
}

TEST_F(ServerSessionTest, SmuggledEndsDoNotEnd) {
  for (const std::string_view fake : {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\n.\r",
                                      "\r\r\n.\r\r\n", "\r\n.\r", "\r\n .\r\n"}) {
    SCOPED_TRACE(std::string(fake));
    open({}, plenty());
    open_data();
    std::string bytes = "body" + std::string(fake) + "MAIL FROM:<smuggled@evil>\r\nDATA\r\n.\r\n";
    const auto all = feed(bytes);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_THAT(all[0], HasSubstr("smuggled@evil"));
    EXPECT_THAT(all[1], StartsWith("end-of-data"));
  }
}

// --- leaving ---

TEST_F(ServerSessionTest, ClosingInsideMailDataIsNoEndOfData) {
  for (const std::string_view bytes : {"x", "x\r\n", "x\r\n.", "x\r\n.\r"}) {
    open({}, plenty());
    open_data();
    session_->receive(bytes, now_);
    session_->receive_eof();
    EXPECT_THAT(events().back(), StartsWith("gone: client closed the connection inside its mail"));
  }
}

TEST_F(ServerSessionTest, HalfClosedClientGetsAllItsReplies) {
  ehlo();
  mail();
  rcpt();
  session_->receive("DATA\r\nx\r\n.\r\nNOOP\r\n", now_);
  session_->receive_eof();
  EXPECT_FALSE(session_->wants_input());
  EXPECT_THAT(events(), ElementsAre("data"));
  EXPECT_THAT(reply(354), ElementsAre("mail-data x\r\n", "end-of-data 3"));
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_THAT(reply(250), ElementsAre("gone: client closed the connection"));
  EXPECT_EQ(said(), "354 x\r\n250 x\r\n250 2.0.0 OK\r\n");
}

TEST_F(ServerSessionTest, HalfACommandAtTheEndIsNoCommand) {
  session_->receive("QUIT", now_);
  session_->receive_eof();
  EXPECT_THAT(events(), ElementsAre("gone: client closed the connection"));
  EXPECT_EQ(said(), "");
}

TEST_F(ServerSessionTest, ReadsNoFurtherWhileMuchWaits) {
  ehlo();
  feed("MAIL FROM:<s@c.test>\r\nNOOP\r\n");
  EXPECT_TRUE(session_->wants_input());
  std::string noops;
  while (noops.size() < 70000) noops.append("NOOP\r\n");
  feed(noops);
  EXPECT_FALSE(session_->wants_input());
  reply(250);
  EXPECT_TRUE(session_->is_finished());  // so many NOOPs are abuse
}

TEST_F(ServerSessionTest, LineWithoutEndEndsTheSession) {
  ehlo();
  for (std::size_t sent = 0; sent <= kMaxSkippedLine && !session_->is_finished(); sent += 65536) {
    feed(std::string(65536, 'x'));
  }
  EXPECT_TRUE(session_->is_finished());
  EXPECT_EQ(said(), "500 5.5.2 line too long\r\n");
}

TEST_F(ServerSessionTest, LineWithoutEndWaitsForTheRepliesBeforeIt) {
  ehlo();
  feed("MAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\n");
  while (session_->wants_input()) feed(std::string(65536, 'x'));
  EXPECT_EQ(said(), "");
  reply(250, "mail");
  EXPECT_THAT(reply(250, "rcpt"), ElementsAre("gone: client sent a line without end"));
  EXPECT_EQ(said(), "250 mail\r\n250 rcpt\r\n500 5.5.2 line too long\r\n");
}

TEST_F(ServerSessionTest, SaysWhatAStuckClientDidWrongWhileItIsStuck) {
  open_data();
  EXPECT_EQ(session_->stall_hint(), "");
  feed("x\n.\nmore\r\n");
  EXPECT_THAT(std::string(session_->stall_hint()), HasSubstr("only CRLF.CRLF ends mail data"));
  feed(".\r\n");
  reply(250);
  EXPECT_EQ(session_->stall_hint(), "");
}

TEST_F(ServerSessionTest, NothingIsSaidAfterTheLastWord) {
  ehlo();
  feed("MAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\n");
  session_->refuse(Reply::make(421, "4.3.2", "shutting down"));
  EXPECT_EQ(said(), "421 4.3.2 shutting down\r\n");
  session_->reply(Reply::make(250, "", "late"), now_);
  session_->reply(Reply::make(250, "", "late"), now_);
  session_->reply(Reply::make(250, "", "too late"), now_);
  EXPECT_EQ(said(), "");
  open({}, plenty());
  session_->receive("EHLO c.test\r\n", now_);
  EXPECT_EQ(describe(session_->next_event()), "ehlo c.test");
  session_->refuse(Reply::make(421, "4.3.2", "shutting down"));
  session_->answer_hello(plenty(), now_);
  EXPECT_EQ(said(), "421 4.3.2 shutting down\r\n");
}

// --- time ---

TEST_F(ServerSessionTest, IdleClientIsSentAway) {
  ASSERT_EQ(session_->deadline(), now_ + kCommandIdleTimeout);
  session_->on_time(now_ + kCommandIdleTimeout - 1ms);
  EXPECT_FALSE(session_->is_finished());
  session_->on_time(now_ + kCommandIdleTimeout);
  EXPECT_TRUE(session_->is_finished());
  EXPECT_EQ(said(), "421 4.4.2 timed out, idle too long\r\n");
  EXPECT_THAT(events(), ElementsAre(StartsWith("gone: 421 4.4.2")));
  EXPECT_EQ(session_->deadline(), std::nullopt);
}

TEST_F(ServerSessionTest, HalfACommandDoesNotExtendTheDeadline) {
  const auto due = session_->deadline();
  for (int i = 0; i < 10; ++i) {
    now_ += 30s;
    feed("x");
    EXPECT_EQ(session_->deadline(), due);
  }
  session_->on_time(now_);
  EXPECT_TRUE(session_->is_finished());
}

TEST_F(ServerSessionTest, NoDeadlineRunsWhileAReplyIsOwed) {
  ehlo();
  feed("MAIL FROM:<s@c.test>\r\n");
  EXPECT_EQ(session_->deadline(), std::nullopt);
  session_->on_time(now_ + 24h);
  EXPECT_FALSE(session_->is_finished());
  now_ += 1h;
  reply(250);
  EXPECT_EQ(session_->deadline(), now_ + kCommandIdleTimeout);
}

TEST_F(ServerSessionTest, SilentClientIsCutInItsMailData) {
  open_data();
  EXPECT_EQ(session_->deadline(), now_ + kDataIdleTimeout);
  session_->on_time(now_ + kDataIdleTimeout);
  EXPECT_TRUE(session_->is_finished());
  EXPECT_EQ(said(), "421 4.4.2 timed out waiting for mail data\r\n");
}

TEST_F(ServerSessionTest, TricklingMailDataIsCut) {
  open_data();
  const auto began = now_;
  while (now_ - began < 1h && !session_->is_finished()) {
    now_ += 1s;
    feed("x");
    session_->on_time(now_);
  }
  // What each octet buys adds up to less than the time to the next one.
  EXPECT_GE(now_ - began, kDataIdleTimeout);
  EXPECT_LE(now_ - began, kDataIdleTimeout + 1s);
  EXPECT_EQ(said(), "421 4.4.2 timed out waiting for mail data\r\n");
}

TEST_F(ServerSessionTest, MuchMailDataAtFirstBuysNoTimeToTrickleLater) {
  open_data();
  for (int i = 0; i < 1000; ++i) feed(std::string(60000, 'x'));
  const auto began = now_;
  while (now_ - began < 1h && !session_->is_finished()) {
    now_ += 60s;
    feed("x");
    session_->on_time(now_);
  }
  EXPECT_EQ(now_ - began, kDataIdleTimeout + 60s);  // within a minute of when it was due
  EXPECT_EQ(said(), "421 4.4.2 timed out waiting for mail data\r\n");
}

TEST_F(ServerSessionTest, SlowButSteadyMailDataIsTaken) {
  open_data();
  const std::string second(kMinDataRate, 'x');
  for (int i = 0; i < 3600; ++i) {
    now_ += 1s;
    feed(second);
    session_->on_time(now_);
    ASSERT_FALSE(session_->is_finished()) << i;
  }
  // However much was sent before, silence is silence.
  EXPECT_EQ(session_->deadline(), now_ + kDataIdleTimeout);
}

TEST_F(ServerSessionTest, TimeInWhichTheClientWasNotReadIsNotItsOwn) {
  open_data();
  feed("x");
  now_ += 1h;
  session_->grant_time(now_);
  EXPECT_EQ(session_->deadline(), now_ + kDataIdleTimeout);
}

// --- AUTH ---

TEST_F(ServerSessionTest, AuthIsHandedOnAndItsDialogueToo) {
  open_with_auth();
  EXPECT_THAT(feed("AUTH login\r\n"), ElementsAre("auth LOGIN"));
  EXPECT_THAT(reply(334, "VXNlcm5hbWU6"), IsEmpty());
  EXPECT_EQ(session_->deadline(), now_ + kCommandIdleTimeout);
  EXPECT_THAT(feed("dXNlcg==\r\n"), ElementsAre("auth-response dXNlcg=="));
  reply(334);
  EXPECT_THAT(feed("\r\n"), ElementsAre("auth-response "));
  reply(235);
  said();
  EXPECT_TRUE(session_->is_authenticated());
  EXPECT_THAT(ask("AUTH PLAIN AGEAYg==\r\n"), StartsWith("503"));
}

TEST_F(ServerSessionTest, AuthTakesAnInitialResponse) {
  open_with_auth();
  EXPECT_THAT(feed("AUTH PLAIN  AGEAYg== \r\n"), ElementsAre("auth PLAIN AGEAYg=="));
  reply(535);
  EXPECT_FALSE(session_->is_authenticated());
  EXPECT_THAT(feed("AUTH PLAIN =\r\n"), ElementsAre("auth PLAIN ="));
}

TEST_F(ServerSessionTest, AuthIsRefusedWhereItMayNotStand) {
  ehlo();
  EXPECT_THAT(ask("AUTH PLAIN AGEAYg==\r\n"), StartsWith("502"));
  Extensions offered = plenty();
  offered.auth_mechanisms = {"PLAIN"};
  open({}, offered);
  EXPECT_THAT(ask("AUTH PLAIN AGEAYg==\r\n"), StartsWith("503"));
  ehlo();
  EXPECT_THAT(ask("AUTH\r\n"), StartsWith("501"));
  EXPECT_THAT(ask("AUTH GSSAPI\r\n"), StartsWith("504"));
  EXPECT_THAT(ask("AUTH PLAIN MAIL FROM:<a@b>\r\n"), StartsWith("501"));
  mail();
  EXPECT_THAT(ask("AUTH PLAIN AGEAYg==\r\n"), StartsWith("503"));
}

TEST_F(ServerSessionTest, CommandsBehindAuthAreResponsesOrWait) {
  open_with_auth();
  EXPECT_THAT(feed("AUTH PLAIN\r\nMAIL FROM:<s@c.test>\r\nNOOP\r\n"), ElementsAre("auth PLAIN"));
  // Not base64: never sent on as it stands. "*" makes the smarthost end the exchange.
  EXPECT_THAT(reply(334, ""), ElementsAre("auth-response * (501 5.5.2)"));
  reply(501);
  EXPECT_EQ(said(), "334 \r\n501 x\r\n250 2.0.0 OK\r\n");
}

TEST_F(ServerSessionTest, OverlongAuthResponseIsCancelled) {
  open_with_auth();
  feed("AUTH PLAIN\r\n");
  reply(334);
  EXPECT_THAT(feed(std::string(16384, 'A') + "\r\n"), ElementsAre("auth-response * (500 5.5.6)"));
}

TEST_F(ServerSessionTest, AuthThatIsCancelledIsNoFault) {
  open_with_auth();
  feed("AUTH PLAIN\r\n");
  reply(334);
  EXPECT_THAT(feed("*\r\n"), ElementsAre("auth-response *"));
}

TEST_F(ServerSessionTest, AuthBehindHeloIsTakenWhenTolerant) {
  Extensions offered = plenty();
  offered.auth_mechanisms = {"PLAIN"};
  open({}, offered);
  EXPECT_THAT(feed("HELO printer\r\n"), ElementsAre("helo printer"));
  said();
  EXPECT_THAT(feed("AUTH PLAIN AGEAYg==\r\n"), ElementsAre("auth PLAIN AGEAYg=="));
  ServerOptions strict;
  strict.syntax = Syntax::strict;
  open(strict, offered);
  EXPECT_THAT(feed("HELO printer\r\n"), ElementsAre("helo printer"));
  said();
  EXPECT_THAT(ask("AUTH PLAIN AGEAYg==\r\n"), StartsWith("503 5.5.1 EHLO first"));
}

TEST_F(ServerSessionTest, AuthLineMayBeLongerThanOthers) {
  open_with_auth();
  const std::string token(4096, 'A');
  EXPECT_THAT(feed("AUTH PLAIN " + token + "\r\n"), ElementsAre("auth PLAIN " + token));
}

TEST_F(ServerSessionTest, ClientThatLeavesInsideAuthIsGone) {
  open_with_auth();
  feed("AUTH PLAIN\r\n");
  reply(334);
  session_->receive_eof();
  EXPECT_THAT(events(), ElementsAre("gone: client closed the connection"));
}

// --- abuse ---

TEST_F(ServerSessionTest, TooManyErrorsEndTheSessionWithOneReplyACommand) {
  std::string commands;
  for (unsigned i = 0; i < kMaxErrors + 10; ++i) commands.append("XYZZY\r\n");
  EXPECT_THAT(feed(commands), ElementsAre("gone: client made too many errors"));
  std::string expected;
  for (unsigned i = 0; i < kMaxErrors; ++i) expected.append("500 5.5.2 command not recognised\r\n");
  EXPECT_EQ(said(), expected + "421 4.7.0 too many errors\r\n");
}

TEST_F(ServerSessionTest, TooManyErrorsAreAnsweredInTurn) {
  ehlo();
  for (unsigned i = 1; i < kMaxErrors; ++i) ask("XYZZY\r\n");
  feed("MAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\nXYZZY\r\nRCPT TO:<q@u.test>\r\n");
  EXPECT_EQ(said(), "");
  reply(250, "mail");
  EXPECT_THAT(reply(250, "rcpt"), ElementsAre("gone: client made too many errors"));
  EXPECT_EQ(said(),
            "250 mail\r\n250 rcpt\r\n500 5.5.2 command not recognised\r\n"
            "421 4.7.0 too many errors\r\n");
}

TEST_F(ServerSessionTest, JunkWithoutMailIsLimited) {
  for (const std::string command :
       {"NOOP\r\n", "RSET\r\n", "VRFY x\r\n", "HELP\r\n", "EHLO c.test\r\n"}) {
    SCOPED_TRACE(command);
    open({}, plenty());
    for (unsigned i = 0; i < kMaxJunkCommands + kMaxErrors; ++i) {
      ASSERT_FALSE(session_->is_finished()) << i;
      feed(command);
      EXPECT_THAT(said(), StartsWith("2"));
    }
    feed(command);
    EXPECT_TRUE(session_->is_finished());
    EXPECT_EQ(said(), "421 4.7.0 too many errors\r\n");
  }
}

TEST_F(ServerSessionTest, PasswordsCannotBeTriedForEver) {
  open_with_auth();
  for (unsigned i = 0; i < kMaxErrors; ++i) {
    ASSERT_THAT(feed("AUTH PLAIN AGEAYg==\r\n"), ElementsAre("auth PLAIN AGEAYg==")) << i;
    reply(535);
  }
  said();
  EXPECT_THAT(feed("AUTH PLAIN AGEAYg==\r\n"), ElementsAre("gone: client made too many errors"));
  EXPECT_EQ(said(), "421 4.7.0 too many errors\r\n");
}

TEST_F(ServerSessionTest, MailMakesJunkForgotten) {
  for (unsigned round = 0; round < 5; ++round) {
    for (unsigned i = 0; i + 1 < kMaxJunkCommands; ++i) ask("NOOP\r\n");
    mail();
    rcpt();
    data();
    feed("x\r\n.\r\n");
    reply(250);
    said();
  }
  EXPECT_FALSE(session_->is_finished());
}

// --- TLS (more of it in tests/transcripts/server/starttls*.smtp) ---

class ServerSessionTlsTest : public ServerSessionTest {
 protected:
  void SetUp() override {
    Extensions offered = plenty();
    offered.starttls = true;
    open({}, offered);
    ehlo();
  }

  void starttls() {
    EXPECT_THAT(feed("STARTTLS\r\n"), ElementsAre("starttls"));
    reply(220);
    EXPECT_EQ(said(), "220 x\r\n");
    ASSERT_TRUE(session_->is_tls_due());
  }
};

TEST_F(ServerSessionTlsTest, ItsTimeDoesNotRunInTheHandshake) {
  starttls();
  EXPECT_EQ(session_->deadline(), std::nullopt);
  now_ += 1h;
  session_->on_time(now_);
  EXPECT_FALSE(session_->is_finished());
  session_->tls_established(plenty(), now_);
  EXPECT_EQ(session_->deadline(), now_ + kCommandIdleTimeout);
  EXPECT_TRUE(session_->is_tls_up());
  EXPECT_FALSE(session_->is_tls_due());
}

TEST_F(ServerSessionTlsTest, AcceptsInputInTheHandshake) {
  starttls();
  EXPECT_TRUE(session_->wants_input());
}

TEST_F(ServerSessionTlsTest, ForgetsTheClientsName) {
  EXPECT_EQ(session_->client_name(), "c.test");
  starttls();
  session_->tls_established(plenty(), now_);
  EXPECT_EQ(session_->client_name(), "");
  EXPECT_FALSE(session_->is_extended());
}

TEST_F(ServerSessionTlsTest, DoesNotBeginForAClientThatLeft) {
  session_->receive("STARTTLS\r\n", now_);
  session_->receive_eof();
  EXPECT_THAT(events(), ElementsAre("starttls"));
  EXPECT_THAT(reply(220), ElementsAre("gone: client closed the connection"));
  EXPECT_EQ(said(), "");
}

TEST_F(ServerSessionTlsTest, SaysNothingOnceItIsCut) {
  starttls();
  session_->cut("handshake failed");
  session_->tls_established(plenty(), now_);
  session_->refuse(Reply::make(421, "4.3.2", "shutting down"));
  EXPECT_THAT(events(), ElementsAre("gone: handshake failed"));
  EXPECT_EQ(said(), "");
  EXPECT_FALSE(session_->is_tls_up());
}

TEST_F(ServerSessionTlsTest, CountsRefusedAttemptsAsErrors) {
  for (unsigned i = 0; i < kMaxErrors; ++i) {
    EXPECT_EQ(ask("STARTTLS now\r\n"), "501 5.5.4 STARTTLS takes no parameter\r\n");
  }
  EXPECT_THAT(feed("STARTTLS\r\n"), ElementsAre(StartsWith("gone: ")));
  EXPECT_THAT(said(), StartsWith("421 "));
}

}  // namespace
}  // namespace smtp
