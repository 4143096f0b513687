// app/demo_smarthost_session: the smarthost that insists on STARTTLS.
#include "app/demo_smarthost_session.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kMustStartTls = "530 5.7.0 Must issue a STARTTLS command first\r\n";

class DemoSmarthostSessionTest : public testing::Test {
 protected:
  void SetUp() override { EXPECT_EQ(session_.take_output(), "220 smarthost.test ESMTP\r\n"); }

  std::string say(std::string_view bytes) {
    session_.receive(bytes, {});
    return session_.take_output();
  }

  void start_tls() {
    EXPECT_THAT(say("STARTTLS\r\n"), StartsWith("220 "));
    ASSERT_TRUE(session_.is_tls_wanted());
    session_.tls_established("TLSv1.3 X");
  }

  std::uint64_t queued_ = 0;
  DemoSmarthostSession session_{"smarthost.test", "127.0.0.1", queued_};
};

TEST_F(DemoSmarthostSessionTest, RefusesEverythingButTheFiveBeforeTls) {
  for (const std::string_view command :
       {"MAIL FROM:<a@b>\r\n", "RCPT TO:<a@b>\r\n", "DATA\r\n", "RSET\r\n", "VRFY a\r\n",
        "HELP\r\n", "AUTH PLAIN AGEAYg==\r\n", "BDAT 0 LAST\r\n", "ETRN x\r\n", "NONSENSE\r\n",
        "\r\n"}) {
    EXPECT_EQ(say(command), kMustStartTls) << command;
  }
  EXPECT_THAT(say("EHLO x\r\n"), StartsWith("250-smarthost.test\r\n"));
  EXPECT_EQ(say("HELO x\r\n"), "250 smarthost.test\r\n");
  EXPECT_THAT(say("NOOP\r\n"), StartsWith("250 "));
  EXPECT_THAT(say("QUIT\r\n"), StartsWith("221 "));
  EXPECT_TRUE(session_.is_finished());
}

TEST_F(DemoSmarthostSessionTest, OffersItsExtensionsInsideTlsOnly) {
  EXPECT_EQ(say("EHLO x\r\n"), "250-smarthost.test\r\n250 STARTTLS\r\n");
  start_tls();
  const std::string offer = say("EHLO x\r\n");
  for (const char* keyword :
       {"PIPELINING", "SIZE 26214400", "8BITMIME", "DSN", "SMTPUTF8", "ENHANCEDSTATUSCODES"}) {
    EXPECT_THAT(offer, HasSubstr(std::string(keyword) + "\r\n"));
  }
  EXPECT_THAT(offer, Not(HasSubstr("STARTTLS")));
}

TEST_F(DemoSmarthostSessionTest, TakesMailInsideTls) {
  start_tls();
  say("EHLO client.test\r\n");
  EXPECT_EQ(say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
            "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n");
  EXPECT_EQ(say("Subject: x\r\n\r\n..dot\r\n.\r\nNOOP\r\n"),
            "250 2.0.0 Ok: queued as DEMO0001\r\n250 2.0.0 Ok\r\n");
  const auto message = session_.take_message();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->content, "Subject: x\r\n\r\n.dot\r\n");
  EXPECT_EQ(message->size, message->content.size());
  EXPECT_EQ(message->reverse_path, "<a@b>");
  EXPECT_THAT(message->recipients, ElementsAre("<c@d>"));
  EXPECT_EQ(message->tls, "TLSv1.3 X");
  EXPECT_THAT(message->trace, StartsWith("Received: from client.test ([127.0.0.1])"));
  EXPECT_THAT(message->trace, HasSubstr("TLSv1.3 X"));
  EXPECT_THAT(message->trace, HasSubstr("with ESMTPS id DEMO0001"));
  EXPECT_FALSE(session_.take_message().has_value());
}

