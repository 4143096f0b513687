#include "base/secret.h"

#include <utility>

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(Secret, WipesWhatItIsTakenFrom) {
  std::string text = "short";
  const char* octets = text.data();  // still of `text`, which is long enough to hold them itself
  const Secret secret(std::move(text));
  EXPECT_EQ(secret.view(), "short");
  EXPECT_EQ(std::string(octets, 5), std::string(5, '\0'));
}

TEST(Secret, WipesItsSpareRoomToo) {
  std::string text(100, 'x');
  text.reserve(200);
  text.resize(10);
  wipe(text);
  EXPECT_TRUE(text.empty());
  // What is left of it, within the capacity that the string still has.
  text.resize(100, 'y');
  EXPECT_EQ(text, std::string(100, 'y'));
}

TEST(Secret, IsCopiedMovedAndCompared) {
  Secret one(std::string(100, 'x'));
  const Secret copy = one;
  EXPECT_EQ(copy, one);
  Secret moved = std::move(one);
  EXPECT_EQ(moved, copy);
  Secret other(std::string("y"));
  EXPECT_FALSE(other == copy);
  other = std::move(moved);
  EXPECT_EQ(other, copy);
  other = Secret();
  EXPECT_TRUE(other.is_empty());
}

}  // namespace
}  // namespace base
