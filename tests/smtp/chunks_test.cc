// BDAT (RFC 3030) in both roles: mail data in chunks toward the smarthost and from the client.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "smtp/client_session.h"
#include "smtp/mail_data.h"
#include "smtp/server_session.h"
#include "support/describe_session.h"

namespace smtp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using namespace std::chrono_literals;

constexpr int kMost = 1000;

template <typename Session>
std::vector<std::string> events_of(Session& session) {
  std::vector<std::string> all;
  for (int i = 0; i < kMost; ++i) {
    const auto event = session.next_event();
    if (std::holds_alternative<NeedMore>(event)) return all;
    all.push_back(describe(event));
  }
  ADD_FAILURE() << "events without end";
  return all;
}

template <typename Session>
std::string said_by(Session& session) {
  std::string output(session.output());
  session.consume_output(output.size());
  return output;
}

// --- toward the smarthost ---

class ClientChunksTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kChunk = 8;

  void SetUp() override { open("250-u\r\n250-PIPELINING\r\n250 CHUNKING\r\n"); }

  // Up to where the envelope was accepted.
  void open(std::string_view ehlo) {
    ClientOptions options;
    options.ehlo_name = "seal.test";
    options.starttls = StartTls::never;
    options.chunk_size = kChunk;
    session_.emplace(std::move(options), now_);
    feed("220 u\r\n");
    feed(ehlo);
    session_->send(Sent::mail, "MAIL FROM:<s@c>", now_);
    feed("250 ok\r\n");
    session_->send(Sent::rcpt, "RCPT TO:<r@u>", now_);
    feed("250 ok\r\n");
    said_by(*session_);
    session_->begin_chunks();
  }

  std::vector<std::string> feed(std::string_view bytes) {
    session_->receive(bytes, now_);
    return events_of(*session_);
  }
  std::string data(std::string_view bytes) {
    session_->send_data(bytes, now_);
    return said_by(*session_);
  }
  std::string end() {
    session_->end_data(now_);
    return said_by(*session_);
  }

  base::Instant now_{1h};
  std::optional<ClientSession> session_;
};

TEST_F(ClientChunksTest, SmallMailDataIsOneLastChunk) {
  EXPECT_EQ(data(".a\r\n"), "");
  EXPECT_EQ(data("b"), "");
  EXPECT_EQ(end(), "BDAT 5 LAST\r\n.a\r\nb");
  EXPECT_THAT(feed("250 queued\r\n"), ElementsAre("end of data: 250 queued"));
  EXPECT_TRUE(session_->reuse().is_clean);
  EXPECT_FALSE(session_->is_in_transaction());
}

TEST_F(ClientChunksTest, EmptyMailDataIsAnEmptyLastChunk) { EXPECT_EQ(end(), "BDAT 0 LAST\r\n"); }

TEST_F(ClientChunksTest, FullChunksGoOutWithoutWaitingForReplies) {
  EXPECT_EQ(data("12345678"), "BDAT 8\r\n12345678");
  EXPECT_EQ(data("123456789"), "BDAT 9\r\n123456789");
  EXPECT_EQ(data("x"), "");
  EXPECT_EQ(end(), "BDAT 1 LAST\r\nx");
  EXPECT_THAT(feed("250 a\r\n250 b\r\n"), IsEmpty());
  EXPECT_THAT(feed("250 c\r\n"), ElementsAre("end of data: 250 c"));
}

TEST_F(ClientChunksTest, WithoutPipeliningEachChunkWaitsForTheReplyBefore) {
  open("250-u\r\n250 CHUNKING\r\n");
  EXPECT_EQ(data("12345678"), "BDAT 8\r\n12345678");
  EXPECT_EQ(data("12345678"), "");
  EXPECT_EQ(session_->held_data(), 8U);
  EXPECT_EQ(end(), "");
  EXPECT_THAT(feed("250 a\r\n"), IsEmpty());
  EXPECT_EQ(said_by(*session_), "BDAT 8 LAST\r\n12345678");
}

TEST_F(ClientChunksTest, ChunksAheadAreBounded) {
  std::size_t sent = 0;
  while (!data("12345678").empty()) ++sent;
  EXPECT_EQ(sent, kMaxChunksAhead);
  EXPECT_THAT(feed("250 ok\r\n"), IsEmpty());
  EXPECT_EQ(said_by(*session_), "BDAT 8\r\n12345678");
}

