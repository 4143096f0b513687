// smtp/client_session: AUTH with credentials of our own, on the way to Ready.
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "smtp/client_session.h"
#include "support/crypto.h"
#include "support/describe_session.h"

namespace smtp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

class ClientSessionAuthTest : public ::testing::Test {
 protected:
  void open(StartTls starttls = StartTls::required) {
    ClientOptions options;
    options.ehlo_name = "seal.test";
    options.starttls = starttls;
    options.needs_login = true;
    session_.emplace(std::move(options), now_);
  }

  static Login login() {
    Login login;
    login.credentials.username = "joe";
    login.credentials.kind = SecretKind::password;
    login.credentials.secret = base::Secret("hunter22");
    login.crypto = &support::crypto();
    return login;
  }

  std::vector<std::string> feed(std::string_view bytes) {
    session_->receive(bytes, now_);
    std::vector<std::string> all;
    for (int i = 0; i < 100; ++i) {
      const ClientEvent event = session_->next_event();
      if (std::holds_alternative<NeedMore>(event)) return all;
      all.push_back(describe(event));
    }
    ADD_FAILURE() << "events without end";
    return all;
  }

  std::string said() {
    std::string output(session_->output());
    session_->consume_output(output.size());
    return output;
  }

  // Inside TLS, where EHLO is answered with this.
  std::vector<std::string> walk_to_login(std::string_view ehlo) {
    open();
    feed("220 u\r\n");
    feed("250-u\r\n250-STARTTLS\r\n250 AUTH LOGIN\r\n");
    EXPECT_THAT(feed("220 go\r\n"), ElementsAre("tls-wanted"));
    session_->log_in_with(login());
    session_->tls_established(now_);
    said();
    return feed(ehlo);
  }

  base::Instant now_{1h};
  std::optional<ClientSession> session_;
};

TEST_F(ClientSessionAuthTest, IsReadyAfterTheLogin) {
  EXPECT_THAT(walk_to_login("250-u\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n"), IsEmpty());
  EXPECT_FALSE(session_->is_ready());
  EXPECT_EQ(said(), "AUTH PLAIN AGpvZQBodW50ZXIyMg==\r\n");
  EXPECT_THAT(feed("235 2.7.0 ok\r\n"), ElementsAre("ready"));
  EXPECT_TRUE(session_->is_ready());
  EXPECT_EQ(session_->login()->mechanism(), "PLAIN");
  EXPECT_TRUE(session_->extensions().pipelining) << "what EHLO said still holds";
  EXPECT_TRUE(session_->reuse().is_clean);
}

TEST_F(ClientSessionAuthTest, AnswersChallengesOneByOne) {
  walk_to_login("250-u\r\n250 AUTH LOGIN\r\n");
  EXPECT_EQ(said(), "AUTH LOGIN\r\n");
  EXPECT_THAT(feed("334 Username:\r\n"), IsEmpty());
  EXPECT_EQ(said(), "am9l\r\n");
  EXPECT_THAT(feed("334 UGFzc3dvcmQ6\r\n"), IsEmpty());
  EXPECT_EQ(said(), "aHVudGVyMjI=\r\n");
  EXPECT_THAT(feed("235 ok\r\n"), ElementsAre("ready"));
}

TEST_F(ClientSessionAuthTest, LogsInWhereTlsCameFirst) {
  open(StartTls::never);
  session_->log_in_with(login());
  session_->tls_established(now_);
  feed("220 u\r\n");
  feed("250-u\r\n250 AUTH PLAIN\r\n");
  EXPECT_THAT(said(), HasSubstr("AUTH PLAIN "));
  EXPECT_THAT(feed("235 ok\r\n"), ElementsAre("ready"));
}

// --- never in the clear ---

TEST_F(ClientSessionAuthTest, SaysNothingWithoutTls) {
  open(StartTls::never);
  session_->log_in_with(login());
  feed("220 u\r\n");
  said();
  EXPECT_THAT(feed("250-u\r\n250 AUTH PLAIN\r\n"), ElementsAre(HasSubstr("no login: credentials")));
  EXPECT_EQ(said(), "");
}

TEST_F(ClientSessionAuthTest, SaysNothingWhereTlsDidNotComeAbout) {
  for (const char* ehlo :
       {"250-u\r\n250 AUTH PLAIN\r\n", "250-u\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"}) {
    open(StartTls::if_offered);
    session_->log_in_with(login());
    feed("220 u\r\n");
    auto events = feed(ehlo);
    if (events.empty()) events = feed("454 4.7.0 not now\r\n");
    EXPECT_THAT(events, ElementsAre(HasSubstr("no login: credentials")));
    EXPECT_THAT(said(), Not(HasSubstr("AUTH")));
  }
}

TEST_F(ClientSessionAuthTest, SaysNothingWithoutCredentials) {
  open(StartTls::never);
  session_->tls_established(now_);
  feed("220 u\r\n");
  EXPECT_THAT(feed("250-u\r\n250 AUTH PLAIN\r\n"), ElementsAre(HasSubstr("no login: credentials")));
}

