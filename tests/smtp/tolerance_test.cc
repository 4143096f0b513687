// What syntax = tolerant understands, and syntax = strict refuses, one row each; and which of it
// the session says was needed.
#include "smtp/tolerance.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "smtp/answered_session.h"

namespace smtp {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

struct Row {
  Tolerance needed;
  const char* name;
  std::string before;   // what no mode minds, said in turn
  std::string bytes;    // what needs the tolerance, in one write
  std::string event;    // what the tolerant session makes of it
  std::string refusal;  // the strict one's last reply, without CRLF
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

const std::string kHelo = "HELO c.test\r\n";
const std::string kEhlo = "EHLO c.test\r\n";
const std::string kMail = "MAIL FROM:<s@c.test>\r\n";
const std::string kRcpt = "RCPT TO:<r@u.test>\r\n";
constexpr const char* kNoBrackets = "501 5.1.7 the address must stand between < and >";
constexpr const char* kNoBracketsTo = "501 5.1.3 the address must stand between < and >";
constexpr const char* kSpaceBefore = "501 5.1.7 no space may stand before the address";
constexpr const char* kOddName = "501 5.5.2 that is no host name";
constexpr const char* kNoParameter = "555 5.5.4 parameter not recognised or not offered";
constexpr const char* kNotWaited = "554 5.5.0 you did not wait for the reply to this command";
constexpr const char* kBareLf = "500 5.5.2 line ends in a bare LF (syntax = strict)";

std::vector<Row> rows() {
  using T = Tolerance;
  return {
      {T::no_hello, "MailAtOnce", "", kMail, "MAIL FROM:<s@c.test>",
       "503 5.5.1 EHLO or HELO first"},
      {T::no_hello, "StarttlsAtOnce", "", "STARTTLS\r\n", "starttls", "503 5.5.1 EHLO first"},
      {T::no_hello_name, "HeloAlone", "", "HELO\r\n", "helo ", "501 5.5.2 a host name must follow"},
      {T::no_hello_name, "EhloAndSpace", "", "EHLO \r\n", "ehlo ",
       "501 5.5.2 a host name must follow"},
      {T::odd_hello_name, "TwoWords", "", "HELO Scan Station\r\n", "helo Scan?Station", kOddName},
      {T::odd_hello_name, "Underscore", "", "EHLO ups_1.test\r\n", "ehlo ups_1.test", kOddName},
      {T::odd_hello_name, "DotAtTheEnd", "", "EHLO ups.test.\r\n", "ehlo ups.test.", kOddName},
      {T::odd_hello_name, "HalfALiteral", "", "EHLO [10.0.0.1\r\n", "ehlo [10.0.0.1", kOddName},
      {T::odd_hello_name, "OtherThanAscii", "", "EHLO b\xfcro\r\n", "ehlo b?ro", kOddName},
      {T::odd_hello_name, "TooLong", "", "EHLO " + std::string(300, 'x') + "\r\n",
       "ehlo " + std::string(255, 'x'), kOddName},
      {T::extension_after_helo, "SizeAfterHelo", kHelo, "MAIL FROM:<s@c.test> SIZE=10\r\n",
       "MAIL FROM:<s@c.test> SIZE=10", kNoParameter},
      {T::extension_after_helo, "NotifyAfterHelo", kHelo + kMail,
       "RCPT TO:<r@u.test> NOTIFY=NEVER\r\n", "RCPT TO:<r@u.test> NOTIFY=NEVER", kNoParameter},
      {T::extension_after_helo, "AuthAfterHelo", kHelo, "AUTH PLAIN AGEAYg==\r\n",
       "auth PLAIN AGEAYg==", "503 5.5.1 EHLO first"},
      {T::extension_after_helo, "StarttlsAfterHelo", kHelo, "STARTTLS\r\n", "starttls",
       "503 5.5.1 EHLO first"},
      {T::extension_after_helo, "BdatAfterHelo", kHelo + kMail + kRcpt, "BDAT 1 LAST\r\nx",
       "end-of-data 1", "502 5.5.1 BDAT was not offered"},
      {T::out_of_turn, "BatchAfterHelo", kHelo, kMail + kRcpt, "RCPT TO:<r@u.test>", kNotWaited},
      {T::out_of_turn, "BatchWithEhlo", "", kEhlo + kMail, "MAIL FROM:<s@c.test>", kNotWaited},
      {T::out_of_turn, "NoopInABatch", kEhlo, "NOOP\r\n" + kMail, "MAIL FROM:<s@c.test>",
       kNotWaited},
      {T::out_of_turn, "MailDataBehindData", kEhlo + kMail + kRcpt, "DATA\r\nx\r\n.\r\n",
       "end-of-data 3", kNotWaited},
      {T::out_of_turn, "ResponseBehindAuth", kEhlo, "AUTH LOGIN\r\ndXNlcg==\r\n",
       "auth-response dXNlcg==", kNotWaited},
      {T::out_of_turn, "QuitBehindMailDataAfterHelo", kHelo + kMail + kRcpt + "DATA\r\n",
       "x\r\n.\r\nQUIT\r\n", "quit", "554 5.5.0 you did not wait for the reply to your mail data"},
      {T::bare_lf, "BareLf", kEhlo, "MAIL FROM:<s@c.test>\n", "MAIL FROM:<s@c.test>", kBareLf},
      {T::bare_lf, "BareLfInAuth", kEhlo + "AUTH LOGIN\r\n", "dXNlcg==\n",
       "auth-response dXNlcg==", kBareLf},
      {T::space_before_colon, "SpaceBeforeColon", kEhlo, "MAIL FROM :<s@c.test>\r\n",
       "MAIL FROM:<s@c.test>", "501 5.5.4 syntax: MAIL FROM:<address>"},
      {T::space_before_colon, "SpaceBeforeColonOfRcpt", kEhlo + kMail, "RCPT TO :<r@u.test>\r\n",
       "RCPT TO:<r@u.test>", "501 5.5.4 syntax: RCPT TO:<address>"},
      {T::space_after_colon, "SpaceAfterColon", kEhlo, "MAIL FROM: <s@c.test>\r\n",
       "MAIL FROM:<s@c.test>", kSpaceBefore},
      {T::space_after_colon, "TabAfterColon", kEhlo, "MAIL FROM:\t<s@c.test>\r\n",
       "MAIL FROM:<s@c.test>", kSpaceBefore},
      {T::space_after_colon, "SpacesAfterColonOfRcpt", kEhlo + kMail, "RCPT TO:   <r@u.test>\r\n",
       "RCPT TO:<r@u.test>", "501 5.1.3 no space may stand before the address"},
      {T::space_in_path, "SpacesInBrackets", kEhlo, "MAIL FROM:< s@c.test >\r\n",
       "MAIL FROM:<s@c.test>", "501 5.1.7 the address is malformed"},
      {T::no_angle_brackets, "NoBrackets", kEhlo, "MAIL FROM:s@c.test\r\n", "MAIL FROM:<s@c.test>",
       kNoBrackets},
      {T::no_angle_brackets, "NoBracketsOfRcpt", kEhlo + kMail, "RCPT TO:r@u.test NOTIFY=NEVER\r\n",
       "RCPT TO:<r@u.test> NOTIFY=NEVER", kNoBracketsTo},
      {T::stray_dot, "DotAtTheEndOfTheLocalPart", kEhlo, "MAIL FROM:<ilo.@c.test>\r\n",
       "MAIL FROM:<ilo.@c.test>", "501 5.1.7 the local part has a dot where none may stand"},
      {T::stray_dot, "TwoDotsInARow", kEhlo + kMail, "RCPT TO:<a..b@u.test>\r\n",
       "RCPT TO:<a..b@u.test>", "501 5.1.3 the local part has a dot where none may stand"},
      {T::stray_argument, "DataWithArgument", kEhlo + kMail + kRcpt, "DATA please\r\n", "data",
       "501 5.5.4 DATA takes no argument"},
      {T::stray_argument, "RsetWithArgument", kEhlo + kMail, "RSET all\r\n", "reset",
       "501 5.5.4 RSET takes no argument"},
      {T::stray_argument, "QuitWithArgument", kEhlo, "QUIT now\r\n", "quit",
       "501 5.5.4 QUIT takes no argument"},
      {T::login_with_user, "LoginWithUser", kEhlo, "AUTH LOGIN dXNlcg==\r\n",
       "auth-response dXNlcg==", "501 5.5.4 LOGIN takes no initial response"},
  };
}

class ToleranceTest : public ::testing::TestWithParam<Row> {
 protected:
  static void begin(AnsweredSession& session) {
    session.prompt("VXNlcm5hbWU6");
    session.prompt("UGFzc3dvcmQ6");
    session.greet();
    session.say_in_turn(GetParam().before);
    session.heard();
    EXPECT_THAT(session.tolerated(), IsEmpty()) << "nothing was needed yet";
  }
};

TEST_P(ToleranceTest, IsUnderstoodAndNamed) {
  AnsweredSession session(Syntax::tolerant);
  begin(session);
  session.say(GetParam().bytes);
  EXPECT_THAT(session.events(), Contains(GetParam().event));
  EXPECT_THAT(session.tolerated(), ElementsAre(std::string(to_string(GetParam().needed))));
  const std::string heard = session.heard();
  EXPECT_TRUE(heard.starts_with('2') || heard.starts_with('3')) << heard;
}

TEST_P(ToleranceTest, IsRefusedWhenStrict) {
  AnsweredSession session(Syntax::strict);
  begin(session);
  const std::size_t before = session.events().size();
  session.say(GetParam().bytes);
  EXPECT_THAT(session.heard(), EndsWith(GetParam().refusal + "\r\n"));
  EXPECT_THAT(session.tolerated(), IsEmpty());
  const auto begin_of_news = session.events().begin() + static_cast<std::ptrdiff_t>(before);
  EXPECT_THAT(std::vector<std::string>(begin_of_news, session.events().end()),
              Not(Contains(GetParam().event)));
}

INSTANTIATE_TEST_SUITE_P(Rows, ToleranceTest, ::testing::ValuesIn(rows()),
                         [](const auto& row) { return std::string(row.param.name); });

// Needs no tolerance at all: RFC 5321 2.4 (any case), 4.1.1 (white space at the end), 4.1.4 (HELO,
// NOOP and RSET at any time), 4.1.3 (address literals).
TEST(Tolerance, WhatTheRfcAllowsIsNoneInEitherMode) {
  for (const Syntax syntax : {Syntax::tolerant, Syntax::strict}) {
    AnsweredSession session(syntax);
    session.greet();
    session.say_in_turn(
        "noop\r\nrset\r\nhelo 10.0.0.1\r\nehlo [IPv6:::1]\r\nNoOp hi\r\nNOOP  \r\nRSET \r\n"
        "mail from:<s@c.test> size=10\r\nnoop\r\nrcpt to:<\"a..b\"@u.test>\r\nNOOP\r\n"
        "Rcpt To:<@a.test:r.s@u.test>\r\nvrfy x\r\ndata\r\nx\r\n.\r\nRSET\r\n");
    // The fastest that RFC 2920 allows.
    session.say(kMail + kRcpt + "RSET\r\n" + kMail + kRcpt + kRcpt + "DATA\r\n");
    session.say("y\r\n.\r\n" + kMail + kRcpt + "DATA\r\n");
    session.say("z\r\n.\r\nquit\r\n");
    EXPECT_THAT(session.tolerated(), IsEmpty());
    EXPECT_THAT(session.events(), Contains("quit"));
    std::string heard = session.heard();
    for (std::size_t end = 0; (end = heard.find("\r\n")) != std::string::npos;) {
      EXPECT_LT(heard[0], '4') << heard.substr(0, end);
      heard.erase(0, end + 2);
    }
  }
}

TEST(Tolerance, TalkBeforeTheGreetingIsAnsweredAfterIt) {
  AnsweredSession session(Syntax::tolerant);
  session.say(kEhlo);
  session.greet();
  EXPECT_THAT(session.heard(), StartsWith("220 seal.test ESMTP\r\n250-seal.test\r\n"));
  EXPECT_THAT(session.tolerated(), ElementsAre("talk before the greeting"));
}

TEST(Tolerance, TalkBeforeTheGreetingIsRefusedWhenStrict) {
  AnsweredSession session(Syntax::strict);
  session.say("E");
  session.say("HLO c.test\r\n");
  session.greet();
  EXPECT_EQ(session.heard(), "554 5.5.0 you spoke before the greeting\r\n");
  EXPECT_THAT(session.events(), ElementsAre(StartsWith("gone: 554")));
}

// Who begins TLS speaks first, and is told what is wrong with that.
TEST(Tolerance, TlsBeforeTheGreetingIsToldSoWhenStrict) {
  AnsweredSession session(Syntax::strict);
  session.say("\x16\x03\x01");
  session.greet();
  EXPECT_THAT(session.events(), ElementsAre(StartsWith("gone: client began TLS")));
}

TEST(Tolerance, IsToldOnceASession) {
  AnsweredSession session(Syntax::tolerant);
  session.greet();
  session.say_in_turn("HELO\nMAIL FROM: s@c.test\nRCPT TO: r@u.test\n");
  EXPECT_THAT(session.tolerated(),
              ElementsAre("no name behind HELO or EHLO", "line that ends in a bare LF",
                          "space after the colon", "no angle brackets"));
  session.say_in_turn("RCPT TO: q@u.test\nRSET now\n");
  EXPECT_THAT(session.tolerated(), ElementsAre("argument where none belongs"));
}

// The dot is the address, not a slip: it is passed on.
TEST(Tolerance, NothingIsToleratedInALineThatIsRefused) {
  AnsweredSession session(Syntax::tolerant);
  session.greet();
  session.say_in_turn(kEhlo + "MAIL FROM: s@c.test FOO=BAR\r\nMAIL FROM: <a b@c>\r\n");
  EXPECT_THAT(session.tolerated(), IsEmpty());
}

// --- the prompts of AUTH LOGIN ---

class LoginPromptTest : public ::testing::Test {
 protected:
  std::string login(Syntax syntax, std::string user, std::string password) {
    session_.emplace(syntax);
    session_->prompt(std::move(user));
    session_->prompt(std::move(password));
    session_->greet();
    session_->say(kEhlo);
    session_->heard();
    session_->say_in_turn("AUTH LOGIN\r\ndXNlcg==\r\ncGFzcw==\r\n");
    return session_->heard();
  }

