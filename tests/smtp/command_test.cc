// smtp/command: lines from the client, and the lines we make of them.
#include "smtp/command.h"

#include <string>

#include <gtest/gtest.h>

namespace smtp {
namespace {

Extensions everything() {
  Extensions all;
  all.size = true;
  all.max_size = 1000;
  all.eight_bit_mime = true;
  all.smtputf8 = true;
  all.dsn = true;
  all.auth_mechanisms = {"PLAIN"};
  return all;
}

// The line that would go to the smarthost, or the code of the refusal.
std::string mail(std::string_view argument, const Extensions& offered = everything(),
                 Syntax syntax = Syntax::tolerant) {
  auto parsed = parse_mail(argument, offered, syntax);
  if (const auto* refusal = std::get_if<Reply>(&parsed)) return format(*refusal).substr(0, 9);
  return format(std::get<MailCommand>(parsed));
}

std::string rcpt(std::string_view argument, bool is_utf8 = false,
                 const Extensions& offered = everything()) {
  auto parsed = parse_rcpt(argument, offered, is_utf8, Syntax::tolerant);
  if (const auto* refusal = std::get_if<Reply>(&parsed)) return format(*refusal).substr(0, 9);
  return format(std::get<RcptCommand>(parsed));
}

TEST(SplitCommand, KnowsVerbsInAnyCaseAndTrailingSpace) {
  EXPECT_EQ(split_command("eHlO  host ").verb, Verb::ehlo);
  EXPECT_EQ(split_command("eHlO  host ").argument, "host");
  EXPECT_EQ(split_command("RSET ").verb, Verb::rset);
  EXPECT_EQ(split_command("QUIT  ").verb, Verb::quit);
  EXPECT_EQ(split_command("MAIL FROM:<a>").argument, "FROM:<a>");
}

TEST(SplitCommand, KnowsNothingElse) {
  for (const char* line :
       {" NOOP", "DATAX", "MAILFROM <a>", "MAILFROM:<a>", "XYZZY", "\xff\xfe", "", "EH"}) {
    EXPECT_EQ(split_command(line).verb, Verb::unknown) << line;
  }
  EXPECT_EQ(split_command(std::string_view("EH\0LO x", 7)).verb, Verb::unknown);
}

TEST(SplitCommand, KnowsWhatIsNotImplemented) {
  for (const char* line : {"XCLIENT ADDR=127.0.0.1", "XFORWARD NAME=x", "TURN", "SEND FROM:<a>",
                           "DEBUG", "WIZ", "ATRN", "ONEX", "VERB ON"}) {
    EXPECT_EQ(split_command(line).verb, Verb::unimplemented) << line;
  }
}

TEST(SplitCommand, RecognisesOtherProtocols) {
  for (const char* line : {"GET / HTTP/1.1", "POST / HTTP/1.1", "CONNECT a:25 HTTP/1.0",
                           "Subject: hello", "Received: x", "SSH-2.0-x", "\x16\x03\x01"}) {
    EXPECT_EQ(split_command(line).verb, Verb::foreign) << line;
  }
  EXPECT_NE(split_command("MAIL FROM:<a@b>").verb, Verb::foreign);
}

TEST(MailCommand, IsRebuiltFromItsParts) {
  EXPECT_EQ(mail("FROM:<s@c.test>"), "MAIL FROM:<s@c.test>");
  EXPECT_EQ(mail("from: <s@c.test>  size=10  body=8bitmime"),
            "MAIL FROM:<s@c.test> SIZE=10 BODY=8bitmime");
  EXPECT_EQ(mail("FROM : s@c.test"), "MAIL FROM:<s@c.test>");
  EXPECT_EQ(mail("FROM: <s@c.test>", everything(), Syntax::strict), "501 5.1.7");
  EXPECT_EQ(mail("TO:<a>"), "501 5.5.4");
  EXPECT_EQ(mail(""), "501 5.5.4");
}

TEST(MailCommand, ChecksSize) {
  for (const char* bad : {"SIZE=-1", "SIZE=", "SIZE=abc", "SIZE", "SIZE=1 SIZE=2", "SIZE=+1"}) {
    EXPECT_EQ(mail("FROM:<a@b> " + std::string(bad)), "501 5.5.4") << bad;
  }
  EXPECT_EQ(mail("FROM:<a@b> SIZE=1000"), "MAIL FROM:<a@b> SIZE=1000");
  EXPECT_EQ(mail("FROM:<a@b> SIZE=1001"), "552 5.3.4");
  EXPECT_EQ(mail("FROM:<a@b> SIZE=99999999999999999999"), "552 5.3.4");
}

TEST(MailCommand, TakesOnlyParametersThatWereOffered) {
  for (const char* odd :
       {"FOO=BAR", "HOLDFOR=1", "REQUIRETLS", "XVERP", "MT-PRIORITY=9", "BODY=BINARYMIME"}) {
    EXPECT_EQ(mail("FROM:<a@b> " + std::string(odd)), "555 5.5.4") << odd;
  }
  for (const char* known :
       {"SIZE=1", "BODY=8BITMIME", "SMTPUTF8", "RET=HDRS", "ENVID=x", "AUTH=<>"}) {
    EXPECT_EQ(mail("FROM:<a@b> " + std::string(known), Extensions{}), "555 5.5.4") << known;
    EXPECT_EQ(mail("FROM:<a@b> " + std::string(known)).substr(0, 4), "MAIL") << known;
  }
}

TEST(MailCommand, RefusesControlCharactersInEncodedValues) {
  EXPECT_EQ(mail("FROM:<a@b> ENVID=x+0D+0AY"), "501 5.5.4");
  EXPECT_EQ(mail("FROM:<a@b> ENVID=x+00"), "501 5.5.4");
  EXPECT_EQ(mail("FROM:<a@b> ENVID=x+2Bz"), "MAIL FROM:<a@b> ENVID=x+2Bz");
  EXPECT_EQ(mail("FROM:<a@b> AUTH=e+0Av"), "501 5.5.4");
  EXPECT_EQ(mail("FROM:<a@b> ENVID=x+2"), "501 5.5.4");
  EXPECT_EQ(rcpt("TO:<a@b> ORCPT=rfc822;x+0Ay"), "501 5.5.4");
}

TEST(MailCommand, NeedsSmtputf8ForOtherThanAscii) {
  EXPECT_EQ(mail("FROM:<j\xc3\xb6@c.test>"), "553 5.6.7");
  EXPECT_EQ(mail("FROM:<j\xc3\xb6@c.test> SMTPUTF8"), "MAIL FROM:<j\xc3\xb6@c.test> SMTPUTF8");
  EXPECT_EQ(mail("FROM:<a@b> SMTPUTF8=1"), "501 5.5.4");
  EXPECT_EQ(rcpt("TO:<j\xc3\xb6@c.test>"), "553 5.6.7");
  EXPECT_EQ(rcpt("TO:<j\xc3\xb6@c.test>", true), "RCPT TO:<j\xc3\xb6@c.test>");
}

TEST(RcptCommand, ChecksNotificationParameters) {
  EXPECT_EQ(rcpt("TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b"),
            "RCPT TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b");
  EXPECT_EQ(rcpt("TO:<a@b> NOTIFY=NEVER"), "RCPT TO:<a@b> NOTIFY=NEVER");
  EXPECT_EQ(rcpt("TO:<a@b> NOTIFY=NEVER,DELAY"), "501 5.5.4");
  EXPECT_EQ(rcpt("TO:<a@b> NOTIFY="), "501 5.5.4");
  EXPECT_EQ(rcpt("TO:<a@b> ORCPT=a@b"), "501 5.5.4");
  EXPECT_EQ(rcpt("TO:<a@b> NOTIFY=DELAY", false, Extensions{}), "555 5.5.4");
  EXPECT_EQ(rcpt("TO:<a@b> FOO"), "555 5.5.4");
}

TEST(Hello, IsMadeFitForATraceLine) {
  const auto name = [](std::string_view argument) {
    auto parsed = parse_hello(argument, Syntax::tolerant);
    return std::get<HelloCommand>(parsed).name;
  };
  EXPECT_EQ(name("app.test"), "app.test");
  EXPECT_EQ(name(""), "");
  EXPECT_EQ(name("a b(c)\x01\xff;"), "a?b?c????");
  EXPECT_EQ(name(std::string(400, 'x')).size(), 255U);
  const auto strict = parse_hello("", Syntax::strict);
  EXPECT_EQ(std::get<Reply>(strict).code, 501);
}

}  // namespace
}  // namespace smtp
