// Files as they come: every encoding, line end and size that an editor or an accident makes.
#include "config/ini_file.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config_fixture.h"

namespace config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "[heading] key=value@line ..." of all that was read.
std::string summary(const IniFile& file) {
  std::string text;
  for (const IniSection& section : file.sections) {
    text += (text.empty() ? "[" : " [") + section.heading + "]@" + std::to_string(section.line);
    for (const IniEntry& entry : section.entries) {
      text += ' ' + entry.key + '=' + entry.value + '@' + std::to_string(entry.line);
    }
  }
  return text;
}

class IniFileTest : public ConfigTest {
 protected:
  std::string parse(std::string_view text) {
    ProblemList list;
    path_ = "f";
    file_ = parse_ini(text, path_, list);
    problems_ = lines(list.take());
    return summary(file_);
  }

  IniFile file_;
  std::vector<std::string> problems_;
};

TEST_F(IniFileTest, ReadsSectionsKeysAndLines) {
  EXPECT_EQ(parse("# comment\n; comment\n\n[a]\nx = 1\n  y=2 \n[ b c ]\nz: 3\n"),
            "[a]@4 x=1@5 y=2@6 [b c]@7 z=3@8");
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_TRUE(file_.is_complete);
}

TEST_F(IniFileTest, ReadsAnEmptyFile) {
  EXPECT_EQ(parse(""), "");
  EXPECT_EQ(parse("\n\n"), "");
  EXPECT_EQ(parse("\xEF\xBB\xBF"), "");
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(IniFileTest, ReadsTheLastLineWithoutItsEnd) {
  EXPECT_EQ(parse("[a]\nx = 1"), "[a]@1 x=1@2");
}

TEST_F(IniFileTest, AcceptsByteOrderMarkAndCrlf) {
  EXPECT_EQ(parse("\xEF\xBB\xBF[a]\r\nx = 1\r\n\r\n# c\r\ny = 2\r\n"), "[a]@1 x=1@2 y=2@5");
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(IniFileTest, TakesNothingInAValueForAComment) {
  EXPECT_EQ(parse("[a]\nx = p;q ;r #s\ny = #z\nz = a = b: c\n"),
            "[a]@1 x=p;q ;r #s@2 y=#z@3 z=a = b: c@4");
}

TEST_F(IniFileTest, KeepsAnEmptyValue) { EXPECT_EQ(parse("[a]\nx =\n"), "[a]@1 x=@2"); }

TEST_F(IniFileTest, DoesNotContinueIndentedLines) {
  EXPECT_EQ(parse("[a]\nx = 1\n  and more\n"), "[a]@1 x=1@2");
  EXPECT_THAT(problems_, ElementsAre("3: expected KEY = VALUE, [SECTION] or a comment"));
}

TEST_F(IniFileTest, ReportsEveryBrokenLine) {
  EXPECT_EQ(parse("[a]\nword\n= 1\nlisten 127.0.0.1:25\ntwo words = 1\nx = 1\n"), "[a]@1 x=1@6");
  const std::string expected = ": expected KEY = VALUE, [SECTION] or a comment";
  EXPECT_THAT(problems_,
              ElementsAre("2" + expected, "3" + expected, "4" + expected, "5" + expected));
}

TEST_F(IniFileTest, KeepsTheKeysOfABrokenHeadingOutOfOtherSections) {
  EXPECT_EQ(parse("[a]\nx = 1\n[b\ny = 2\n[c] # comment\nz = 3\n[d]\nw = 4\n"),
            "[a]@1 x=1@2 [d]@7 w=4@8");
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("3: the heading has no closing ]"),
                                     HasSubstr("5: nothing may follow the heading's ]")));
  EXPECT_FALSE(file_.is_complete);
}

TEST_F(IniFileTest, RefusesKeysBeforeTheFirstSection) {
  EXPECT_EQ(parse("x = 1\n[a]\n"), "[a]@2");
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("1: x stands before the first section")));
}