// AUTH-03: what was offered before TLS does not count.
TEST_F(ClientSessionAuthTest, NeedsTheOfferInsideTls) {
  EXPECT_THAT(walk_to_login("250-u\r\n250 8BITMIME\r\n"),
              ElementsAre(HasSubstr("the smarthost offers no AUTH")));
  EXPECT_EQ(said(), "");
}

// --- the end of it ---

// AUTH-07.
TEST_F(ClientSessionAuthTest, ARefusalEndsTheSession) {
  walk_to_login("250-u\r\n250 AUTH PLAIN\r\n");
  said();
  EXPECT_THAT(feed("535 5.7.8 no\r\n"),
              ElementsAre(HasSubstr("the smarthost refused our login: 535 5.7.8 no")));
  EXPECT_EQ(session_->login()->trouble(), LoginTrouble::refused);
  EXPECT_FALSE(session_->reuse().is_clean);
  session_->send(Sent::mail, "MAIL FROM:<a@b>", now_);
  EXPECT_EQ(said(), "");
}

// AUTH-08.
TEST_F(ClientSessionAuthTest, OnlyTwoHundredThirtyFiveCounts) {
  for (const char* reply : {"250 ok\r\n", "220 ok\r\n", "200 ok\r\n", "354 go\r\n"}) {
    walk_to_login("250-u\r\n250 AUTH PLAIN\r\n");
    said();
    EXPECT_THAT(feed(reply), ElementsAre(HasSubstr("AUTH was answered with"))) << reply;
    EXPECT_FALSE(session_->is_ready());
  }
}

TEST_F(ClientSessionAuthTest, ASurplusReplyIsNoneToAuth) {
  walk_to_login("250-u\r\n250 AUTH PLAIN\r\n250-u\r\n250 AUTH PLAIN\r\n");
  EXPECT_EQ(said(), "") << "what came before the command cannot answer it";
  EXPECT_FALSE(session_->is_ready());
}

TEST_F(ClientSessionAuthTest, AReplyBehindTheLastOnePoisonsTheSession) {
  walk_to_login("250-u\r\n250 AUTH PLAIN\r\n");
  said();
  session_->receive("235 ok\r\n250 more\r\n", now_);
  EXPECT_EQ(describe(session_->next_event()), "ready");
  EXPECT_FALSE(session_->reuse().is_clean);
  EXPECT_THAT(describe(session_->next_event()), HasSubstr("nothing asked for"));
}

// AUTH-09.
TEST_F(ClientSessionAuthTest, CancelsAnExchangeWithoutEnd) {
  walk_to_login("250-u\r\n250 AUTH LOGIN\r\n");
  for (int i = 0; i < 3; ++i) EXPECT_THAT(feed("334 \r\n"), IsEmpty());
  EXPECT_EQ(said(), "AUTH LOGIN\r\nam9l\r\naHVudGVyMjI=\r\n*\r\n");
  EXPECT_THAT(feed("334 \r\n"), ElementsAre(HasSubstr("asks for more than AUTH LOGIN")));
}

TEST_F(ClientSessionAuthTest, ChallengesMayBeAsLongAsTheStandardSays) {
  walk_to_login("250-u\r\n250 AUTH CRAM-MD5\r\n");
  said();
  EXPECT_THAT(feed("334 " + std::string(12000, 'A') + "\r\n"), IsEmpty());
  EXPECT_THAT(said(), HasSubstr("am9l"));
  // And no longer; nothing else may be.
  walk_to_login("250-u\r\n250 AUTH CRAM-MD5\r\n");
  EXPECT_THAT(feed("334 " + std::string(13000, 'A') + "\r\n"), ElementsAre(HasSubstr("too long")));
}

// RFC 4954 4: one that succeeded lasts as long as the connection (ehlo_name = client).
TEST_F(ClientSessionAuthTest, ALoginOutlivesAnotherEhlo) {
  walk_to_login("250-u\r\n250 AUTH PLAIN\r\n");
  said();
  EXPECT_THAT(feed("235 2.7.0 ok\r\n"), ElementsAre("ready"));
  for (const char* name : {"app.test", "printer.test"}) {
    session_->greet_again(name, now_);
    EXPECT_EQ(said(), std::string("EHLO ") + name + "\r\n");
    EXPECT_THAT(feed("250-u\r\n250 AUTH PLAIN\r\n"), ElementsAre("ready"));
    EXPECT_EQ(said(), "");
    EXPECT_TRUE(session_->reuse().is_clean);
  }
}

TEST_F(ClientSessionAuthTest, IsTimedLikeEveryCommand) {
  walk_to_login("250-u\r\n250 AUTH PLAIN\r\n");
  now_ += 5min;
  session_->on_time(now_);
  EXPECT_THAT(describe(session_->next_event()), HasSubstr("did not answer AUTH within 300 s"));
}

}  // namespace
}  // namespace smtp
