#include "base/crypto.h"

#include <gtest/gtest.h>

namespace base {
namespace {

using namespace std::string_view_literals;

TEST(Crypto, ComparesEveryOctet) {
  EXPECT_TRUE(equals_in_constant_time("", ""));
  EXPECT_TRUE(equals_in_constant_time("a\0b"sv, "a\0b"sv));
  EXPECT_FALSE(equals_in_constant_time("a\0b"sv, "a\0c"sv));
  EXPECT_FALSE(equals_in_constant_time("xbc", "abc"));
  EXPECT_FALSE(equals_in_constant_time("abc", "ab"));
  EXPECT_FALSE(equals_in_constant_time("", "a"));
}

}  // namespace
}  // namespace base
