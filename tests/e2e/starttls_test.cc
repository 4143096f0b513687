// The way to TLS, and everybody who would like it not to be taken: STARTTLS missing, refused,
// injected into, answered by something else. Whatever happens, mail waits and nothing is said in
// the clear; once the smarthost is in order, mail flows.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

class StartTls : public SealTest {};

// What the smarthost says at one point instead of the usual, and what the client is told.
struct Case {
  std::string name;
  Point point;
  std::string said;
  std::string reason;
  Then then = Then::go_on;
};

class BadWay : public SealTest, public testing::WithParamInterface<Case> {};

TEST_P(BadWay, KeepsMailHereAndServesAgainAfterwards) {
  const Case& one = GetParam();
  config_.set("smarthost", "command_timeout", "2s");
  smarthost().on(one.point, always(one.said, one.then));
  expect_fail_closed(attempt(), one.reason);
  expect_service_when_healthy();
}

// The beginning of a reply that goes on for ever.
std::string many_lines(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += "250-x\r\n";
  return out;
}

const std::vector<Case> kCases = {
    {"StartTlsIsNotOffered", Point::ehlo, "250-u\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n",
     "4.7.4"},
    {"StartTlsIsOnlyPartOfAWord", Point::ehlo, "250-u\r\n250-XSTARTTLSX\r\n250 AUTH STARTTLS\r\n",
     "4.7.4"},
    {"StartTlsIsOnlyAParameter", Point::ehlo, "250-u\r\n250 HELP STARTTLS\r\n", "4.7.4"},
    {"StartTlsIsOnlyInTheGreetingLine", Point::ehlo, "250-STARTTLS\r\n250 8BITMIME\r\n", "4.7.4"},
    {"StartTlsIsRefused501", Point::starttls, "501 no parameters\r\n", "4.7.4"},
    {"StartTlsIsRefused503", Point::starttls, "503 not now\r\n", "4.7.4"},
    {"StartTlsIsRefused502", Point::starttls, "502 Command not implemented\r\n", "4.7.4"},
    {"StartTlsIsRefused500", Point::starttls, "500 what\r\n", "4.7.4"},
    {"StartTlsIsRefused530", Point::starttls, "530 no\r\n", "4.7.4"},
    {"StartTlsIsRefused554", Point::starttls, "554 no\r\n", "4.7.4"},
    {"StartTlsIsPutOff454", Point::starttls, "454 TLS not available\r\n", "4.7.4"},
    {"StartTlsIsAnswered250", Point::starttls, "250 ok\r\n", ""},
    {"StartTlsIsAnswered221", Point::starttls, "221 bye\r\n", ""},
    {"StartTlsIsAnswered354", Point::starttls, "354 do something else\r\n", ""},
    {"StartTlsIsAnswered421", Point::starttls, "421 x\r\n", "", Then::close},
    {"RepliesAreInjectedBehindStartTls", Point::starttls,
     "220 go\r\n250-u\r\n250 AUTH PLAIN\r\n250 ok\r\n354 go\r\n250 accepted\r\n", "4.7.5"},
    {"HalfALineIsInjectedBehindStartTls", Point::starttls, "220 go\r\n250-SMTPUTF8 INJECTED ",
     "4.7.5"},
    {"StartTlsIsAnsweredTwice", Point::starttls, "220 go\r\n220 go\r\n", "4.7.5"},
    {"StartTlsIsRefusedAndThenNot", Point::starttls, "502 no\r\n220 go\r\n", ""},
    {"StartTlsIsAllowedAndThenNot", Point::starttls, "220 go\r\n502 no\r\n", "4.7.5"},
    {"OneOctetIsInjectedBehindStartTls", Point::starttls, "220 go\r\nX", "4.7.5"},
    {"EmptyLineIsInjectedBehindStartTls", Point::starttls, "220 go\r\n\r\n", "4.7.5"},
    {"StartTlsReplyHasNoEnd", Point::starttls, "220 " + std::string(100000, 'A'), ""},
    {"GreetingIs221", Point::greeting, "221 x\r\n", ""},
    {"GreetingIs354", Point::greeting, "354 x\r\n", ""},
    {"GreetingIs421", Point::greeting, "421 x\r\n", "", Then::close},
    {"GreetingIs500", Point::greeting, "500 x\r\n", ""},
    {"GreetingIs554", Point::greeting, "554 x\r\n", ""},
    {"GreetingIsNoReply", Point::greeting, "hello there\r\n", "4.5.0"},
    {"GreetingEndsInBareLf", Point::greeting, "220 u\n", ""},
    {"GreetingIsSilence", Point::greeting, "", "mode = implicit", Then::silence},
    {"GreetingIsAClose", Point::greeting, "", "4.4.2", Then::close},
    {"GreetingIsAReset", Point::greeting, "", "4.4.", Then::reset},
    {"GreetingCarriesMoreReplies", Point::greeting, "220 u\r\n250 ok\r\n", "4.5.0"},
    {"EhloIs220", Point::ehlo, "220 x\r\n", ""},
    {"EhloIs354", Point::ehlo, "354 x\r\n", ""},
    {"EhloIs421", Point::ehlo, "421 x\r\n", "", Then::close},
    {"EhloIs500", Point::ehlo, "500 x\r\n", "4.7.4"},
    {"EhloIs221", Point::ehlo, "221 x\r\n", "", Then::close},
    {"EhloIs501", Point::ehlo, "501 x\r\n", ""},
    {"EhloIs502", Point::ehlo, "502 x\r\n", ""},
    {"EhloIs504", Point::ehlo, "504 x\r\n", ""},
    {"EhloIs530", Point::ehlo, "530 x\r\n", ""},
    {"EhloHasNoEnd", Point::ehlo, many_lines(2000), "4.5.0"},
    {"EhloHasALineWithoutEnd", Point::ehlo, "250-" + std::string(100000, 'A'), "4.5.0"},
    {"EhloIs550", Point::ehlo, "550 x\r\n", ""},
    {"EhloIsEmpty", Point::ehlo, "250 u\r\n", "4.7.4"},
    {"EhloIsSilence", Point::ehlo, "", "4.4.2", Then::silence},
    {"EhloIsAClose", Point::ehlo, "", "4.4.2", Then::close},
    {"StartTlsIsSilence", Point::starttls, "", "4.4.2", Then::silence},
    {"StartTlsIsAClose", Point::starttls, "", "4.4.2", Then::close},
    {"SealedEhloIsAClose", Point::sealed_ehlo, "", "4.4.2", Then::close},
    {"SealedEhloIsPolitelyClosed", Point::sealed_ehlo, "", "4.4.2", Then::close_notify},
    {"SealedEhloIsSilence", Point::sealed_ehlo, "", "4.4.2", Then::silence},
    {"SealedEhloIsMalformed", Point::sealed_ehlo, "2500 x\r\n", "4.5.0"},
    {"SealedEhloHasNoEnd", Point::sealed_ehlo, many_lines(2000), "4.5.0"},
    {"SealedEhloHasALineWithoutEnd", Point::sealed_ehlo, "250-" + std::string(100000, 'A'),
     "4.5.0"},
    {"SealedEhloHasTwoCodes", Point::sealed_ehlo, "250-a\r\n550 b\r\n", "4.5.0"},
};

