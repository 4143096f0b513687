// app/password_checks: off the loop, a few at a time, and nobody who left is waited for.
#include "app/password_checks.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/timer.h"
#include "tls/crypto.h"
#include "tls/tls_fixture.h"

namespace app {
namespace {

using namespace std::chrono_literals;

class PasswordChecksTest : public testing::Test, net::TimerEvents {
 protected:
  struct Asker final : PasswordCheckEvents {
    explicit Asker(PasswordChecksTest& of) : test(of) {}
    void on_password_checked(const base::Result<bool>& result) override {
      check.reset();
      is_right = result && *result;
      is_done = true;
      ++test.done_;
      test.loop_->stop();
    }

    PasswordChecksTest& test;
    std::unique_ptr<PasswordChecks::Check> check;
    bool is_done = false;
    bool is_right = false;
  };

  void SetUp() override {
    loop_ = tls::must(net::Loop::make());
    checks_ = std::make_unique<PasswordChecks>(*loop_, tls::crypto());
    verifier_ = tls::must(
        smtp::make_verifier("pencil", "0123456789abcdef", smtp::kMinIterations, tls::crypto()));
  }

  smtp::SaslCheck check_of(const std::string& password, bool is_known = true) {
    return {"app", base::Secret(std::string(password)), {verifier_, is_known}};
  }
  std::unique_ptr<Asker> ask(const std::string& password, bool is_known = true) {
    auto asker = std::make_unique<Asker>(*this);
    asker->check = checks_->begin(check_of(password, is_known), *asker);
    return asker;
  }
  // Runs the loop until so many checks are done.
  void await(std::size_t count) {
    net::Timer patience(*loop_, *this);
    patience.arm(loop_->now() + 60s);
    while (done_ < count && !is_late_) loop_->run();
    ASSERT_FALSE(is_late_);
  }

  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<PasswordChecks> checks_;
  smtp::ScramVerifier verifier_;
  std::size_t done_ = 0;

 private:
  void on_timer() override {
    is_late_ = true;
    loop_->stop();
  }
  bool is_late_ = false;
};

TEST_F(PasswordChecksTest, TellRightFromWrong) {
  const auto right = ask("pencil");
  const auto wrong = ask("crayon");
  EXPECT_FALSE(right->is_done) << "not in the call itself";
  await(2);
  EXPECT_TRUE(right->is_right);
  EXPECT_FALSE(wrong->is_right);
}

TEST_F(PasswordChecksTest, AreMadeAFewAtATime) {
  std::vector<std::unique_ptr<Asker>> askers;
  for (int i = 0; i < 6; ++i) askers.push_back(ask(i == 5 ? "pencil" : "crayon"));
  EXPECT_EQ(checks_->running(), PasswordChecks::kMaxAtOnce);
  EXPECT_EQ(checks_->waiting(), 6 - PasswordChecks::kMaxAtOnce);
  await(6);
  EXPECT_TRUE(askers[5]->is_right);
  EXPECT_EQ(checks_->running(), 0u);
}

TEST_F(PasswordChecksTest, CountUntilTheyAreDoneWhoeverHasLeft) {
  std::vector<std::unique_ptr<Asker>> askers;
  for (int i = 0; i < 5; ++i) askers.push_back(ask("crayon"));
  askers.erase(askers.begin(), askers.begin() + 4);
  EXPECT_EQ(checks_->running(), PasswordChecks::kMaxAtOnce);
  EXPECT_EQ(checks_->waiting(), 1u) << "those that waited are forgotten at once";
  await(1);
  EXPECT_TRUE(askers[0]->is_done);
}

TEST_F(PasswordChecksTest, RememberWhatWasRight) {
  EXPECT_FALSE(checks_->is_proven(check_of("pencil")));
  const auto wrong = ask("crayon");
  const auto right = ask("pencil");
  await(2);
  EXPECT_TRUE(checks_->is_proven(check_of("pencil")));
  EXPECT_FALSE(checks_->is_proven(check_of("crayon")));
  EXPECT_FALSE(checks_->is_proven(check_of("")));
  smtp::SaslCheck other = check_of("pencil");
  other.user = "other";
  EXPECT_FALSE(checks_->is_proven(other));
}

TEST_F(PasswordChecksTest, RememberNothingOfUnknownUsers) {
  const auto unknown = ask("pencil", false);
  await(1);
  EXPECT_FALSE(checks_->is_proven(check_of("pencil", false)));
}

TEST_F(PasswordChecksTest, MayGoWhileTheyAreMade) {
  auto one = ask("pencil");
  auto two = ask("pencil");
  auto three = ask("pencil");
  three.reset();
  two.reset();
  one.reset();
  checks_.reset();
}

}  // namespace
}  // namespace app
