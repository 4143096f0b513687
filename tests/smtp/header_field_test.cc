// smtp/header_field: no line too long, and nothing that begins another field.
#include "smtp/header_field.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace smtp {
namespace {

std::string field(std::string_view name, std::string_view value) {
  std::string out;
  append_field(out, name, value);
  return out;
}

TEST(HeaderField, StandsOnOneLineWhereItFits) {
  EXPECT_EQ(field("From", "a@b.test"), "From: a@b.test\r\n");
  EXPECT_EQ(field("From", "  Jane\t Doe <a@b.test> "), "From: Jane Doe <a@b.test>\r\n");
  EXPECT_EQ(field("From", ""), "From:\r\n");
}

TEST(HeaderField, IsFoldedBetweenWords) {
  const std::string word(30, 'x');
  EXPECT_EQ(field("From", word + ' ' + word + ' ' + word),
            "From: " + word + ' ' + word + "\r\n " + word + "\r\n");
}

TEST(HeaderField, CannotBeMadeToBeginAnother) {
  EXPECT_EQ(field("X", "a\r\nBcc: b\r\n\r\nbody"), "X: a Bcc: b body\r\n");
  EXPECT_EQ(field("X", "a\r\n \t\r\n b\n"), "X: a b\r\n");
}

TEST(HeaderField, HasNoLineThatIsTooLong) {
  for (const std::size_t size : {70U, 77U, 78U, 990U, 997U, 998U, 999U, 5000U}) {
    const std::string text =
        field("X-Original-From", std::string(size, 'x') + ' ' + std::string(size, 'y'));
    std::size_t at = 0;
    for (std::size_t end = text.find("\r\n"); end != std::string::npos;
         end = text.find("\r\n", at)) {
      EXPECT_LE(end - at, kMaxLine) << size;
      EXPECT_GT(end, at);
      EXPECT_TRUE(at == 0 || (text[at] == ' ' && text[at + 1] != '\r')) << size;
      at = end + 2;
    }
    EXPECT_EQ(at, text.size());
  }
}

TEST(HeaderField, CutsNoCharacterOfUtf8) {
  std::string value;
  for (int i = 0; i < 700; ++i) value += "\xe2\x82\xac";
  const std::string text = field("X", value);
  const std::size_t cut = text.find("\r\n ", 5);
  ASSERT_LT(cut, text.size());
  EXPECT_EQ(text.substr(cut - 3, 3), "\xe2\x82\xac");
  EXPECT_EQ(text.substr(cut + 3, 3), "\xe2\x82\xac");
}

}  // namespace
}  // namespace smtp