  std::optional<AnsweredSession> session_;
};

constexpr const char* kUsual = "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 2.7.0 welcome\r\n";

TEST_F(LoginPromptTest, AreTheOnesEveryDeviceKnows) {
  for (const auto& [user, password] : std::vector<std::pair<std::string, std::string>>{
           {"VXNlciBOYW1lAA==", "UGFzc3dvcmQA"},  // "User Name\0", "Password\0"
           {"dXNlcm5hbWU6", "cGFzc3dvcmQ6"},      // "username:", "password:"
           {"Username:", ""}}) {                  // not even base64
    EXPECT_EQ(login(Syntax::tolerant, user, password), kUsual);
    EXPECT_THAT(session_->tolerated(), ElementsAre("odd prompt of the smarthost to AUTH LOGIN"));
  }
  EXPECT_EQ(login(Syntax::tolerant, "VXNlcm5hbWU6", "UGFzc3dvcmQ6"), kUsual);
  EXPECT_THAT(session_->tolerated(), IsEmpty());
}

TEST_F(LoginPromptTest, AreTheSmarthostsOwnWhenStrict) {
  EXPECT_EQ(login(Syntax::strict, "VXNlciBOYW1lAA==", "cGFzc3dvcmQ6"),
            "334 VXNlciBOYW1lAA==\r\n334 cGFzc3dvcmQ6\r\n235 2.7.0 welcome\r\n");
}

TEST_F(LoginPromptTest, OfOtherMechanismsAndMoreOfThemAreLeftAlone) {
  AnsweredSession session(Syntax::tolerant);
  for (const char* prompt : {"", "dXNlcm5hbWU6", "cGFzc3dvcmQ6", "b3Rw"}) session.prompt(prompt);
  session.greet();
  session.say_in_turn(kEhlo + "AUTH PLAIN\r\nAA==\r\n");
  EXPECT_THAT(session.heard(), EndsWith("334 \r\n334 dXNlcm5hbWU6\r\n"));
  EXPECT_THAT(session.tolerated(), IsEmpty());
  AnsweredSession other(Syntax::tolerant);
  for (const char* prompt : {"dQ==", "cA==", "b3Rw"}) other.prompt(prompt);
  other.greet();
  other.say_in_turn(kEhlo + "AUTH LOGIN\r\ndXNlcg==\r\ncGFzcw==\r\n");
  EXPECT_THAT(other.heard(), EndsWith("334 UGFzc3dvcmQ6\r\n334 b3Rw\r\n"));
}

// A smarthost that does not look at the user in the command would take the password for one.
TEST_F(LoginPromptTest, OfTheUserIsAnsweredHereWhenTheCommandHadOne) {
  AnsweredSession session(Syntax::tolerant);
  session.prompt("dXNlcm5hbWU6");
  session.prompt("cGFzc3dvcmQ6");
  session.greet();
  session.say_in_turn(kEhlo + "auth login dXNlcg==\r\n");
  EXPECT_THAT(session.events(), ElementsAre("ehlo c.test", "auth LOGIN", "auth-response dXNlcg=="));
  EXPECT_THAT(session.heard(), EndsWith("AUTH PLAIN LOGIN\r\n334 UGFzc3dvcmQ6\r\n"));
  session.say("cGFzcw==\r\n");
  EXPECT_EQ(session.events().back(), "auth-response cGFzcw==");
  EXPECT_EQ(session.heard(), "235 2.7.0 welcome\r\n");
}

TEST_F(LoginPromptTest, ThatNeverComesKeepsTheUserForNobody) {
  AnsweredSession session(Syntax::tolerant);
  session.greet();
  session.say_in_turn(kEhlo + "AUTH LOGIN dXNlcg==\r\n");  // 235 at once: odd, and over
  EXPECT_THAT(session.events(), ElementsAre("ehlo c.test", "auth LOGIN"));
  EXPECT_THAT(session.heard(), EndsWith("235 2.7.0 welcome\r\n"));
}

TEST_F(LoginPromptTest, MayBeForAnEmptyUser) {
  AnsweredSession session(Syntax::tolerant);
  session.prompt("VXNlcm5hbWU6");
  session.greet();
  session.say_in_turn(kEhlo + "AUTH LOGIN =\r\n");
  EXPECT_EQ(session.events().back(), "auth-response ");
}

TEST(Tolerances, AreASet) {
  Tolerances set;
  EXPECT_TRUE(set.is_empty());
  set.add(Tolerance::odd_login_prompt);
  set.add(Tolerance::early_talk);
  set.add(Tolerance::early_talk);
  EXPECT_THAT(set.list(), ElementsAre(Tolerance::early_talk, Tolerance::odd_login_prompt));
  EXPECT_TRUE(set.has(Tolerance::early_talk));
  Tolerances less;
  less.add(Tolerance::early_talk);
  set.remove(less);
  EXPECT_FALSE(set.has(Tolerance::early_talk));
}

}  // namespace
}  // namespace smtp
