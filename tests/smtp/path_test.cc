// smtp/path: addresses, checked just enough to be carried safely.
#include "smtp/path.h"

#include <string>

#include <gtest/gtest.h>

namespace smtp {
namespace {

std::string path_of(std::string_view text, bool is_reverse = true,
                    Syntax syntax = Syntax::tolerant) {
  auto parsed = parse_path(text, is_reverse, syntax);
  if (const auto* refusal = std::get_if<Reply>(&parsed)) return std::to_string(refusal->code);
  const auto& path = std::get<ParsedPath>(parsed);
  return path.rest.empty() ? path.path : path.path + "|" + std::string(path.rest);
}

TEST(Path, IsTakenAsItStands) {
  EXPECT_EQ(path_of("<a@b.test>"), "<a@b.test>");
  EXPECT_EQ(path_of("<>"), "<>");
  EXPECT_EQ(path_of("<a@b.test> SIZE=10"), "<a@b.test>|SIZE=10");
  EXPECT_EQ(path_of("<@a.test,@b.test:s@c.test>"), "<@a.test,@b.test:s@c.test>") << "source route";
  EXPECT_EQ(path_of("<local.@host>"), "<local.@host>") << "a dot at the end, as some devices send";
  EXPECT_EQ(path_of("<postmaster>", false), "<postmaster>");
}

TEST(Path, EndsAtTheFirstUnquotedBracket) {
  EXPECT_EQ(path_of("<\"a b\\\"c@d\"@c.test>"), "<\"a b\\\"c@d\"@c.test>");
  EXPECT_EQ(path_of("<\"\"@c.test>"), "<\"\"@c.test>");
  EXPECT_EQ(path_of("<\"a>b\"@c.test> SIZE=10"), "<\"a>b\"@c.test>|SIZE=10");
  EXPECT_EQ(path_of("<a@b"), "501");
  EXPECT_EQ(path_of("<\"a@b>"), "501") << "the quote does not end";
  EXPECT_EQ(path_of("<a@b>x"), "501");
}

TEST(Path, MayLackBracketsAndHaveSpacesWhenTolerant) {
  EXPECT_EQ(path_of("a@b.test"), "<a@b.test>");
  EXPECT_EQ(path_of("  <a@b.test>  "), "<a@b.test>");
  EXPECT_EQ(path_of("a@b.test SIZE=1"), "<a@b.test>|SIZE=1");
  EXPECT_EQ(path_of("a@b.test", true, Syntax::strict), "501");
  EXPECT_EQ(path_of(" <a@b.test>", true, Syntax::strict), "501");
  EXPECT_EQ(path_of(""), "501");
  EXPECT_EQ(path_of("a@b>"), "501");
}

TEST(Path, OfARecipientIsNeverEmpty) { EXPECT_EQ(path_of("<>", false), "501"); }

TEST(Path, HoldsNoControlCharacters) {
  for (int c = 0; c < 0x20; ++c) {
    EXPECT_EQ(path_of("<a" + std::string(1, static_cast<char>(c)) + "@b>"), "501") << c;
    EXPECT_EQ(path_of("<\"a" + std::string(1, static_cast<char>(c)) + "\"@b>"), "501") << c;
  }
  EXPECT_EQ(path_of("<a\x7f@b>"), "501");
  EXPECT_EQ(path_of("<a\xc2\x85@b>"), "501") << "C1";
}

TEST(Path, HoldsNoStraySpacesOrBrackets) {
  EXPECT_EQ(path_of("<a b@c>"), "501");
  EXPECT_EQ(path_of("<<a@b>>"), "501");
  EXPECT_EQ(path_of("<a@b<c>"), "501");
}

TEST(Path, IsValidUtf8) {
  EXPECT_EQ(path_of("<j\xc3\xb6@c.test>"), "<j\xc3\xb6@c.test>");
  EXPECT_EQ(path_of("<\xc3\x28@c>"), "501");
}

TEST(Path, IsNeverCut) {
  const std::string long_path = "<" + std::string(300, 'l') + "@" + std::string(600, 'd') + ">";
  EXPECT_EQ(path_of(long_path), long_path);
  EXPECT_EQ(path_of("<" + std::string(1100, 'l') + ">"), "501");
}

}  // namespace
}  // namespace smtp
