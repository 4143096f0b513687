// app/demo_screen: conversations in any width, with and without colour.
#include "app/demo_screen.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace app {
namespace {

using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::Le;
using testing::Not;
using testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (const std::string_view line : base::split(text, '\n')) lines.emplace_back(line);
  EXPECT_EQ(lines.back(), "") << "every line has an end";
  lines.pop_back();
  return lines;
}

std::vector<std::size_t> widths_of(const std::string& text) {
  std::vector<std::size_t> widths;
  for (const std::string& line : lines_of(text)) widths.push_back(display_width(line));
  return widths;
}

// The row on which `part` stands.
std::size_t row_of(const std::string& text, std::string_view part) {
  const std::vector<std::string> lines = lines_of(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find(part) != std::string::npos) return i;
  }
  ADD_FAILURE() << '"' << part << "\" is not in:\n" << text;
  return 0;
}

// Two conversations as of one mail; each line comes after the one before it, on either side.
class DemoScreenTest : public testing::Test {
 protected:
  void left(Speaker speaker, std::string_view text, bool is_data = false) {
    left_.lines.push_back({speaker, std::string(text), order_++, is_data, false});
  }
  void right(Speaker speaker, std::string_view text, bool is_data = false) {
    right_.lines.push_back({speaker, std::string(text), order_++, is_data, is_encrypted_});
  }

  void a_mail() {
    right(Speaker::server, "220 smarthost.demo.test ESMTP");
    is_encrypted_ = true;
    right(Speaker::tls, "TLSv1.3 TLS_AES_128_GCM_SHA256");
    left(Speaker::client, "MAIL FROM:<a@demo.test>");
    right(Speaker::client, "MAIL FROM:<a@demo.test> BODY=8BITMIME");
    right(Speaker::server, "250 2.1.0 Ok");
    left(Speaker::server, "354 go on");
    left(Speaker::client, "From: me", true);
    left(Speaker::client, ".", true);
    right(Speaker::client, "Received: from here", true);
    right(Speaker::client, "From: me", true);
    right(Speaker::client, ".", true);
    right(Speaker::server, "250 2.0.0 queued");
    left(Speaker::server, "250 2.0.0 queued, so I am told");
  }

  [[nodiscard]] std::string shown(const Look& look) const {
    return DemoScreen(look).side_by_side("application", left_, "smarthost", right_);
  }

  Exchange left_, right_;
  std::uint64_t order_ = 0;
  bool is_encrypted_ = false;
};

TEST_F(DemoScreenTest, KeepsToEightyColumns) {
  a_mail();
  const std::string text = shown({80, false, true});
  EXPECT_THAT(widths_of(text), Each(Le(80U)));
  EXPECT_EQ(lines_of(text)[0].find("│"), 39U);
}

TEST_F(DemoScreenTest, UsesAWiderTerminalUpToAHundredAndTwenty) {
  a_mail();
  EXPECT_EQ(lines_of(shown({120, false, true}))[0].find("│"), 59U);
  EXPECT_EQ(shown({300, false, true}), shown({120, false, true}));
}

TEST_F(DemoScreenTest, StaysReadableInANarrowTerminal) {
  a_mail();
  EXPECT_EQ(shown({10, false, true}), shown({40, false, true}));
  EXPECT_THAT(widths_of(shown({40, false, true})), Each(Le(40U)));
}