INSTANTIATE_TEST_SUITE_P(Cases, BadWay, testing::ValuesIn(kCases),
                         [](const auto& one) { return one.param.name; });

TEST_F(StartTls, IsTakenWhenOfferedInAnyCaseWithStraySpace) {
  smarthost().on(Point::ehlo, always("250-u\r\n250 starttls \r\n"));
  EXPECT_TRUE(attempt().is_accepted());
}

TEST_F(StartTls, WaitsForTheLastLineOfItsReply) {
  smarthost().on(Point::starttls, always("220-one moment\r\n220 go\r\n"));
  smarthost().on(Point::greeting, always("220-policy\r\n220-text\r\n220 u\r\n"));
  // The scripted session starts TLS after any 220.
  EXPECT_TRUE(attempt().is_accepted());
}

TEST_F(StartTls, ForgetsWhatWasOfferedBeforeTls) {
  Behavior behavior = smarthost().behavior();
  behavior.clear_keywords = {"SIZE 1000", "DSN", "STARTTLS", "AUTH PLAIN"};
  behavior.keywords = {"SIZE 50000000", "8BITMIME"};
  smarthost().set_behavior(behavior);
  SmtpClient client = connect();
  const Reply ehlo = client.hello();
  EXPECT_TRUE(offers(ehlo, "SIZE 50000000"));
  EXPECT_TRUE(offers(ehlo, "8BITMIME"));
  EXPECT_FALSE(offers(ehlo, "DSN"));
  EXPECT_FALSE(ehlo.has_text("AUTH"));
  client.quit();
}

