// app/demo_exchange: what an onlooker makes of a conversation.
#include "app/demo_exchange.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RecorderTest : public testing::Test {
 protected:
  void client(std::string_view bytes) { recorder_.on_client(bytes); }
  void server(std::string_view bytes) { recorder_.on_server(bytes); }

  // Up to and with the 354.
  void envelope() {
    server("220 hello\r\n");
    client("EHLO x\r\n");
    server("250-here\r\n250 SIZE 10\r\n");
    client("MAIL FROM:<a@b>\r\n");
    server("250 ok\r\n");
    client("RCPT TO:<c@d>\r\n");
    server("250 ok\r\n");
    client("DATA\r\n");
    server("354 go\r\n");
  }

  [[nodiscard]] Exchange finished() {
    std::optional<Exchange> exchange = recorder_.take_finished();
    EXPECT_TRUE(exchange.has_value());
    return exchange.value_or(Exchange{});
  }

  [[nodiscard]] static std::vector<std::string> texts_of(const Exchange& exchange) {
    std::vector<std::string> texts;
    for (const SpokenLine& line : exchange.lines) texts.push_back(line.text);
    return texts;
  }

  std::uint64_t counter_ = 0;
  Recorder recorder_{counter_, 1};
};

TEST_F(RecorderTest, EndsAnExchangeWithItsVerdict) {
  envelope();
  client("Subject: x\r\n\r\nhello\r\n.\r\n");
  EXPECT_FALSE(recorder_.take_finished().has_value());
  server("250 2.0.0 queued as 1\r\n");
  const Exchange exchange = finished();
  EXPECT_EQ(exchange.verdict, "250 2.0.0 queued as 1");
  EXPECT_TRUE(exchange.is_accepted());
  EXPECT_EQ(exchange.reverse_path, "<a@b>");
  EXPECT_THAT(exchange.recipients, ElementsAre("<c@d>"));
  EXPECT_THAT(texts_of(exchange),
              ElementsAre("220 hello", "EHLO x", "250-here, SIZE 10", "MAIL FROM:<a@b>", "250 ok",
                          "RCPT TO:<c@d>", "250 ok", "DATA", "354 go", "Subject: x", "", "hello",
                          ".", "250 2.0.0 queued as 1"));
}

TEST_F(RecorderTest, HearsTheSameHoweverTheBytesAreCut) {
  const auto send = [&](std::string_view bytes, void (Recorder::*side)(std::string_view)) {
    for (const char c : bytes) (recorder_.*side)(std::string_view(&c, 1));
  };
  send("220 hello\r\n", &Recorder::on_server);
  send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", &Recorder::on_client);
  send("250 ok\r\n250-ok\r\n250 ok\r\n354 go\r\n", &Recorder::on_server);
  send("x\r\n.\r\n", &Recorder::on_client);
  send("250 done\r\n", &Recorder::on_server);
  EXPECT_THAT(texts_of(finished()),
              ElementsAre("220 hello", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "250 ok",
                          "250-ok, ok", "354 go", "x", ".", "250 done"));
}

TEST_F(RecorderTest, SaysThatAClientBeganTlsAndKeepsItsBytesToItself) {
  client(std::string_view("\x16\x03\x01\x00\x05\x01\nabc\r\n", 12));
  client("MAIL FROM:<a@b>\r\n");
  server("500 5.5.1 what?\r\n");
  recorder_.on_close();
  EXPECT_THAT(texts_of(finished()), ElementsAre("(TLS begun by the client)", "500 5.5.1 what?"));
}

TEST_F(RecorderTest, CountsHowOftenTheClientWaited) {
  envelope();
  client("x\r\n");
  client("y\r\n.\r\n");
  server("250 done\r\n");
  // Connection, greeting, EHLO, MAIL, RCPT, DATA, end of data.
  EXPECT_EQ(finished().round_trips, 7U);
}

