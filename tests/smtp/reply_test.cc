// smtp/reply: replies in both directions.
#include "smtp/reply.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace smtp {
namespace {

struct Parsed {
  std::vector<Reply> replies;
  std::string fault;
  bool is_empty = false;
  friend bool operator==(const Parsed&, const Parsed&) = default;
};

Parsed parse(std::string_view bytes, std::size_t step, bool is_bare_lf_allowed = true) {
  ReplyParser parser;
  parser.allow_bare_lf(is_bare_lf_allowed);
  Parsed parsed;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    parser.receive(bytes.substr(at, step));
    while (true) {
      auto next = parser.next();
      if (std::holds_alternative<NeedMore>(next)) break;
      if (auto* reply = std::get_if<Reply>(&next)) parsed.replies.push_back(*reply);
      if (auto* malformed = std::get_if<MalformedReply>(&next)) parsed.fault = malformed->why;
    }
  }
  parsed.is_empty = parser.is_empty();
  return parsed;
}

Parsed parse(std::string_view bytes) {
  const Parsed whole = parse(bytes, bytes.size() + 1);
  EXPECT_EQ(parse(bytes, 1), whole) << "cut into octets";
  return whole;
}

Reply reply_of(int code, std::vector<std::string> lines) {
  Reply reply;
  reply.code = code;
  reply.lines = std::move(lines);
  return reply;
}

TEST(ReplyParser, TakesOneLine) {
  EXPECT_EQ(parse("250 2.1.0 OK\r\n").replies.at(0), reply_of(250, {"2.1.0 OK"}));
}

TEST(ReplyParser, TakesSeveralLinesAsOneReply) {
  EXPECT_EQ(parse("250-a\r\n250-b\r\n250 c\r\n").replies.at(0), reply_of(250, {"a", "b", "c"}));
}

TEST(ReplyParser, TakesACodeWithoutText) {
  EXPECT_EQ(parse("250\r\n").replies.at(0), reply_of(250, {""}));
  EXPECT_EQ(parse("553-\r\n553\r\n").replies.at(0), reply_of(553, {"", ""}));
  EXPECT_EQ(parse("553-\r\n553-\r\n553 \r\n").replies.at(0), reply_of(553, {"", "", ""}));
}

TEST(ReplyParser, RefusesWhatIsNoReply) {
  for (const char* bad :
       {"25 ok\r\n", "2500 ok\r\n", "abc\r\n", "\r\n", "25x ok\r\n", "199 x\r\n", "600 x\r\n",
        "260 x\r\n", "hello world\r\n250 ok\r\n", " 250 ok\r\n", "250_ok\r\n"}) {
    const Parsed parsed = parse(bad);
    EXPECT_TRUE(parsed.replies.empty()) << bad;
    EXPECT_FALSE(parsed.fault.empty()) << bad;
  }
}

TEST(ReplyParser, RefusesDifferentCodesInOneReply) {
  EXPECT_FALSE(parse("250-a\r\n550 b\r\n").fault.empty());
  EXPECT_FALSE(parse("550-a\r\n250 b\r\n").fault.empty());
}

TEST(ReplyParser, RefusesEndlessLinesAndReplies) {
  EXPECT_FALSE(parse("250 " + std::string(4096, 'A'), 100).fault.empty()) << "without an end";
  EXPECT_FALSE(parse("250 " + std::string(4096, 'A') + "\r\n", 100).fault.empty());
  std::string endless;
  for (std::size_t i = 0; i <= kMaxReplyLines; ++i) endless += "250-x\r\n";
  EXPECT_FALSE(parse(endless, 100).fault.empty());
}

TEST(ReplyParser, GivesNothingMoreAfterAFault) {
  EXPECT_TRUE(parse("garbage\r\n250 ok\r\n").replies.empty());
}

TEST(ReplyParser, AcceptsABareLfOnlyWhenAllowed) {
  EXPECT_EQ(parse("250 ok\n", 1, true).replies.size(), 1U);
  EXPECT_FALSE(parse("250 ok\n", 1, false).fault.empty());
}

TEST(ReplyParser, ReplacesOctetsThatCouldSplitAReply) {
  EXPECT_EQ(parse("250 a\rb\r\n").replies.at(0).lines[0], "a?b");
  EXPECT_EQ(parse(std::string_view("250 a\0b\r\n", 9)).replies.at(0).lines[0], "a?b");
}

TEST(ReplyParser, SaysWhetherAnythingIsHeld) {
  EXPECT_TRUE(parse("250 ok\r\n").is_empty);
  EXPECT_FALSE(parse("250 ok\r\n25").is_empty);
  EXPECT_FALSE(parse("250-ok\r\n").is_empty);
}

TEST(ReplyParser, GivesTheSameForAnyCutting) {
  std::mt19937 random(7);
  const std::string_view octets = "2345-- \r\n\n0.aZ";
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    const std::size_t length = random() % 60;
    for (std::size_t i = 0; i < length; ++i) bytes.push_back(octets[random() % octets.size()]);
    const Parsed whole = parse(bytes, 1000);
    ASSERT_EQ(parse(bytes, 1), whole) << testing::PrintToString(bytes);
    ASSERT_EQ(parse(bytes, 3), whole) << testing::PrintToString(bytes);
  }
}

TEST(Reply, FormatsEveryLineWithItsCode) {
  EXPECT_EQ(format(reply_of(250, {"host", "SIZE 1", ""})), "250-host\r\n250-SIZE 1\r\n250\r\n");
  EXPECT_EQ(format(Reply::make(451, "4.4.1", "no")), "451 4.4.1 no\r\n");
  EXPECT_EQ(format(Reply::make(354, "", "go")), "354 go\r\n");
}

TEST(Reply, KeepsTheSpaceOfAnEmptyChallenge) { EXPECT_EQ(format(reply_of(334, {""})), "334 \r\n"); }

TEST(Reply, NeverSplitsInTwoOnTheWire) {
  const Reply reply = reply_of(550, {std::string("a\r\n250 ok\0\x1b\x7f", 12)});
  const std::string wire = format(reply);
  EXPECT_EQ(wire, "550 a??250 ok???\r\n");
}

TEST(Reply, KeepsValidUtf8AndNothingElseAboveAscii) {
  EXPECT_EQ(format(reply_of(550, {"j\xc3\xb6"})), "550 j\xc3\xb6\r\n");
  EXPECT_EQ(format(reply_of(550, {"j\xf6"})), "550 j?\r\n");
}

TEST(Reply, ReadsItsEnhancedCodeOnlyWhenTheClassAgrees) {
  EXPECT_EQ(Reply::make(550, "5.7.1", "x").enhanced(), (EnhancedStatusCode{5, 7, 1}));
  EXPECT_FALSE(Reply::make(250, "5.1.1", "x").enhanced());
  EXPECT_FALSE(Reply::make(250, "", "OK").enhanced());
  EXPECT_FALSE(Reply::make(250, "2.1", "OK").enhanced());
  EXPECT_FALSE(Reply::make(250, "2.1.1000", "OK").enhanced());
}

TEST(Reply, SummarisesOnOnePrintableLine) {
  EXPECT_EQ(reply_of(550, {"5.1.1 no", "such\x1b user"}).summary(), "550 5.1.1 no such? user");
}

}  // namespace
}  // namespace smtp
