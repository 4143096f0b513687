// app/login_guard: a smarthost that says no is not asked again and again.
#include "app/login_guard.h"

#include <chrono>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace app {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

class LoginGuardTest : public ::testing::Test {
 protected:
  std::optional<LoginGuard::Attempt> begin(const std::string& account = "a") {
    auto begun = guard_.begin(account, now_);
    held_.clear();
    is_waiting_ = std::holds_alternative<LoginGuard::Wait>(begun);
    if (const auto* error = std::get_if<base::Error>(&begun)) held_ = error->detail;
    if (!std::holds_alternative<LoginGuard::Attempt>(begun)) return std::nullopt;
    return std::get<LoginGuard::Attempt>(std::move(begun));
  }
  void refuse(const std::string& account = "a") {
    auto attempt = begin(account);
    ASSERT_TRUE(attempt);
    attempt->refuse({base::Fault::login, "535 no"}, now_);
  }

  void fail() {
    auto attempt = begin();
    ASSERT_TRUE(attempt);
    attempt->fail({base::Fault::login, "454 later"}, now_);
  }

  base::Instant now_{1h};
  LoginGuard guard_;
  std::string held_;
  bool is_waiting_ = false;
};

TEST_F(LoginGuardTest, AllowsThreeFailuresAMinute) {
  for (int i = 0; i < 3; ++i) {
    fail();
    now_ += 10s;
  }
  EXPECT_FALSE(begin());
  EXPECT_EQ(held_, "454 later; it is not asked again for 31 s");
  now_ += 29s;
  EXPECT_FALSE(begin());
  now_ += 1s;
  fail();
  EXPECT_FALSE(begin()) << "the second and third are still within the minute";
  now_ += 1min;
  EXPECT_TRUE(begin());
}

// A minute is enough for what was a mishap; accounts are locked for what goes on.
TEST_F(LoginGuardTest, TriesWhatIsRefusedOverAndOverEveryTenMinutes) {
  for (int i = 0; i < 3; ++i) refuse();
  EXPECT_FALSE(begin());
  now_ += 1min;
  for (int i = 0; i < 3; ++i) {
    refuse();
    now_ += 10min - 1s;
    EXPECT_FALSE(begin());
    EXPECT_EQ(held_, "535 no; it is not asked again for 2 s");
    now_ += 1s;
  }
  begin()->accept();
  for (int i = 0; i < 3; ++i) refuse();
  now_ += 1min;
  EXPECT_TRUE(begin()) << "the success began it anew";
}

TEST_F(LoginGuardTest, ForgetsWhatNobodyAskedAboutForAnHour) {
  begin("a")->accept();
  now_ += 1h - 1s;
  EXPECT_TRUE(begin("b"));
  EXPECT_TRUE(guard_.is_proven("a"));
  now_ += 1s;
  EXPECT_TRUE(begin("b"));
  EXPECT_FALSE(guard_.is_proven("a"));
}

TEST_F(LoginGuardTest, TriesAnotherPasswordSoon) {
  for (int i = 0; i < 3; ++i) refuse();
  now_ += 1min;
  refuse();
  now_ += 1min;
  EXPECT_FALSE(begin());
  guard_.renew("a");
  EXPECT_TRUE(begin());
  for (int i = 0; i < 3; ++i) refuse();
  EXPECT_FALSE(begin()) << "three a minute, whichever they are";
}

TEST_F(LoginGuardTest, CountsAccountsApart) {
  for (int i = 0; i < 3; ++i) refuse("a");
  EXPECT_FALSE(begin("a"));
  EXPECT_TRUE(begin("b"));
}

TEST_F(LoginGuardTest, LetsFewTryAtOnceBeforeOneHasSucceeded) {
  auto one = begin();
  auto two = begin();
  auto three = begin();
  EXPECT_TRUE(one && two && three);
  EXPECT_FALSE(begin());
  EXPECT_TRUE(is_waiting_);
  two.reset();  // its connection was lost
  EXPECT_TRUE(begin());
  EXPECT_FALSE(guard_.is_proven("a"));
  one->accept();
  EXPECT_TRUE(guard_.is_proven("a"));
  std::vector<std::optional<LoginGuard::Attempt>> many;
  for (int i = 0; i < 20; ++i) {
    many.push_back(begin());
    EXPECT_TRUE(many.back());
  }
}

TEST_F(LoginGuardTest, ARefusalTakesBackWhatASuccessGave) {
  begin()->accept();
  refuse();
  EXPECT_FALSE(guard_.is_proven("a"));
  auto one = begin();
  auto two = begin();
  EXPECT_TRUE(one && two);
  EXPECT_FALSE(begin());
  EXPECT_TRUE(is_waiting_);
}

TEST_F(LoginGuardTest, AnAttemptIsCountedOnceHoweverItIsMoved) {
  {
    auto attempt = begin();
    LoginGuard::Attempt moved = *std::move(attempt);
    moved = *begin();
    moved.refuse({base::Fault::login, "no"}, now_);
    moved.refuse({base::Fault::login, "no"}, now_);
    moved.accept();
  }
  auto one = begin();
  auto two = begin();
  EXPECT_TRUE(one && two);
  EXPECT_FALSE(begin());
}

}  // namespace
}  // namespace app