TEST_F(IniFileTest, NeverCutsALine) {
  const std::string fitting = "x = " + std::string(kMaxLine - 4, 'a');
  EXPECT_EQ(parse("[a]\r\n" + fitting + "\r\ny = 2\r\n"),
            "[a]@1 x=" + fitting.substr(4) + "@2 y=2@3");
  EXPECT_THAT(problems_, IsEmpty());

  for (const std::size_t excess : {1u, 4090u, 4091u, 4092u, 4093u, 4094u, 4095u, 100'000u}) {
    EXPECT_EQ(parse("[a]\n" + fitting + std::string(excess, 'b') + "\ny = 2\n"), "[a]@1 y=2@3");
    EXPECT_THAT(problems_, ElementsAre("2: the line has " + std::to_string(kMaxLine + excess) +
                                       " characters, at most 4096 are allowed"));
  }
  EXPECT_FALSE(file_.is_complete) << "what is missing may stand there";
  // A comment line's tail must not become a key.
  EXPECT_EQ(parse("[a]\n# " + std::string(9000, 'c') + "\nx = 1\n"), "[a]@1 x=1@3");
  EXPECT_EQ(problems_.size(), 1u);
}

TEST_F(IniFileTest, NeverCutsAHeading) {
  EXPECT_EQ(parse("[" + std::string(49, 'a') + "]\n"), "[" + std::string(49, 'a') + "]@1");
  EXPECT_EQ(parse("[" + std::string(50, 'a') + "]\nx = 1\n"), "");
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("1: the heading is too long")));
}

TEST_F(IniFileTest, RefusesNul) {
  using namespace std::string_view_literals;
  EXPECT_EQ(parse("[a]\nx = 1\0y\nz = 2\n"sv), "");
  EXPECT_THAT(problems_, ElementsAre("2: a NUL byte: this is no text file"));
  EXPECT_FALSE(file_.is_complete);
}

TEST_F(IniFileTest, NamesUtf16) {
  using namespace std::string_view_literals;
  parse("\xFF\xFE[\0a\0]\0"sv);
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("1: the file is UTF-16: save it as UTF-8")));
}

TEST_F(IniFileTest, RefusesControlCharactersAndOtherEncodings) {
  EXPECT_EQ(parse("[a]\nx = a\x1b[31m\ny = caf\xE9\nz = caf\xC3\xA9\nw = a\rb\n# caf\xE9\n"),
            "[a]@1 z=caf\xC3\xA9@4");
  EXPECT_THAT(problems_, ElementsAre("2: a control character (27) stands in the text",
                                     "3: the text is not UTF-8",
                                     "5: a control character (13) stands in the text"));
}

TEST_F(IniFileTest, TakesATabForSpace) {
  EXPECT_EQ(parse("\t[a]\n\tx\t=\ta\tb\t\n"), "[a]@1 x=a\tb@2");
}

class ReadFileTest : public ConfigTest {};

TEST_F(ReadFileTest, GivesTheBytes) {
  write("a\r\nb");
  EXPECT_EQ(*read_file(path_), "a\r\nb");
  write("");
  EXPECT_EQ(*read_file(path_), "");
}

TEST_F(ReadFileTest, SaysWhyAFileCannotBeRead) {
  EXPECT_EQ(read_file(path_).error().detail, "cannot be read: No such file or directory");
  EXPECT_THAT(read_file(folder_.string()).error().detail, HasSubstr("cannot be read: "));
}

#if !defined(_WIN32)
TEST_F(ReadFileTest, ReportsMissingPermission) {
  write("x");
  std::filesystem::permissions(path_, std::filesystem::perms::none);
  const auto text = read_file(path_);
  if (text) GTEST_SKIP() << "run by a user whom permissions do not bind";
  EXPECT_EQ(text.error().detail, "cannot be read: Permission denied");
}
#endif

TEST_F(ReadFileTest, RefusesMoreThanAMebibyte) {
  write(std::string(kMaxFileSize, '\n'));
  EXPECT_TRUE(read_file(path_));
  write(std::string(kMaxFileSize + 1, '\n'));
  EXPECT_THAT(read_file(path_).error().detail, HasSubstr("larger than 1 MiB"));
  write(std::string(10 * kMaxFileSize, 'x'));
  EXPECT_THAT(read_file(path_).error().detail, HasSubstr("larger than 1 MiB"));
}

}  // namespace
}  // namespace config