TEST_F(DemoSmarthostSessionTest, RefusesNobody) {
  start_tls();
  say("EHLO x\r\nMAIL FROM:<a@b>\r\n");
  EXPECT_EQ(say("RCPT TO:<Nobody@demo.test>\r\n"), "550 5.1.1 <Nobody@demo.test> no such user\r\n");
  EXPECT_THAT(say("DATA\r\n"), StartsWith("554 "));
  EXPECT_THAT(say("RCPT TO:<nobody.else@demo.test>\r\n"), StartsWith("250 "));
}

TEST_F(DemoSmarthostSessionTest, KeepsCommandsInOrder) {
  start_tls();
  EXPECT_THAT(say("RCPT TO:<a@b>\r\n"), StartsWith("503 "));
  EXPECT_THAT(say("DATA\r\n"), StartsWith("503 "));
  EXPECT_THAT(say("STARTTLS\r\n"), StartsWith("503 "));
  say("MAIL FROM:<a@b>\r\n");
  EXPECT_THAT(say("MAIL FROM:<a@b>\r\n"), StartsWith("503 "));
  EXPECT_THAT(say("RSET\r\n"), StartsWith("250 "));
  EXPECT_THAT(say("RCPT TO:<a@b>\r\n"), StartsWith("503 "));
}

// CVE-2011-0411: what is slipped in behind STARTTLS is neither kept nor answered inside TLS.
TEST_F(DemoSmarthostSessionTest, EndsTheSessionWhenPlaintextFollowsStartTls) {
  EXPECT_EQ(say("EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\n"),
            "250-smarthost.test\r\n250 STARTTLS\r\n554 5.5.0 Bytes after STARTTLS before TLS\r\n");
  EXPECT_TRUE(session_.is_finished());
  EXPECT_FALSE(session_.is_tls_wanted());
}

TEST_F(DemoSmarthostSessionTest, RefusesMessagesThatAreTooBig) {
  start_tls();
  say("EHLO x\r\n");
  EXPECT_THAT(say("MAIL FROM:<a@b> SIZE=26214401\r\n"), StartsWith("552 "));
  say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
  const std::string block = std::string(998, 'x') + "\r\n";
  for (std::uint64_t size = 0; size <= DemoSmarthostSession::kMaxMessage; size += block.size()) {
    EXPECT_EQ(say(block), "");
  }
  EXPECT_THAT(say(".\r\n"), StartsWith("552 5.3.4"));
  EXPECT_FALSE(session_.take_message().has_value());
}

TEST_F(DemoSmarthostSessionTest, KeepsABoundedPartOfABigMessage) {
  start_tls();
  say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
  const std::string block = std::string(998, 'x') + "\r\n";
  for (int i = 0; i < 1000; ++i) say(block);
  say(".\r\n");
  const auto message = session_.take_message();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->size, 1000000U);
  EXPECT_EQ(message->content.size(), DemoSmarthostSession::kMaxKept);
}

TEST_F(DemoSmarthostSessionTest, EndsWithAClientThatOnlyErrs) {
  std::string last;
  for (int i = 0; i < 1000 && !session_.is_finished(); ++i) last = say("NONSENSE\r\n");
  EXPECT_TRUE(session_.is_finished());
  EXPECT_THAT(last, HasSubstr("421 4.7.0"));
}

TEST_F(DemoSmarthostSessionTest, RefusesLinesThatAreTooLongOrOdd) {
  EXPECT_THAT(say(std::string(100000, 'x')), "");
  EXPECT_THAT(say("\r\n"), StartsWith("500 "));
  EXPECT_THAT(say(std::string("NOOP\0\r\n", 7)), StartsWith("500 "));
  EXPECT_THAT(say("NOOP\rX\r\n"), StartsWith("500 "));
}

TEST_F(DemoSmarthostSessionTest, SaysGoodbyeToTheSilent) {
  session_.on_idle();
  EXPECT_THAT(session_.take_output(), StartsWith("421 "));
  EXPECT_TRUE(session_.is_finished());
}

}  // namespace
}  // namespace app