TEST_F(StartTls, TakesAnOverlongOfferInsideTlsForWhatItIsWorth) {
  std::string offer = "250-u\r\n250-\r\n250-SIZE 1000\r\n250-SIZE 99999999\r\n";
  for (int i = 0; i < 60; ++i) offer += "250-XKEYWORD" + std::to_string(i) + "\r\n";
  offer += "250-AUTH=LOGIN PLAIN\r\n250-AUTH PLAIN";
  for (int i = 0; i < 64; ++i) offer += " X" + std::to_string(i);
  smarthost().on(Point::sealed_ehlo, always(offer + "\r\n250 8BITMIME\r\n"));
  SmtpClient client = connect();
  const Reply ehlo = client.hello();
  EXPECT_TRUE(offers(ehlo, "SIZE 1000")) << testing::PrintToString(ehlo);
  EXPECT_TRUE(offers(ehlo, "8BITMIME"));
  EXPECT_FALSE(ehlo.has_text("XKEYWORD"));
  EXPECT_TRUE(ehlo.has_text("AUTH LOGIN PLAIN X0 X1")) << testing::PrintToString(ehlo);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
}

TEST_F(StartTls, GoesOnWithHeloInsideTls) {
  smarthost().on(Point::sealed_ehlo, always("500 no\r\n"));
  EXPECT_TRUE(attempt().is_accepted());
}

TEST_F(StartTls, TellsTheSmarthostNothingOfTheClientBeforeTls) {
  SmtpClient client = connect();
  client.hello("EHLO secret-host.client.test");
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  for (const ConnectionRecord& record : smarthost().journal().records()) {
    EXPECT_EQ(record.clear(), "EHLO " + std::string(kSealName) + "\r\nSTARTTLS\r\n");
  }
}

TEST_F(StartTls, SurvivesPlaintextInsteadOfAHandshake) {
  smarthost().script([](SmarthostConnection& wire) {
    wire.send("220 u\r\n");
    wire.expect("EHLO");
    wire.send("250-u\r\n250 STARTTLS\r\n");
    wire.expect("STARTTLS");
    wire.send("220 go\r\n");
    wire.expect_tls();
    wire.read_some();
    wire.send("250 hi\r\n");
    wire.read_until_closed();
  });
  expect_fail_closed(attempt(), "4.7.5");
  expect_service_when_healthy();
}

TEST_F(StartTls, EndsAHandshakeThatNeverEnds) {
  config_.set("smarthost", "command_timeout", "1s");
  smarthost().script([](SmarthostConnection& wire) {
    wire.send("220 u\r\n");
    wire.expect("EHLO");
    wire.send("250-u\r\n250 STARTTLS\r\n");
    wire.expect("STARTTLS");
    wire.send("220 go\r\n");
    wire.expect_tls();
    wire.read_until_closed();
  });
  expect_fail_closed(attempt(), "4.7.5");
  expect_service_when_healthy();
}

TEST_F(StartTls, TakesRepliesCutIntoOctets) {
  smarthost().script([this](SmarthostConnection& wire) {
    wire.send_bytewise("220 u ESMTP\r\n");
    wire.expect("EHLO");
    wire.send_bytewise("250-u\r\n250 STARTTLS\r\n");
    wire.expect("STARTTLS");
    wire.send_bytewise("220 go\r\n");
    wire.start_tls(*smarthost().behavior().tls);
    wire.expect("EHLO");
    wire.send_bytewise("250-u\r\n250 PIPELINING\r\n");
    wire.expect("MAIL");
    wire.expect("RCPT");
    wire.send_bytewise("250 ok\r\n250 ok\r\n");
    wire.expect("DATA");
    wire.send_bytewise("354 go\r\n");
    while (wire.read_line() != ".") {
    }
    wire.send_bytewise("250 2.0.0 taken\r\n");
    wire.read_until_closed();
  });
  EXPECT_TRUE(attempt().is_accepted());
}

class Implicit : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    Behavior behavior = smarthost().behavior();
    behavior.is_implicit_tls = true;
    smarthost().set_behavior(behavior);
    config_.set("smarthost", "mode", "implicit");
  }
};

TEST_F(Implicit, CarriesMailWithTlsFromTheFirstByte) {
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(smarthost().journal().records().at(0).clear(), "");
}

TEST_F(Implicit, SaysThatThePortSpeaksPlaintext) {
  smarthost().script([](SmarthostConnection& wire) {
    wire.expect_tls();
    wire.send_raw("220 plain ESMTP\r\n");
    wire.read_until_closed();
  });
  expect_fail_closed(attempt(), "mode = starttls");
}

}  // namespace
}  // namespace support