TEST_F(ClientChunksTest, HalfAChunkIsNotHeldForLong) {
  EXPECT_EQ(session_->deadline(), std::nullopt);
  EXPECT_EQ(data("a"), "");
  ASSERT_EQ(session_->deadline(), now_ + kMaxChunkHold);
  now_ += 1s;
  EXPECT_EQ(data("b"), "");
  now_ += kMaxChunkHold - 1s;
  session_->on_time(now_);
  EXPECT_EQ(said_by(*session_), "BDAT 2\r\nab");
  EXPECT_EQ(session_->deadline(), now_ + 5min);
}

TEST_F(ClientChunksTest, RefusedChunkIsTheLastAndItsReplyTheVerdict) {
  data("12345678");
  data("12345678");
  EXPECT_THAT(feed("552 5.3.4 too big\r\n"), IsEmpty());
  EXPECT_EQ(data("12345678"), "");
  EXPECT_THAT(feed("503 discarded\r\n"), ElementsAre("end of data: 552 5.3.4 too big"));
  EXPECT_EQ(end(), "");
  EXPECT_TRUE(session_->reuse().is_clean);
  EXPECT_TRUE(session_->is_in_transaction()) << "RSET is owed";
}

TEST_F(ClientChunksTest, RefusalIsTheVerdictThoughTheLastChunkIsOut) {
  data("12345678");
  end();
  EXPECT_THAT(feed("451 4.3.0 disk\r\n"), IsEmpty());
  EXPECT_THAT(feed("503 discarded\r\n"), ElementsAre("end of data: 451 4.3.0 disk"));
  EXPECT_TRUE(session_->reuse().is_clean);
  EXPECT_TRUE(session_->is_in_transaction());
}

TEST_F(ClientChunksTest, AcceptingWhatWasRefusedInPartIsAFault) {
  data("12345678");
  end();
  feed("451 4.3.0 disk\r\n");
  EXPECT_THAT(feed("250 queued\r\n"),
              ElementsAre(HasSubstr("accepted mail data of which it had refused a part")));
}

TEST_F(ClientChunksTest, FarewellInsteadOfAChunksReplyIsToldAtOnce) {
  data("12345678");
  data("12345678");
  EXPECT_THAT(feed("421 4.3.2 bye\r\n"), ElementsAre("end of data: 421 4.3.2 bye"));
  EXPECT_FALSE(session_->reuse().is_clean);
}

TEST_F(ClientChunksTest, RefusedLastChunkOwesAReset) {
  data("a");
  end();
  EXPECT_THAT(feed("550 spam\r\n"), ElementsAre("end of data: 550 spam"));
  EXPECT_TRUE(session_->is_in_transaction());
}

TEST_F(ClientChunksTest, AbandonedMailDataLeavesTheSessionFitForReset) {
  data("12345678");
  data("1");
  EXPECT_EQ(session_->reuse().why_not, "mail data was not ended");
  session_->abandon_data();
  EXPECT_EQ(session_->reuse().why_not, "a reply is owed");
  EXPECT_THAT(feed("250 ok\r\n"), IsEmpty());
  EXPECT_TRUE(session_->reuse().is_clean);
  session_->send(Sent::rset, "RSET", now_);
  EXPECT_EQ(said_by(*session_), "RSET\r\n");
}

TEST_F(ClientChunksTest, ReplyThatNothingAskedForIsAFault) {
  EXPECT_THAT(feed("250 what\r\n"), ElementsAre(HasSubstr("nothing asked for")));
}

TEST_F(ClientChunksTest, ReplyBeforeItsChunkIsAFault) {
  session_->receive("250 what\r\n", now_);
  data("12345678");
  EXPECT_THAT(events_of(*session_), ElementsAre(HasSubstr("nothing asked for")));
}

TEST_F(ClientChunksTest, LossInsideMailDataIsTold) {
  data("12345678");
  session_->receive_eof();
  EXPECT_THAT(events_of(*session_), ElementsAre(HasSubstr("while the reply to BDAT was due")));
}

// --- from the client ---

class ServerChunksTest : public ::testing::Test {
 protected:
  void SetUp() override { open({}); }

  void open(ServerOptions options, std::string_view mail = "MAIL FROM:<s@c>") {
    Extensions offered;
    offered.pipelining = offered.eight_bit_mime = offered.size = true;
    offered.chunking = offered.binarymime = true;
    options.hostname = "seal.test";
    session_.emplace(std::move(options), now_);
    session_->greet(offered, now_);
    feed("EHLO c\r\n");
    session_->answer_hello(offered, now_);
    EXPECT_THAT(said_by(*session_), HasSubstr("250-CHUNKING\r\n"));
    feed(std::string(mail) + "\r\n");
    reply(250);
    feed("RCPT TO:<r@u>\r\n");
    reply(250);
    said_by(*session_);
  }