TEST_F(DemoScreenTest, SaysNothingInEscapeSequencesWithoutColour) {
  a_mail();
  EXPECT_THAT(shown({80, false, true}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(shown({80, true, true}), HasSubstr("\x1b["));
}

TEST_F(DemoScreenTest, ColoursDoNotChangeTheLayout) {
  a_mail();
  std::string coloured = shown({80, true, true});
  while (true) {
    const std::size_t start = coloured.find('\x1b');
    if (start == std::string::npos) break;
    coloured.erase(start, coloured.find('m', start) + 1 - start);
  }
  EXPECT_EQ(coloured, shown({80, false, true}));
}

TEST_F(DemoScreenTest, IsPlainAsciiWhereTheLocaleIs) {
  a_mail();
  left(Speaker::server, "250 gr\xc3\xbc\xc3\x9f dich");
  const std::string text = shown({80, false, false});
  EXPECT_TRUE(base::is_ascii(text)) << text;
  EXPECT_THAT(text, AllOf(HasSubstr("[TLS] TLSv1.3"), HasSubstr("250 gr?? dich")));
}

TEST_F(DemoScreenTest, MarksWhatIsEncryptedByItsBar) {
  a_mail();
  const std::vector<std::string> lines = lines_of(shown({80, false, true}));
  const std::string text = shown({80, false, true});
  EXPECT_THAT(lines[row_of(text, "220 smarthost")], HasSubstr(" │ < 220"));
  EXPECT_THAT(lines[row_of(text, "TLSv1.3")], HasSubstr(" ║ \U0001F512 TLSv1.3"));
  EXPECT_THAT(lines.back(), HasSubstr(" ║ < 250 2.0.0 queued"));
}

TEST_F(DemoScreenTest, AConversationThatIsEncryptedFromItsStartHasOneBarAllAlong) {
  is_encrypted_ = true;
  left(Speaker::client, "EHLO x");
  right(Speaker::client, "MAIL FROM:<a@b>");
  const std::vector<std::string> lines = lines_of(shown({80, false, true}));
  EXPECT_THAT(std::vector(lines.begin() + 2, lines.end()), Each(HasSubstr("║")));
}

TEST_F(DemoScreenTest, NeverPutsALaterLineAboveAnEarlierOne) {
  a_mail();
  const std::string text = shown({120, false, true});
  EXPECT_GE(row_of(text, "> MAIL FROM:<a@demo.test> BODY"), row_of(text, "TLSv1.3"));
  EXPECT_GE(row_of(text, "< 354"), row_of(text, "< 250 2.1.0"));
  EXPECT_GE(row_of(text, "< 250 2.0.0 queued, so"), row_of(text, "║ < 250 2.0.0 queued"));
}

TEST_F(DemoScreenTest, MailDataStandsSideBySide) {
  a_mail();
  const std::string text = shown({80, false, true});
  // Though it was heard after the end of data on the left.
  EXPECT_EQ(row_of(text, "  Received: from here"), row_of(text, "< 250 2.1.0") + 1);
  // But the verdict stands below both.
  EXPECT_GT(row_of(text, "║ < 250 2.0.0 queued"), row_of(text, "  ."));
}

TEST_F(DemoScreenTest, WrapsLongLinesAtSpacesAndIndentsTheRest) {
  left(Speaker::server, "250-smtpseal.demo.test, PIPELINING, SIZE 26214400, 8BITMIME");
  const std::vector<std::string> lines = lines_of(shown({80, false, true}));
  EXPECT_THAT(lines[2], StartsWith("< 250-smtpseal.demo.test, PIPELINING, "));
  EXPECT_THAT(lines[3], StartsWith("      SIZE 26214400, 8BITMIME "));
}

TEST_F(DemoScreenTest, BreaksAWordThatIsLongerThanARow) {
  left(Speaker::client, "RCPT TO:<" + std::string(50, 'x') + "@demo.test>");
  const std::vector<std::string> lines = lines_of(shown({80, false, true}));
  EXPECT_THAT(lines[2], StartsWith("> RCPT TO:<" + std::string(27, 'x') + " "));
  EXPECT_THAT(lines[3], StartsWith("    " + std::string(23, 'x') + "@demo.test>"));
}

TEST_F(DemoScreenTest, CutsWhatWouldTakeTooManyRows) {
  left(Speaker::server, "550 " + std::string(2000, 'x'));
  left(Speaker::client, std::string(2000, 'y'), true);
  const std::vector<std::string> lines = lines_of(shown({80, false, true}));
  ASSERT_EQ(lines.size(), 2U + 5U + 2U);
  EXPECT_THAT(lines[6], HasSubstr("x…"));
  EXPECT_THAT(lines[8], HasSubstr("y…"));
  EXPECT_THAT(shown({80, false, false}), HasSubstr("x..."));
}

TEST_F(DemoScreenTest, CountsWideAndCombiningCharactersAsTheTerminalDoes) {
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("e\xcc\x81"), 1U);  // e and a combining acute
  EXPECT_EQ(display_width("\U0001F512"), 2U);
  std::string wide;
  for (int i = 0; i < 300; ++i) wide.append("本");
  left(Speaker::client, wide, true);
  const std::string text = shown({80, false, true});
  EXPECT_THAT(widths_of(text), Each(Le(80U)));
  EXPECT_THAT(text, HasSubstr("…"));
}

TEST_F(DemoScreenTest, LetsNoPeerDrawOnTheTerminal) {
  const DemoScreen screen({80, false, true});
  EXPECT_EQ(screen.showable("\x1b[2Jx\ay\x7f"), "?[2Jx?y?");
  EXPECT_EQ(screen.showable("a\xe2\x80\xae"
                            "b"),
            "a?b");  // right-to-left override
  EXPECT_EQ(screen.showable("\xff\xc3"), "??");
  EXPECT_EQ(screen.showable("\tfolded"), "  folded");
}

TEST_F(DemoScreenTest, AnEmptyRightSideIsDrawnToo) {
  left(Speaker::client, "QUIT");
  EXPECT_THAT(lines_of(shown({80, false, true})).back(), StartsWith("> QUIT"));
}

TEST_F(DemoScreenTest, LeavesNoSpacesAtLineEnds) {
  a_mail();
  left(Speaker::client, "", true);
  right(Speaker::client, "", true);
  EXPECT_THAT(lines_of(shown({80, false, true})), Each(Not(testing::EndsWith(" "))));
  EXPECT_THAT(lines_of(DemoScreen({80, false, true}).one_column(left_)),
              Each(Not(testing::EndsWith(" "))));
}

TEST_F(DemoScreenTest, OneColumnIndentsAndWraps) {
  left(Speaker::client, "MAIL FROM:<a@demo.test>");
  left(Speaker::server, "530 5.7.0 " + std::string(30, 'x') + " " + std::string(40, 'y'));
  EXPECT_EQ(DemoScreen({80, false, true}).one_column(left_),
            "  > MAIL FROM:<a@demo.test>\n"
            "  < 530 5.7.0 " +
                std::string(30, 'x') + "\n        " + std::string(40, 'y') + "\n");
}

TEST_F(DemoScreenTest, AHeadlineFillsTheWidth) {
  const DemoScreen screen({80, false, true});
  EXPECT_THAT(widths_of(screen.headline("The problem")), Each(80U));
  EXPECT_THAT(widths_of(screen.headline(std::string(200, 'x'))), Each(Le(80U)));
}

TEST_F(DemoScreenTest, AParagraphHangsUnderItsMark) {
  const DemoScreen screen({40, false, true});
  EXPECT_EQ(screen.paragraph("one two three four five six seven eight nine", Style::plain, "✓ "),
            "✓ one two three four five six seven\n"
            "  eight nine\n");
}

TEST_F(DemoScreenTest, ACommandIsNeverBroken) {
  const DemoScreen screen({40, false, true});
  EXPECT_EQ(screen.command(std::string(60, 'x')), "  " + std::string(60, 'x') + "\n");
}

}  // namespace
}  // namespace app
