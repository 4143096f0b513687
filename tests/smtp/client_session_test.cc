// smtp/client_session: a strict client, from the greeting to the final reply.
#include "smtp/client_session.h"

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
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using namespace std::chrono_literals;

constexpr std::string_view kPlentyEhlo = "250-u.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n";

class ClientSessionTest : public ::testing::Test {
 protected:
  void SetUp() override { open(StartTls::required); }

  void open(StartTls starttls) {
    ClientOptions options;
    options.ehlo_name = "seal.test";
    options.starttls = starttls;
    session_.emplace(std::move(options), now_);
  }

  // A session ready for commands; what was said on the way is forgotten.
  void open_ready(std::string_view ehlo = kPlentyEhlo) {
    open(StartTls::never);
    feed("220 u.test\r\n");
    EXPECT_THAT(feed(ehlo), ElementsAre("ready"));
    said();
  }

  std::vector<std::string> events() {
    std::vector<std::string> all;
    for (int i = 0; i < kMost; ++i) {
      const ClientEvent event = session_->next_event();
      if (std::holds_alternative<NeedMore>(event)) return all;
      all.push_back(describe(event));
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

  void send(Sent what, std::string_view line) { session_->send(what, line, now_); }

  void send_envelope() {
    send(Sent::mail, "MAIL FROM:<s@c>");
    send(Sent::rcpt, "RCPT TO:<r@u>");
  }

  // Up to where mail data flows.
  void open_data() {
    send_envelope();
    feed("250 mail\r\n250 rcpt\r\n");
    send(Sent::data, "DATA");
    EXPECT_THAT(feed("354 go\r\n"), ElementsAre("DATA: 354 go"));
    said();
  }

  static constexpr int kMost = 10000;
  base::Instant now_{1h};
  std::optional<ClientSession> session_;
};

// --- to where mail may be sent ---

TEST_F(ClientSessionTest, WalksFromGreetingOverTlsToReady) {
  EXPECT_EQ(said(), "");
  EXPECT_THAT(feed("220-one\r\n220-two\r\n220 three\r\n"), IsEmpty());
  EXPECT_EQ(said(), "EHLO seal.test\r\n");
  EXPECT_THAT(feed("250-u.test\r\n250-DSN\r\n250-SIZE 1000\r\n250 starttls \r\n"), IsEmpty());
  EXPECT_EQ(said(), "STARTTLS\r\n");
  EXPECT_THAT(feed("220-wait\r\n220 go\r\n"), ElementsAre("tls-wanted"));
  EXPECT_FALSE(session_->is_ready());
  session_->tls_established(now_);
  EXPECT_EQ(said(), "EHLO seal.test\r\n");
  EXPECT_THAT(feed("250-u.test\r\n250 8BITMIME\r\n"), ElementsAre("ready"));
  EXPECT_TRUE(session_->is_ready());
  // What was learnt before TLS is forgotten (RFC 3207 4.2).
  EXPECT_TRUE(session_->extensions().eight_bit_mime);
  EXPECT_FALSE(session_->extensions().dsn);
  EXPECT_FALSE(session_->extensions().size);
  EXPECT_EQ(session_->greeting().lines.size(), 3U);
  EXPECT_EQ(session_->ehlo_reply().lines.size(), 2U);
}

TEST_F(ClientSessionTest, TlsIsNotEstablishedBeforeItIsWanted) {
  session_->tls_established(now_);
  EXPECT_EQ(said(), "");
}

TEST_F(ClientSessionTest, BytesWhileTlsIsWantedAreNotTaken) {
  feed("220 u\r\n");
  feed("250-u\r\n250 STARTTLS\r\n");
  feed("220 go\r\n");
  EXPECT_THAT(feed("250 injected\r\n"), IsEmpty());
  session_->tls_established(now_);
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_FALSE(session_->is_ready());
}

TEST_F(ClientSessionTest, PlaintextBehindTheReplyToStarttlsIsAnAttack) {  // CVE-2021-38371
  for (const std::string_view injected :
       {"250 ok\r\n", "250-SMTPUTF8 INJECTED ", "X", "\r\n", "\n"}) {
    SCOPED_TRACE(std::string(injected));
    open(StartTls::required);
    feed("220 u\r\n");
    feed("250-u\r\n250 STARTTLS\r\n");
    said();
    EXPECT_THAT(feed("220 go\r\n" + std::string(injected)),
                ElementsAre(StartsWith("failed: tls: data in plaintext")));
    EXPECT_EQ(said(), "");
  }
}

TEST_F(ClientSessionTest, RequiredTlsIsNeverDoneWithout) {
  struct Case {
    std::string_view ehlo;
    std::string_view starttls;
  };
  for (const auto& [ehlo, starttls] :
       {Case{"250-u\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n", ""},
        Case{"250-u\r\n250-XSTARTTLSX\r\n250 AUTH STARTTLS\r\n", ""},
        Case{"250 u STARTTLS\r\n", ""}, Case{"250-u\r\n250 HELP STARTTLS\r\n", ""},
        Case{"500 what\r\n", ""}, Case{"502 what\r\n", ""}, Case{"550 no\r\n", ""},
        Case{"421 busy\r\n", ""}, Case{"450 busy\r\n", ""}, Case{"220 u\r\n", ""},
        Case{"354 u\r\n", ""}, Case{"250-u\r\n250 STARTTLS\r\n", "454 not now\r\n"},
        Case{"250-u\r\n250 STARTTLS\r\n", "502 no\r\n"},
        Case{"250-u\r\n250 STARTTLS\r\n", "554 no\r\n"},
        Case{"250-u\r\n250 STARTTLS\r\n", "354 hm\r\n"},
        Case{"250-u\r\n250 STARTTLS\r\n", "250 ok\r\n"},
        Case{"250-u\r\n250 STARTTLS\r\n", "221 bye\r\n"},
        Case{"250-u\r\n250 STARTTLS\r\n", "421 bye\r\n"}}) {
    SCOPED_TRACE(std::string(ehlo) + std::string(starttls));
    open(StartTls::required);
    feed("220 u STARTTLS\r\n");
    std::vector<std::string> all = feed(ehlo);
    if (!starttls.empty()) all = feed(starttls);
    EXPECT_THAT(all, ElementsAre(StartsWith("failed: ")));
    EXPECT_THAT(said(), ::testing::AnyOf("EHLO seal.test\r\n", "EHLO seal.test\r\nSTARTTLS\r\n"));
    EXPECT_THAT(feed("250 ok\r\n"), IsEmpty());
    send(Sent::mail, "MAIL FROM:<s@c>");
    EXPECT_EQ(said(), "");
  }
}

TEST_F(ClientSessionTest, TlsThatIsOnlyWishedForIsDoneWithout) {
  for (const std::string_view ehlo : {"250 u\r\n", "250-u\r\n250 8BITMIME\r\n"}) {
    open(StartTls::if_offered);
    feed("220 u\r\n");
    EXPECT_THAT(feed(ehlo), ElementsAre("ready"));
  }
  open(StartTls::if_offered);
  feed("220 u\r\n");
  feed("250-u\r\n250 STARTTLS\r\n");
  EXPECT_THAT(feed("454 not now\r\n"), ElementsAre("ready"));
  open(StartTls::if_offered);
  feed("220 u\r\n");
  feed("250-u\r\n250 STARTTLS\r\n");
  EXPECT_THAT(feed("421 bye\r\n"), ElementsAre(StartsWith("failed: tls-unavailable")));
}

TEST_F(ClientSessionTest, HeloFollowsARefusedEhloWhereTlsIsNotWanted) {
  open(StartTls::if_offered);
  feed("220 u\r\n");
  said();
  EXPECT_THAT(feed("502 what\r\n"), IsEmpty());
  EXPECT_EQ(said(), "HELO seal.test\r\n");
  EXPECT_THAT(feed("250 u\r\n"), ElementsAre("ready"));
  EXPECT_EQ(session_->extensions(), Extensions{});
  open(StartTls::if_offered);
  feed("220 u\r\n");
  feed("502 what\r\n");
  EXPECT_THAT(feed("502 what\r\n"), ElementsAre(StartsWith("failed: peer-unable")));
}

TEST_F(ClientSessionTest, HeloFollowsARefusedEhloInsideTls) {
  feed("220 u\r\n");
  feed("250-u\r\n250-SIZE 10\r\n250 STARTTLS\r\n");
  feed("220 go\r\n");
  session_->tls_established(now_);
  said();
  feed("500 what\r\n");
  EXPECT_EQ(said(), "HELO seal.test\r\n");
  EXPECT_THAT(feed("250 u\r\n"), ElementsAre("ready"));
  EXPECT_EQ(session_->extensions(), Extensions{});
}

TEST_F(ClientSessionTest, OnlyA220GreetsAndAllElseIsTheSmarthostsTrouble) {
  for (const int code : {221, 250, 354, 421, 450, 500, 530, 554}) {
    SCOPED_TRACE(code);
    open(StartTls::required);
    const std::string number = std::to_string(code);
    EXPECT_THAT(feed(number + "-x\r\n" + number + " y\r\n"),
                ElementsAre(::testing::AnyOf(StartsWith("failed: peer-unable"),
                                             StartsWith("failed: peer-protocol"))));
    EXPECT_EQ(said(), "");
  }
}

TEST_F(ClientSessionTest, WordsBeforeTlsAreNotRepeated) {
  const std::vector<std::string> all = feed("554 call 555-1234 to fix this\r\n");
  EXPECT_THAT(all, ElementsAre(Not(HasSubstr("555-1234"))));
}

TEST_F(ClientSessionTest, ReplyBeforeItsCommandIsNoReply) {
  EXPECT_THAT(feed("220 u\r\n250 u\r\n"),
              ElementsAre(StartsWith("failed: peer-protocol: smarthost sent data that nothing")));
  EXPECT_EQ(said(), "");
  open(StartTls::required);
  feed("220 u\r\n");
  EXPECT_THAT(feed("250-u\r\n250 STARTTLS\r\n220 go\r\n"),
              ElementsAre(StartsWith("failed: peer-protocol")));
}

TEST_F(ClientSessionTest, LfAloneEndsRepliesInsideTlsOnly) {
  EXPECT_THAT(feed("220 u\n"), ElementsAre(StartsWith("failed: peer-protocol")));
  open(StartTls::never);
  EXPECT_THAT(feed("220 u\n"), IsEmpty());
  EXPECT_THAT(feed("250 u\n"), ElementsAre("ready"));
  open(StartTls::required);
  feed("220 u\r\n");
  feed("250-u\r\n250 STARTTLS\r\n");
  feed("220 go\r\n");
  session_->tls_established(now_);
  EXPECT_THAT(feed("250 u\n"), ElementsAre("ready"));
}

TEST_F(ClientSessionTest, ByteByByteIsTheSame) {
  std::vector<std::string> all;
  const auto drip = [&](std::string_view bytes) {
    for (const char c : bytes) {
      for (std::string& event : feed(std::string_view(&c, 1))) all.push_back(std::move(event));
    }
  };
  drip("220 u\r\n");
  drip("250-u\r\n250 STARTTLS\r\n");
  drip("220-wait\r\n220 go\r\n");
  EXPECT_THAT(all, ElementsAre("tls-wanted"));
}

// --- commands ---

TEST_F(ClientSessionTest, PipelinesWhereItIsOffered) {
  open_ready();
  send(Sent::rset, "RSET");
  send_envelope();
  send(Sent::rcpt, "RCPT TO:<q@u>");
  EXPECT_EQ(said(), "RSET\r\nMAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\nRCPT TO:<q@u>\r\n");
  EXPECT_THAT(feed("250 reset\r\n250 mail\r\n550 no\r\n250 yes\r\n"),
              ElementsAre("RSET: 250 reset", "MAIL: 250 mail", "RCPT: 550 no", "RCPT: 250 yes"));
}

TEST_F(ClientSessionTest, SendsOneCommandAtATimeWhereItIsNot) {
  open_ready("250 u\r\n");
  send(Sent::rset, "RSET");
  send_envelope();
  EXPECT_EQ(said(), "RSET\r\n");
  EXPECT_THAT(feed("250 reset\r\n"), ElementsAre("RSET: 250 reset"));
  EXPECT_EQ(said(), "MAIL FROM:<s@c>\r\n");
  EXPECT_THAT(feed("250 mail\r\n"), ElementsAre("MAIL: 250 mail"));
  EXPECT_EQ(said(), "RCPT TO:<r@u>\r\n");
  EXPECT_FALSE(session_->reuse().is_clean);
  EXPECT_THAT(feed("250 rcpt\r\n"), ElementsAre("RCPT: 250 rcpt"));
  EXPECT_TRUE(session_->reuse().is_clean);
}

TEST_F(ClientSessionTest, NothingIsPipelinedBehindDataOrAuth) {
  open_ready();
  send_envelope();
  send(Sent::data, "DATA");
  send(Sent::rset, "RSET");
  EXPECT_EQ(said(), "MAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\nDATA\r\n");
  feed("250 a\r\n250 b\r\n554 no\r\n");
  EXPECT_EQ(said(), "RSET\r\n");
  open_ready();
  send(Sent::auth, "AUTH PLAIN");
  send(Sent::mail, "MAIL FROM:<s@c>");
  EXPECT_EQ(said(), "AUTH PLAIN\r\n");
  feed("535 no\r\n");
  EXPECT_EQ(said(), "MAIL FROM:<s@c>\r\n");
}

TEST_F(ClientSessionTest, CommandsBeforeReadyAreNotSent) {
  send(Sent::mail, "MAIL FROM:<s@c>");
  session_->send_data("x", now_);
  session_->end_data(now_);
  EXPECT_EQ(said(), "");
}

TEST_F(ClientSessionTest, CodesThatCannotAnswerPoison) {
  struct Case {
    Sent sent;
    std::string_view line;
    std::string_view reply;
  };
  for (const auto& [sent, line, reply] :
       {Case{Sent::mail, "MAIL FROM:<s@c>", "221 x\r\n"}, Case{Sent::mail, "MAIL", "354 x\r\n"},
        Case{Sent::mail, "MAIL", "251 x\r\n"}, Case{Sent::rcpt, "RCPT", "220 x\r\n"},
        Case{Sent::rcpt, "RCPT", "354 x\r\n"}, Case{Sent::data, "DATA", "250 x\r\n"},
        Case{Sent::data, "DATA", "334 x\r\n"}, Case{Sent::auth, "AUTH PLAIN", "250 x\r\n"},
        Case{Sent::auth, "AUTH PLAIN", "220 x\r\n"}, Case{Sent::rset, "RSET", "220 x\r\n"},
        Case{Sent::mail, "MAIL", "25 x\r\n"}, Case{Sent::mail, "MAIL", "2500 x\r\n"},
        Case{Sent::mail, "MAIL", "\r\n"}, Case{Sent::mail, "MAIL", "hello\r\n"},
        Case{Sent::mail, "MAIL", "250-a\r\n550 b\r\n"},
        Case{Sent::mail, "MAIL", "550-a\r\n250 b\r\n"}}) {
    SCOPED_TRACE(std::string(line) + " " + std::string(reply));
    open_ready();
    send(sent, line);
    EXPECT_THAT(feed(reply), ElementsAre(StartsWith("failed: peer-protocol: smarthost broke")));
    EXPECT_FALSE(session_->reuse().is_clean);
    EXPECT_THAT(feed("250 ok\r\n"), IsEmpty());
  }
}

TEST_F(ClientSessionTest, CodesThatCanAnswerAreToldAsTheyAre) {
  for (const std::string_view code : {"250", "251", "252", "421", "450", "550", "551", "553"}) {
    open_ready();
    send(Sent::rcpt, "RCPT TO:<r@u>");
    EXPECT_THAT(feed(std::string(code) + " x\r\n"),
                ElementsAre("RCPT: " + std::string(code) + " x"));
  }
  open_ready();
  send(Sent::rcpt, "RCPT TO:<r@u>");
  EXPECT_THAT(feed("553\r\n"), ElementsAre(StartsWith("RCPT: 553")));
}

TEST_F(ClientSessionTest, ReplyThatNothingAskedForPoisons) {
  open_ready();
  EXPECT_THAT(feed("250 hello\r\n"),
              ElementsAre("failed: peer-protocol: smarthost sent a reply that nothing asked for"));
  open_ready();
  EXPECT_THAT(feed("421 idle\r\n"), ElementsAre(StartsWith("failed: connection: ")));
}

TEST_F(ClientSessionTest, HalfAReplyBeforeItsCommandPoisons) {
  open_ready();
  EXPECT_THAT(feed("25"), IsEmpty());
  EXPECT_FALSE(session_->reuse().is_clean);
  EXPECT_EQ(session_->reuse().why_not, "bytes nothing asked for");
  send(Sent::mail, "MAIL FROM:<s@c>");
  EXPECT_EQ(said(), "");
  EXPECT_THAT(events(), ElementsAre(StartsWith("failed: peer-protocol")));
}

TEST_F(ClientSessionTest, SurplusReplyAnswersNoCommandThatWaits) {
  open_ready("250 u\r\n");
  send_envelope();
  said();
  EXPECT_THAT(feed("250 mail\r\n250 surplus\r\n"),
              ElementsAre("MAIL: 250 mail", StartsWith("failed: peer-protocol")));
  EXPECT_EQ(said(), "");
  open_ready("250 u\r\n");
  send_envelope();
  EXPECT_THAT(feed("250 mail\r\n25"),
              ElementsAre("MAIL: 250 mail", StartsWith("failed: peer-protocol")));
}

TEST_F(ClientSessionTest, ReplyBehindThe354AnswersNoMailData) {
  for (const std::string_view surplus : {"250 queued\r\n", "250 que", "\r\n"}) {
    SCOPED_TRACE(std::string(surplus));
    open_ready();
    send_envelope();
    feed("250 mail\r\n250 rcpt\r\n");
    send(Sent::data, "DATA");
    session_->send_data("a\r\n", now_);
    session_->end_data(now_);
    said();
    EXPECT_THAT(feed("354 go\r\n" + std::string(surplus)),
                ElementsAre(StartsWith("failed: peer-protocol")));
    EXPECT_EQ(said(), "");
  }
}

TEST_F(ClientSessionTest, ReplyThatBeganBeforeTheEndOfDataAnswersNone) {
  open_ready();
  open_data();
  session_->send_data("a\r\n", now_);
  EXPECT_THAT(feed("250 que"), IsEmpty());
  said();
  session_->end_data(now_);
  EXPECT_EQ(said(), "");
  EXPECT_THAT(feed("ued\r\n"), ElementsAre(StartsWith("failed: peer-protocol")));
}

TEST_F(ClientSessionTest, RefusedResetMakesTheConnectionUseless) {
  for (const std::string_view reply : {"421 bye\r\n", "500 what\r\n", "451 later\r\n"}) {
    open_ready();
    send(Sent::rset, "RSET");
    EXPECT_THAT(feed(reply), ElementsAre(StartsWith("failed: connection: smarthost is of no use")));
  }
}

TEST_F(ClientSessionTest, QuitIsAnsweredInSilence) {
  open_ready();
  send(Sent::quit, "QUIT");
  EXPECT_EQ(said(), "QUIT\r\n");
  EXPECT_THAT(feed("221 bye\r\n"), IsEmpty());
}

TEST_F(ClientSessionTest, LossIsToldWithWhatWasDue) {
  open(StartTls::required);
  session_->receive_eof();
  EXPECT_THAT(events(), ElementsAre("failed: connection: smarthost closed the connection while the "
                                    "reply to greeting was due"));
  open_ready();
  session_->receive_eof();
  EXPECT_FALSE(session_->reuse().is_clean);
  EXPECT_THAT(events(), ElementsAre("failed: connection: smarthost closed the connection"));
  open_ready();
  send_envelope();
  session_->receive("250 mail\r\n250", now_);
  session_->receive_eof();
  EXPECT_THAT(events(), ElementsAre("MAIL: 250 mail",
                                    "failed: connection: smarthost closed the connection while the "
                                    "reply to RCPT was due"));
  open_ready();
  open_data();
  session_->receive_eof();
  EXPECT_THAT(events(), ElementsAre(HasSubstr("inside the mail data")));
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(ClientSessionTest, EveryCommandHasAName) {
  for (const Sent sent :
       {Sent::greeting, Sent::ehlo, Sent::helo, Sent::starttls, Sent::rset, Sent::mail, Sent::rcpt,
        Sent::data, Sent::end_of_data, Sent::auth, Sent::quit}) {
    EXPECT_FALSE(to_string(sent).empty());
  }
}

// --- mail data ---

TEST_F(ClientSessionTest, MailDataIsStuffedAndEnded) {
  open_ready();
  open_data();
  session_->send_data(".a\r\n..b\r\nc", now_);
  session_->end_data(now_);
  EXPECT_EQ(said(), "..a\r\n...b\r\nc\r\n.\r\n");
  EXPECT_FALSE(session_->reuse().is_clean);
  EXPECT_TRUE(session_->is_in_transaction());
  EXPECT_THAT(feed("250 queued\r\n"), ElementsAre("end of data: 250 queued"));
  EXPECT_TRUE(session_->reuse().is_clean);
  EXPECT_FALSE(session_->is_in_transaction());
}

TEST_F(ClientSessionTest, MailDataIsHeldUntilItIsAskedFor) {
  open_ready();
  send_envelope();
  feed("250 mail\r\n250 rcpt\r\n");
  send(Sent::data, "DATA");
  said();
  session_->send_data("a\r\n", now_);
  session_->end_data(now_);
  session_->send_data("never\r\n", now_);
  EXPECT_EQ(session_->held_data(), 6U);
  EXPECT_EQ(said(), "");
  EXPECT_THAT(feed("354 go\r\n"), ElementsAre("DATA: 354 go"));
  EXPECT_EQ(session_->held_data(), 0U);
  EXPECT_EQ(said(), "a\r\n.\r\n");
  EXPECT_THAT(feed("250 queued\r\n"), ElementsAre("end of data: 250 queued"));
}

TEST_F(ClientSessionTest, HeldMailDataIsDroppedWhenDataIsRefused) {
  open_ready();
  send_envelope();
  feed("250 mail\r\n250 rcpt\r\n");
  send(Sent::data, "DATA");
  session_->send_data("a\r\n", now_);
  session_->end_data(now_);
  said();
  EXPECT_THAT(feed("554 no\r\n"), ElementsAre("DATA: 554 no"));
  EXPECT_EQ(said(), "");
  EXPECT_EQ(session_->held_data(), 0U);
  // The smarthost still knows of MAIL and RCPT.
  EXPECT_TRUE(session_->is_in_transaction());
  EXPECT_TRUE(session_->reuse().is_clean);
  session_->send_data("b\r\n", now_);
  session_->end_data(now_);
  EXPECT_EQ(said(), "");
}

TEST_F(ClientSessionTest, RefusalBeforeTheEndIsAVerdict) {
  open_ready();
  open_data();
  session_->send_data("a\r\n", now_);
  EXPECT_THAT(feed("552 5.3.4 too big\r\n"), ElementsAre("end of data: 552 5.3.4 too big"));
  said();
  session_->send_data("b\r\n", now_);
  session_->end_data(now_);
  EXPECT_EQ(said(), "");
  EXPECT_FALSE(session_->reuse().is_clean);
  EXPECT_EQ(session_->reuse().why_not, "mail data was not ended");
}

TEST_F(ClientSessionTest, SuccessBeforeTheEndIsNone) {
  for (const std::string_view reply : {"250 queued\r\n", "354 go on\r\n", "221 bye\r\n"}) {
    open_ready();
    open_data();
    session_->send_data("a\r\n", now_);
    EXPECT_THAT(feed(reply), ElementsAre(StartsWith("failed: peer-protocol")));
  }
}

TEST_F(ClientSessionTest, OnlyA250EndsMailDataWell) {
  for (const std::string_view reply :
       {"220 x\r\n", "221 x\r\n", "235 x\r\n", "354 x\r\n", "hello\r\n250 ok\r\n"}) {
    SCOPED_TRACE(std::string(reply));
    open_ready();
    open_data();
    session_->end_data(now_);
    EXPECT_THAT(feed(reply), ElementsAre(StartsWith("failed: peer-protocol")));
  }
}

TEST_F(ClientSessionTest, SecondMailBeginsAtALineStart) {
  open_ready();
  open_data();
  session_->send_data("no line end", now_);
  session_->end_data(now_);
  feed("250 ok\r\n");
  said();
  open_data();
  session_->send_data(".x\r\n", now_);
  session_->end_data(now_);
  EXPECT_EQ(said(), "..x\r\n.\r\n");
}

// --- reuse ---

TEST_F(ClientSessionTest, IsCleanOnlyWhenNothingIsOpen) {
  EXPECT_EQ(session_->reuse().why_not, "session is not ready");
  open_ready();
  EXPECT_TRUE(session_->reuse().is_clean);
  send_envelope();
  EXPECT_EQ(session_->reuse().why_not, "a reply is owed");
  feed("250 a\r\n250 b\r\n");
  EXPECT_TRUE(session_->reuse().is_clean);
  EXPECT_TRUE(session_->is_in_transaction());
  send(Sent::data, "DATA");
  EXPECT_FALSE(session_->reuse().is_clean);
  feed("354 go\r\n");
  EXPECT_EQ(session_->reuse().why_not, "mail data was not ended");
  session_->end_data(now_);
  feed("250 ok\r\n");
  EXPECT_TRUE(session_->reuse().is_clean);
}

TEST_F(ClientSessionTest, A421ForbidsReuse) {
  open_ready();
  send_envelope();
  feed("421 bye\r\n503 x\r\n");
  EXPECT_EQ(session_->reuse().why_not, "smarthost said 421");
}

TEST_F(ClientSessionTest, ResetIsOwedUntilItIsAnswered) {
  open_ready();
  EXPECT_FALSE(session_->is_in_transaction());
  send(Sent::mail, "MAIL FROM:<s@c>");
  EXPECT_TRUE(session_->is_in_transaction());
  feed("550 no\r\n");
  EXPECT_TRUE(session_->is_in_transaction());
  send(Sent::rset, "RSET");
  EXPECT_TRUE(session_->is_in_transaction());
  feed("250 ok\r\n");
  EXPECT_FALSE(session_->is_in_transaction());
}

TEST_F(ClientSessionTest, ResetInOneWriteWithTheNextMailDoesNotCloseThatOne) {
  open_ready();
  send_envelope();
  feed("250 mail\r\n250 rcpt\r\n");
  send(Sent::rset, "RSET");
  send_envelope();
  feed("250 reset\r\n");
  EXPECT_TRUE(session_->is_in_transaction());
  feed("250 mail\r\n250 rcpt\r\n");
  EXPECT_TRUE(session_->is_in_transaction());
  EXPECT_TRUE(session_->reuse().is_clean);
}

// --- time ---

TEST_F(ClientSessionTest, GreetingHasADeadline) {
  ASSERT_EQ(session_->deadline(), now_ + 5min);
  session_->on_time(now_ + 5min - 1ms);
  EXPECT_THAT(events(), IsEmpty());
  session_->on_time(now_ + 5min);
  EXPECT_THAT(events(),
              ElementsAre("failed: connection: smarthost sent no greeting within 300 s; a "
                          "port that wants TLS first needs mode = implicit"));
  EXPECT_EQ(session_->deadline(), std::nullopt);
  open(StartTls::never);
  session_->on_time(now_ + 5min);
  EXPECT_THAT(events(), ElementsAre("failed: connection: smarthost sent no greeting within 300 s"));
}

TEST_F(ClientSessionTest, TricklingRepliesDoNotExtendTheDeadline) {
  open_ready();
  send(Sent::mail, "MAIL FROM:<s@c>");
  const auto due = session_->deadline();
  for (const char c : std::string("250-a\r\n250-b\r\n250-c")) {
    now_ += 10s;
    feed(std::string_view(&c, 1));
    EXPECT_EQ(session_->deadline(), due);
  }
  session_->on_time(*due);
  EXPECT_THAT(events(),
              ElementsAre("failed: connection: smarthost did not answer MAIL within 300 s"));
}

TEST_F(ClientSessionTest, EveryReplyHasItsOwnDeadline) {
  open_ready();
  EXPECT_EQ(session_->deadline(), std::nullopt);
  send(Sent::rset, "RSET");
  send_envelope();
  EXPECT_EQ(session_->deadline(), now_ + kResetProbeTimeout);
  now_ += 4s;
  feed("250 reset\r\n");
  EXPECT_EQ(session_->deadline(), now_ + 5min);
  now_ += 4min;
  feed("250 mail\r\n");
  EXPECT_EQ(session_->deadline(), now_ + 5min);
  feed("250 rcpt\r\n");
  EXPECT_EQ(session_->deadline(), std::nullopt);
  now_ += 1min;
  send(Sent::data, "DATA");
  EXPECT_EQ(session_->deadline(), now_ + kDataInitiationTimeout);
  now_ += 1min;
  feed("354 go\r\n");
  EXPECT_EQ(session_->deadline(), std::nullopt);
  now_ += 1min;
  session_->end_data(now_);
  EXPECT_EQ(session_->deadline(), now_ + 10min);
}

TEST_F(ClientSessionTest, FinalReplyIsAwaitedFromWhenHeldDataWentOut) {
  open_ready();
  send_envelope();
  feed("250 mail\r\n250 rcpt\r\n");
  send(Sent::data, "DATA");
  session_->end_data(now_);
  now_ += 1min;
  feed("354 go\r\n");
  EXPECT_EQ(session_->deadline(), now_ + 10min);
}

}  // namespace
}  // namespace smtp