  std::vector<std::string> feed(std::string_view bytes) {
    session_->receive(bytes, now_);
    return events_of(*session_);
  }
  std::vector<std::string> reply(int code) {
    session_->reply(Reply::make(code, "", "x"), now_);
    return events_of(*session_);
  }

  base::Instant now_{1h};
  std::optional<ServerSession> session_;
};

TEST_F(ServerChunksTest, OneLastChunkIsAMail) {
  EXPECT_THAT(feed("BDAT 6 LAST\r\n.a\r\n.\r"), ElementsAre("data in chunks"));
  EXPECT_THAT(reply(354), ElementsAre("mail-data .a\r\n.\r\n", "end-of-data 6"));
  EXPECT_EQ(said_by(*session_), "");
  reply(250);
  EXPECT_EQ(said_by(*session_), "250 x\r\n");
  EXPECT_FALSE(session_->is_in_transaction());
}

TEST_F(ServerChunksTest, ChunksAreAnsweredOneByOne) {
  feed("BDAT 3\r\n");
  reply(354);
  EXPECT_THAT(feed("a\r\nBDAT 1 LAST\r\nb"), ElementsAre("mail-data a\r\n", "end-of-chunk 3"));
  EXPECT_THAT(reply(250), ElementsAre("mail-data b", "end-of-data 1"));
  EXPECT_EQ(said_by(*session_), "250 x\r\n");
}

TEST_F(ServerChunksTest, EmptyChunksAreChunks) {
  feed("BDAT 0\r\n");
  EXPECT_THAT(reply(354), ElementsAre("end-of-chunk 0"));
  reply(250);
  EXPECT_THAT(feed("bdat 0 last\r\n"), ElementsAre("end-of-data 0"));
}

TEST_F(ServerChunksTest, RefusedChunkEndsTheMailAndLaterOnesAreSwallowed) {
  feed("BDAT 2\r\nab");
  reply(354);
  reply(552);
  EXPECT_EQ(said_by(*session_), "552 x\r\n");
  EXPECT_THAT(feed("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"), IsEmpty());
  EXPECT_EQ(said_by(*session_), "552 x\r\n250 2.0.0 OK\r\n");
}

TEST_F(ServerChunksTest, TroubleWithAChunkIsTheReplyToThoseBehindIt) {
  feed("BDAT 2\r\nabBDAT 1\r\ncBDAT 1 LAST\r\nd");
  reply(354);
  reply(451);
  EXPECT_EQ(said_by(*session_), "451 x\r\n451 x\r\n451 x\r\n");
  feed("MAIL FROM:<s@c>\r\n");
  reply(250);
  feed("RCPT TO:<r@u>\r\n");
  reply(250);
  EXPECT_THAT(feed("BDAT 1 LAST\r\nx"), ElementsAre("data in chunks"));
}

TEST_F(ServerChunksTest, MailOfWhichAChunkWasRefusedIsOver) {
  feed("RSET\r\n");
  feed("MAIL FROM:<s@c>\r\nRCPT TO:<1@u>\r\n");
  reply(250);
  reply(550);
  said_by(*session_);
  EXPECT_THAT(feed("BDAT 1\r\na"), ElementsAre("reset"));
  EXPECT_THAT(feed("RCPT TO:<2@u>\r\n"), IsEmpty());
  EXPECT_THAT(feed("BDAT 1 LAST\r\nb"), IsEmpty());
  EXPECT_EQ(said_by(*session_),
            "554 5.5.1 no valid recipients\r\n503 5.5.1 MAIL first\r\n"
            "554 5.5.1 no valid recipients\r\n");
}

TEST_F(ServerChunksTest, BdatThatCannotBeReadEndsTheSession) {
  const std::string nul("BDAT 6\0 LAST\r\n", 14);
  for (const std::string& line : {std::string("BDAT\t6 LAST\r\n"), std::string(" BDAT 6 LAST\r\n"),
                                  std::string("BDAT 6 LAST\r\r\n"), nul,
                                  "BDAT 6 LAST" + std::string(kMaxAuthLine, ' ') + "\r\n",
                                  "BDAT 6 LAST" + std::string(kMaxCommandLine, ' ') + "\r\n"}) {
    open({});
    feed(line + "QUIT\r\n");
    EXPECT_TRUE(session_->is_finished()) << line.substr(0, 20);
    EXPECT_THAT(said_by(*session_), ::testing::Not(HasSubstr("221"))) << line.substr(0, 20);
  }
}

