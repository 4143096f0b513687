// smtp/client_session: EHLO once more, by another name, on a session that is ready.
#include <chrono>

#include <gtest/gtest.h>

#include "smtp/client_session.h"

namespace smtp {
namespace {

using namespace std::chrono_literals;

class GreetAgain : public testing::Test {
 protected:
  void SetUp() override {
    ClientOptions options;
    options.ehlo_name = "seal.test";
    options.starttls = StartTls::never;
    session_.emplace(options, now_);
    feed("220 u.test\r\n");
    feed("250-u.test\r\n250 8BITMIME\r\n");
    ASSERT_TRUE(session_->is_ready());
    said();
  }

  ClientEvent feed(std::string_view bytes) {
    session_->receive(bytes, now_);
    return session_->next_event();
  }
  std::string said() {
    std::string all(session_->output());
    session_->consume_output(all.size());
    return all;
  }

  base::Instant now_{24h};
  std::optional<ClientSession> session_;
};

TEST_F(GreetAgain, SaysTheNameAndLearnsWhatItIsOffered) {
  session_->greet_again("app.test", now_);
  EXPECT_EQ(said(), "EHLO app.test\r\n");
  EXPECT_EQ(session_->ehlo_name(), "app.test");
  EXPECT_FALSE(session_->is_ready());
  EXPECT_FALSE(session_->reuse().is_clean);
  EXPECT_TRUE(std::holds_alternative<from_smarthost::Ready>(feed("250 u.test\r\n")));
  EXPECT_FALSE(session_->extensions().eight_bit_mime);
  EXPECT_TRUE(session_->reuse().is_clean);
}

// RFC 5321 4.1.1.1.
TEST_F(GreetAgain, EndsATransactionThatWasOpen) {
  session_->send(Sent::mail, "MAIL FROM:<a@b.test>", now_);
  feed("250 ok\r\n");
  EXPECT_TRUE(session_->is_in_transaction());
  session_->greet_again("app.test", now_);
  feed("250 u.test\r\n");
  EXPECT_FALSE(session_->is_in_transaction());
}

TEST_F(GreetAgain, FindsOutSoonThatTheSmarthostIsGone) {
  session_->greet_again("app.test", now_);
  ASSERT_TRUE(session_->deadline());
  EXPECT_EQ(*session_->deadline(), now_ + kResetProbeTimeout);
  session_->on_time(*session_->deadline());
  EXPECT_TRUE(std::holds_alternative<from_smarthost::Failed>(session_->next_event()));
}

TEST_F(GreetAgain, FailsOverWhatCameUnasked) {
  session_->receive("250 stale", now_);
  session_->greet_again("app.test", now_);
  EXPECT_EQ(said(), "");
  EXPECT_TRUE(std::holds_alternative<from_smarthost::Failed>(session_->next_event()));
}

TEST_F(GreetAgain, FailsWhereTheNameIsRefused) {
  session_->greet_again("app.test", now_);
  EXPECT_TRUE(std::holds_alternative<from_smarthost::Failed>(feed("450 not you\r\n")));
}

}  // namespace
}  // namespace smtp
