// smtp/lines: the one finder of line ends.
#include "smtp/lines.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace smtp {
namespace {

constexpr std::size_t kMaxLine = 32;

std::vector<std::string> lines_of(std::string_view bytes, std::size_t step) {
  LineReader reader(kMaxLine);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    reader.receive(bytes.substr(at, step));
    while (const auto line = reader.next_line()) {
      std::string text(line->text);
      if (line->is_too_long) text = "<too long>";
      if (line->ends_in_bare_lf) text += "<lf>";
      if (line->has_bare_cr) text += "<cr>";
      if (line->has_nul) text += "<nul>";
      lines.push_back(text);
    }
  }
  return lines;
}

TEST(LineReader, GivesTheSameLinesHoweverTheBytesAreCut) {
  const std::string long_line(100, 'x');
  const std::string bytes =
      "EHLO a\r\nNOOP\n\r\na\rb\r\n" + std::string("n\0l\r\n", 5) + long_line + "\r\nQUIT\r\n";
  const std::vector<std::string> expected = {
      "EHLO a", "NOOP<lf>", "", "a\rb<cr>", std::string("n\0l<nul>", 8), "<too long>", "QUIT"};
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    EXPECT_EQ(lines_of(bytes, step), expected) << step;
  }
}

TEST(LineReader, CountsTheEndingInItsLimit) {
  EXPECT_EQ(lines_of(std::string(kMaxLine - 2, 'x') + "\r\n", 1).front(),
            std::string(kMaxLine - 2, 'x'));
  EXPECT_EQ(lines_of(std::string(kMaxLine - 1, 'x') + "\r\n", 1).front(), "<too long>");
}

TEST(LineReader, KeepsNothingOfALineWithoutEnd) {
  LineReader reader(kMaxLine);
  for (int i = 0; i < 1000; ++i) {
    reader.receive(std::string(1000, 'x'));
    EXPECT_FALSE(reader.next_line());
    EXPECT_LE(reader.rest().size(), kMaxLine);
  }
  EXPECT_EQ(reader.skipped(), 1000U * 1000U);
  EXPECT_FALSE(reader.is_empty());
}

TEST(LineReader, ShowsWhatIsLeftBehindTheLineGivenOut) {
  LineReader reader(kMaxLine);
  reader.receive("DATA\r\nbody");
  ASSERT_TRUE(reader.next_line());
  EXPECT_EQ(reader.rest(), "body");
  EXPECT_FALSE(reader.is_empty());
  reader.consume_rest(4);
  EXPECT_TRUE(reader.is_empty());
  reader.receive("QUIT\r\n");
  EXPECT_EQ(reader.next_line()->text, "QUIT");
  EXPECT_TRUE(reader.is_empty());
}

}  // namespace
}  // namespace smtp