TEST_F(ServerChunksTest, TrickleOfChunksIsSentAway) {
  feed("BDAT 1\r\nx");
  reply(354);
  reply(250);
  int minutes = 0;
  for (; !session_->is_finished() && minutes < 60; minutes += 2) {
    now_ += 2min;
    session_->on_time(now_);
    if (session_->is_finished()) break;
    feed("BDAT 1\r\nx");
    reply(250);
  }
  EXPECT_LT(minutes, 10);
}

TEST_F(ServerChunksTest, TimeThatTheSmarthostTakesForAChunkIsNotTheClients) {
  feed("BDAT 1\r\n");
  reply(354);
  for (int i = 0; i < 10; ++i) {
    feed("x");
    now_ += 2min;
    reply(250);
    session_->on_time(now_);
    ASSERT_FALSE(session_->is_finished()) << i;
    EXPECT_LE(*session_->deadline(), now_ + kDataIdleTimeout);
    feed("BDAT 1\r\n");
  }
}

TEST_F(ServerChunksTest, ChunksOfOneOctetAreNotBorneWithoutEnd) {
  feed("BDAT 1\r\n");
  reply(354);
  const auto began = now_;
  while (now_ - began < 1h && !session_->is_finished()) {
    feed("x");
    reply(250);
    now_ += 20s;
    feed("BDAT 1\r\n");
    session_->on_time(now_);
  }
  EXPECT_LE(now_ - began, kDataIdleTimeout + 20s);
}

TEST_F(ServerChunksTest, AChunkThatIsRefusedLongAfterAMailHasItsTime) {
  feed("BDAT 1 LAST\r\n");
  reply(354);
  feed("x");
  reply(250);
  now_ += 4min;
  feed("BDAT 10\r\n");
  EXPECT_EQ(session_->deadline(), now_ + kDataIdleTimeout);
}

TEST_F(ServerChunksTest, EmptyChunksAreNotBorneWithoutEnd) {
  feed("BDAT 0\r\n");
  reply(354);
  std::size_t count = 0;
  while (!session_->is_finished() && count < 1000) {
    reply(250);
    feed("BDAT 0\r\n");
    ++count;
  }
  EXPECT_LT(count, 200U);
}

TEST_F(ServerChunksTest, ChunkIsSwallowedWhereTheFirstIsRefused) {
  EXPECT_THAT(feed("BDAT 6 LAST\r\nQUIT\r\n"), ElementsAre("data in chunks"));
  EXPECT_THAT(reply(451), IsEmpty());
  EXPECT_EQ(said_by(*session_), "451 x\r\n");
  EXPECT_FALSE(session_->is_in_transaction());
  EXPECT_FALSE(session_->is_finished());
}

TEST_F(ServerChunksTest, ChunkWithoutAnAcceptedRecipientIsSwallowed) {
  feed("RSET\r\n");
  feed("MAIL FROM:<s@c>\r\n");
  reply(250);
  said_by(*session_);
  EXPECT_THAT(feed("BDAT 6 LAST\r\nQUIT\r\n"), ElementsAre("reset"));
  EXPECT_EQ(said_by(*session_), "503 5.5.1 RCPT first\r\n");
}

TEST_F(ServerChunksTest, BdatBehindRcptWaitsForItsReply) {
  EXPECT_THAT(feed("RCPT TO:<2@u>\r\nBDAT 1 LAST\r\nx"), ElementsAre("RCPT TO:<2@u>"));
  EXPECT_THAT(reply(250), ElementsAre("data in chunks"));
  EXPECT_THAT(reply(354), ElementsAre("mail-data x", "end-of-data 1"));
}

TEST_F(ServerChunksTest, SizeThatIsNoneEndsTheSession) {
  for (const std::string_view argument :
       {"", "x", "-1", "1x", "1 LASTS", "1 LAST LAST", "99999999999999999999999", "+1"}) {
    open({});
    EXPECT_THAT(feed("BDAT " + std::string(argument) + "\r\n"),
                ElementsAre("gone: client sent a BDAT without a size"))
        << argument;
    EXPECT_THAT(said_by(*session_), StartsWith("501 5.5.4"));
  }
}

TEST_F(ServerChunksTest, OtherCommandsOfTheMailAreOutOfPlaceBetweenChunks) {
  feed("BDAT 1\r\nx");
  reply(354);
  reply(250);
  said_by(*session_);
  for (const std::string_view command : {"DATA", "RCPT TO:<2@u>", "MAIL FROM:<t@c>"}) {
    EXPECT_THAT(feed(std::string(command) + "\r\n"), IsEmpty());
    EXPECT_THAT(said_by(*session_), StartsWith("503 5.5.1")) << command;
  }
  EXPECT_THAT(feed("RSET\r\n"), ElementsAre("reset"));
}

