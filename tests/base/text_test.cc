// base/text: text functions that do not depend on the locale.
#include "base/text.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(Text, FoldsAsciiCaseOnly) {
  EXPECT_EQ(lowered("MiX\xc3\x84"), "mix\xc3\x84");
  EXPECT_EQ(uppered("mIx9"), "MIX9");
  EXPECT_TRUE(iequals("StartTLS", "STARTTLS"));
  EXPECT_FALSE(iequals("STARTTLS", "STARTTL"));
  EXPECT_TRUE(istarts_with("from:<a>", "FROM:"));
  EXPECT_FALSE(istarts_with("fro", "FROM"));
}

TEST(Text, TrimsSpacesAndTabsOnly) {
  EXPECT_EQ(trimmed(" \t a b \t"), "a b");
  EXPECT_EQ(trimmed("\r\n"), "\r\n");
  EXPECT_EQ(trimmed("   "), "");
}

TEST(Text, SplitsKeepingEmptyPieces) {
  const auto pieces = split("a,,b", ',');
  ASSERT_EQ(pieces.size(), 3U);
  EXPECT_EQ(pieces[1], "");
  EXPECT_EQ(split("", ',').size(), 1U);
}

TEST(ParseNumber, TakesDigitsOnly) {
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("007"), 7U);
  EXPECT_EQ(parse_number("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x10", "1e3", "18446744073709551616",
                          "99999999999999999999"}) {
    EXPECT_FALSE(parse_number(bad)) << bad;
  }
}

TEST(Printable, ReplacesWhatCouldConfuseATerminalOrALine) {
  EXPECT_EQ(printable("a\r\nb\x1b[31m\x7f"), "a??b?[31m?");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
  EXPECT_EQ(printable("j\xc3\xb6"), "j\xc3\xb6");
  EXPECT_EQ(printable("\xc3("), "?(") << "not UTF-8";
  EXPECT_EQ(printable("\xc2\x85"), "?") << "a C1 control";
}

TEST(Printable, CutsAtTheLimitWithoutSplittingACharacter) {
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("ab\xc3\xb6", 3), "ab...");
  EXPECT_EQ(printable("abc", 3), "abc");
}

TEST(IsUtf8, FollowsRfc3629) {
  for (const char* good : {"", "a", "\xc3\xb6", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf",
                           "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xff"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(Nearest, FindsTypingMistakesAndNothingFarther) {
  const std::vector<std::string_view> keys = {"listen", "log_level", "smarthost"};
  EXPECT_EQ(nearest("lissten", keys), "listen");
  EXPECT_EQ(nearest("loglevel", keys), "log_level");
  EXPECT_EQ(nearest("Smarthots", keys), "smarthost");
  EXPECT_EQ(nearest("password", keys), "");
}

}  // namespace
}  // namespace base