TEST_F(RecorderTest, CountsAPipelinedGroupOnce) {
  server("220 hello\r\n");
  client("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
  server("250 ok\r\n");
  server("250 ok\r\n");
  recorder_.on_close();
  EXPECT_EQ(finished().round_trips, 3U);
}

TEST_F(RecorderTest, CountsTheHandshake) {
  server("220 hello\r\n");
  recorder_.on_tls("TLSv1.2 X", 2);
  recorder_.on_close();
  const Exchange exchange = finished();
  EXPECT_EQ(exchange.round_trips, 4U);
  EXPECT_TRUE(exchange.has_handshake);
  EXPECT_EQ(exchange.lines.back().speaker, Speaker::tls);
}

TEST_F(RecorderTest, MailIsSealedOnlyIfAllOfItWasSaidInsideTls) {
  server("220 hello\r\n");
  recorder_.on_tls("TLSv1.3 X", 1);
  client("MAIL FROM:<a@b>\r\n");
  server("250 ok\r\n");
  recorder_.on_close();
  EXPECT_TRUE(finished().is_sealed());

  Recorder open(counter_, 1);
  open.on_client("MAIL FROM:<a@b>\r\n");
  open.on_close();
  EXPECT_FALSE(open.take_finished()->is_sealed());
  EXPECT_FALSE(Exchange{}.is_sealed());
}

TEST_F(RecorderTest, KnowsWhichRecipientWasRefused) {
  server("220 hello\r\n");
  client("MAIL FROM:<a@b>\r\nRCPT TO:<no@d>\r\nRCPT TO:<yes@d>\r\n");
  server("250 ok\r\n550 5.1.1 who?\r\n250 ok\r\n");
  recorder_.on_close();
  const Exchange exchange = finished();
  EXPECT_THAT(exchange.recipients, ElementsAre("<yes@d>"));
  EXPECT_THAT(exchange.refusals, ElementsAre("550 5.1.1 who?"));
  EXPECT_FALSE(exchange.is_accepted());
}

TEST_F(RecorderTest, ResetBeginsAnotherExchange) {
  server("220 hello\r\n");
  client("MAIL FROM:<a@b>\r\n");
  server("250 ok\r\n");
  client("RSET\r\n");
  EXPECT_EQ(finished().reverse_path, "<a@b>");
  EXPECT_THAT(texts_of(recorder_.current()), ElementsAre("RSET"));
}

TEST_F(RecorderTest, OnlyALoneDotBetweenCrlfEndsTheData) {
  envelope();
  client("a\n.\r\nb\r\n.\nc\r\n.\r\n");
  server("250 done\r\n");
  const Exchange exchange = finished();
  EXPECT_EQ(exchange.verdict, "250 done");
  unsigned dots = 0;
  for (const SpokenLine& line : exchange.lines) dots += line.text == "." ? 1 : 0;
  EXPECT_EQ(dots, 3U);
}

TEST_F(RecorderTest, CommandsInTheDataAreData) {
  envelope();
  client("QUIT\r\nRSET\r\nMAIL FROM:<z@z>\r\n.\r\n");
  server("250 done\r\n");
  EXPECT_EQ(finished().reverse_path, "<a@b>");
}

TEST_F(RecorderTest, KeepsABoundedPartOfTheData) {
  envelope();
  for (int i = 0; i < 100000; ++i) client("x\r\n");
  client(".\r\n");
  server("250 done\r\n");
  const Exchange exchange = finished();
  EXPECT_LT(exchange.lines.size(), 40U);
  EXPECT_EQ(exchange.lines[exchange.lines.size() - 3].text, "(99988 more lines)");
}

TEST_F(RecorderTest, ShowsALastLineInsteadOfSayingThatThereIsOneMore) {
  envelope();
  for (int i = 1; i <= 13; ++i) client("line " + std::to_string(i) + "\r\n");
  client(".\r\n");
  server("250 done\r\n");
  const Exchange exchange = finished();
  EXPECT_EQ(exchange.lines[exchange.lines.size() - 3].text, "line 13");
  EXPECT_EQ(exchange.lines[exchange.lines.size() - 3].speaker, Speaker::client);
}

TEST_F(RecorderTest, KeepsABoundedPartOfAnEndlessConversation) {
  server("220 hello\r\n");
  for (int i = 0; i < 100000; ++i) {
    client("NOOP\r\n");
    server("250 ok\r\n");
  }
  EXPECT_LE(recorder_.current().lines.size(), 400U);
}

TEST_F(RecorderTest, NeverKeepsAPassword) {
  server("220 hello\r\n");
  client("AUTH PLAIN c2VjcmV0\r\n");
  server("503 no\r\n");
  client("AUTH LOGIN\r\n");
  server("334 VXNlcm5hbWU6\r\n");
  client("c2VjcmV0\r\n");
  server("334 UGFzc3dvcmQ6\r\n");
  client("c2VjcmV0\r\n");
  server("235 ok\r\n");
  recorder_.on_close();
  EXPECT_THAT(texts_of(finished()),
              ElementsAre("220 hello", "AUTH PLAIN ***", "503 no", "AUTH LOGIN", "334 VXNlcm5hbWU6",
                          "***", "334 UGFzc3dvcmQ6", "***", "235 ok"));
}

TEST_F(RecorderTest, ForgetsWhatWasOpenBeforeTls) {
  server("220 hello\r\n");
  client("STARTTLS\r\nMAIL FRO");
  server("220 go\r\n");
  recorder_.on_tls("TLSv1.3 X", 1);
  client("EHLO x\r\n");
  server("250 ok\r\n");
  recorder_.on_close();
  const Exchange exchange = finished();
  EXPECT_EQ(exchange.lines[4].text, "EHLO x");
  EXPECT_TRUE(exchange.lines[4].is_encrypted);
  EXPECT_FALSE(exchange.lines[2].is_encrypted);
}

TEST_F(RecorderTest, SurvivesWhatIsNoSmtp) {
  server(std::string(100000, '\xff') + "\r\n" + "250 ok\r\n");
  client(std::string(100000, '\0') + "\r\n");
  server("999 x\r\n12\r\n\r\n");
  client("GET / HTTP/1.1\r\n\r\n");
  recorder_.on_close();
  EXPECT_TRUE(recorder_.take_finished().has_value());
}

TEST_F(RecorderTest, AConnectionWithoutAWordIsNoExchange) {
  recorder_.on_close();
  EXPECT_FALSE(recorder_.take_finished().has_value());
}

TEST_F(RecorderTest, SaysThatDataWasCutOff) {
  envelope();
  client("half\r\n");
  recorder_.on_close();
  EXPECT_EQ(finished().lines.back().speaker, Speaker::note);
}

TEST_F(RecorderTest, RecordersThatShareACounterCanBePutInOrder) {
  Recorder other(counter_, 1);
  client("EHLO a\r\n");
  other.on_client("EHLO b\r\n");
  client("QUIT\r\n");
  EXPECT_LT(recorder_.current().lines[0].order, other.current().lines[0].order);
  EXPECT_LT(other.current().lines[0].order, recorder_.current().lines[1].order);
}

}  // namespace
}  // namespace app