TEST_F(ServerChunksTest, BinaryMailNeedsBdatAndIsNotChanged) {
  open({}, "MAIL FROM:<s@c> BODY=BINARYMIME");
  EXPECT_THAT(feed("DATA\r\n"), IsEmpty());
  EXPECT_EQ(said_by(*session_), "503 5.5.1 BODY=BINARYMIME needs BDAT\r\n");
  const std::string bytes("\n\r\0.\r\n\x80", 7);
  feed("BDAT 7 LAST\r\n" + bytes);
  EXPECT_THAT(reply(354), ElementsAre("mail-data " + bytes, "end-of-data 7"));
}

TEST_F(ServerChunksTest, NulInTextIsRefusedAtTheEnd) {
  feed(std::string("BDAT 2 LAST\r\n\0a", 15));
  EXPECT_THAT(reply(354), ElementsAre(HasSubstr("mail-data-refused 554 5.6.0"), "end-of-data 2"));
}

TEST_F(ServerChunksTest, BareLineEndsAreRefusedUnderStrict) {
  ServerOptions options;
  options.line_endings = LineEndings::strict;
  open(options);
  feed("BDAT 2 LAST\r\na\n");
  EXPECT_THAT(reply(354), ElementsAre(HasSubstr("mail-data-refused 550 5.6.11"), "end-of-data 2"));
}

TEST_F(ServerChunksTest, ClientThatLeavesInsideAChunkEndsNoMail) {
  feed("BDAT 10 LAST\r\nabc");
  reply(354);
  session_->receive_eof();
  EXPECT_THAT(events_of(*session_), ElementsAre(StartsWith("gone: client closed the connection")));
}

TEST_F(ServerChunksTest, SilentClientIsSentAway) {
  feed("BDAT 10 LAST\r\n");
  reply(354);
  now_ += kDataIdleTimeout;
  session_->on_time(now_);
  EXPECT_THAT(said_by(*session_), StartsWith("421 4.4.2"));
}

TEST_F(ServerChunksTest, IsTheSameByteByByte) {
  const std::string_view whole = "BDAT 5\r\na\rb\n\rBDAT 4 LAST\r\n\nc\r\nNOOP\r\n";
  std::string content;
  std::string heard;
  for (const char c : whole) {
    session_->receive(std::string_view(&c, 1), now_);
    for (int i = 0; i < kMost; ++i) {
      const ServerEvent event = session_->next_event();
      if (std::holds_alternative<NeedMore>(event)) break;
      if (const auto* data = std::get_if<from_client::MailData>(&event)) {
        content.append(data->bytes);
      } else if (std::holds_alternative<from_client::Data>(event)) {
        session_->reply(Reply::make(354, "", "go"), now_);
      } else {
        session_->reply(Reply::make(250, "", "ok"), now_);
      }
    }
    heard.append(said_by(*session_));
  }
  EXPECT_EQ(content, "a\r\nb\r\n\r\nc\r\n");
  EXPECT_EQ(heard, "250 ok\r\n250 ok\r\n250 2.0.0 OK\r\n");
}

TEST(ChunksNotOffered, BdatEndsTheSession) {
  ServerSession session({}, base::Instant(1h));
  session.greet({}, base::Instant(1h));
  session.receive("BDAT 3 LAST\r\n", base::Instant(1h));
  EXPECT_THAT(events_of(session), ElementsAre("gone: client sent BDAT, which was not offered"));
}

// --- the decoder ---

TEST(ChunkDecoder, MakesEveryLineEndCrlfHoweverItIsCut) {
  const std::string_view in = "a\nb\r\rc\r\n.\r\n\n\rd\r";
  const std::string expected = "a\r\nb\r\n\r\nc\r\n.\r\n\r\n\r\nd\r\n";
  for (std::size_t cut = 0; cut <= in.size(); ++cut) {
    ChunkDecoder decoder(false);
    std::string out;
    decoder.receive(in.substr(0, cut), out);
    decoder.receive(in.substr(cut), out);
    decoder.end(out);
    EXPECT_EQ(out, expected) << cut;
    EXPECT_TRUE(decoder.has_bare_line_ends());
  }
}

TEST(ChunkDecoder, LeavesWholeLinesAlone) {
  ChunkDecoder decoder(false);
  std::string out;
  decoder.receive("a\r\n..\r\nb", out);
  decoder.end(out);
  EXPECT_EQ(out, "a\r\n..\r\nb");
  EXPECT_FALSE(decoder.has_bare_line_ends());
  EXPECT_FALSE(decoder.has_nul());
}

}  // namespace
}  // namespace smtp
