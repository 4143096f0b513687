// base/result: errors as values.
#include "base/result.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> good = 7;
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 7);
  const Result<int> bad = Error{Fault::tls, "no"};
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().fault, Fault::tls);
  EXPECT_EQ(bad.error().detail, "no");
}

TEST(Result, MovesItsValueOut) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 3);
}

TEST(Result, AbortsWhenTheValueOfAnErrorIsTaken) {
  const Result<int> bad = Error{Fault::local, "x"};
  EXPECT_DEATH(static_cast<void>(bad.value()), "");
}

TEST(Result, OfNothingIsSuccessByDefault) {
  EXPECT_TRUE(Result<void>());
  EXPECT_FALSE(Result<void>(Error{Fault::storage, "disk"}));
}

TEST(Fault, HasANameEach) {
  EXPECT_EQ(to_string(Fault::tls_unavailable), "tls-unavailable");
  EXPECT_EQ(to_string(Fault::peer_protocol), "peer-protocol");
}

}  // namespace
}  // namespace base
