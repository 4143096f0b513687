// smtp/client_login: which mechanism, what is said to which reply, and what a refusal means.
#include "smtp/client_login.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "support/crypto.h"

namespace smtp {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ClientLoginTest : public ::testing::Test {
 protected:
  ClientLoginTest() {
    login_.credentials.username = "joe";
    login_.credentials.kind = SecretKind::password;
    login_.credentials.secret = base::Secret("hunter22");
    login_.crypto = &support::crypto();
  }

  // What is said first to a smarthost that offers these.
  std::string begin(std::vector<std::string> offered) {
    session_.emplace(login_, std::move(offered));
    return shown(session_->begin());
  }
  std::string reply(int code, std::string_view text) {
    Reply reply;
    reply.code = code;
    reply.lines.emplace_back(text);
    return shown(session_->on_reply(reply));
  }
  static std::string shown(const ClientLogin::Step& step) {
    if (const auto* say = std::get_if<ClientLogin::Say>(&step)) return say->line;
    if (const auto* error = std::get_if<base::Error>(&step)) return "error: " + error->detail;
    return "done";
  }
  void use_token(std::string token) {
    login_.credentials.kind = SecretKind::token;
    login_.credentials.secret = base::Secret(std::move(token));
  }

  Login login_;
  std::optional<ClientLogin> session_;
};

TEST_F(ClientLoginTest, SaysPlainInOneCommand) {
  EXPECT_EQ(begin({"PLAIN"}), "AUTH PLAIN AGpvZQBodW50ZXIyMg==");
  EXPECT_EQ(session_->shown(), "AUTH PLAIN");
  EXPECT_EQ(reply(235, "2.7.0 welcome"), "done");
  EXPECT_EQ(session_->mechanism(), "PLAIN");
  EXPECT_EQ(session_->trouble(), LoginTrouble::none);
}

// AUTH-02.
TEST_F(ClientLoginTest, SaysLoginByPositionToPromptsOfAnyKind) {
  for (const char* prompt : {"VXNlcm5hbWU6", "dXNlcm5hbWU6", "Username:", ""}) {
    EXPECT_EQ(begin({"LOGIN"}), "AUTH LOGIN");
    EXPECT_EQ(reply(334, prompt), "am9l") << prompt;
    EXPECT_EQ(session_->shown(), "AUTH LOGIN (response)");
    EXPECT_EQ(reply(334, prompt), "aHVudGVyMjI=") << prompt;
    EXPECT_EQ(reply(235, "ok"), "done");
  }
}

TEST_F(ClientLoginTest, TakesTheStrongestThatIsOffered) {
  EXPECT_THAT(begin({"LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"}),
              HasSubstr("AUTH SCRAM-SHA-256 "));
  EXPECT_THAT(begin({"LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1"}), HasSubstr("AUTH SCRAM-SHA-1 "));
  EXPECT_EQ(begin({"LOGIN", "PLAIN", "CRAM-MD5"}), "AUTH CRAM-MD5");
  EXPECT_THAT(begin({"LOGIN", "PLAIN", "XOAUTH2", "EXTERNAL"}), HasSubstr("AUTH PLAIN "));
  EXPECT_EQ(begin({"LOGIN", "NTLM", "EXTERNAL"}), "AUTH LOGIN");
}

TEST_F(ClientLoginTest, TakesOnlyTheOneThatIsConfigured) {
  login_.mechanism = Mechanism::login;
  EXPECT_EQ(begin({"LOGIN", "PLAIN", "SCRAM-SHA-256"}), "AUTH LOGIN");
  EXPECT_THAT(reply(504, "5.5.4 not here"), HasSubstr("refused our login: 504"));
  EXPECT_EQ(begin({"PLAIN", "SCRAM-SHA-256"}),
            "error: the smarthost offers no AUTH LOGIN, only PLAIN, SCRAM-SHA-256");
}

TEST_F(ClientLoginTest, UsesACertificateOnlyWhereThatIsConfigured) {
  login_.credentials.kind = SecretKind::none;
  login_.credentials.username.clear();
  EXPECT_THAT(begin({"EXTERNAL"}), HasSubstr("error: "));
  login_.mechanism = Mechanism::external;
  EXPECT_EQ(begin({"PLAIN", "EXTERNAL"}), "AUTH EXTERNAL =");
  EXPECT_EQ(reply(235, "ok"), "done");
}

// AUTH-04.
TEST_F(ClientLoginTest, SaysWhatIsOfferedWhereNothingWillDo) {
  EXPECT_THAT(begin({}), HasSubstr("offers no AUTH, and mail does not go without the login"));
  EXPECT_THAT(begin({"GSSAPI", "NTLM"}),
              HasSubstr("offers no AUTH that takes a password, only GSSAPI, NTLM"));
  use_token("t");
  EXPECT_THAT(begin({"PLAIN"}), HasSubstr("OAUTHBEARER or XOAUTH2, which take a token"));
  EXPECT_EQ(session_->trouble(), LoginTrouble::not_tried);
}

// --- refusals ---

TEST_F(ClientLoginTest, ARefusedPasswordIsFinal) {
  begin({"PLAIN", "LOGIN"});
  EXPECT_EQ(reply(535, "5.7.8 Error: authentication failed"),
            "error: the smarthost refused our login: 535 5.7.8 Error: authentication failed (AUTH "
            "PLAIN)");
  EXPECT_EQ(session_->trouble(), LoginTrouble::refused);
}

TEST_F(ClientLoginTest, NamesTheWayOutWhereAMechanismNeedsWhatServersMayLack) {
  begin({"PLAIN", "LOGIN", "CRAM-MD5"});
  reply(334, "PDFAeD4=");
  EXPECT_THAT(reply(535, "5.7.8 no"),
              HasSubstr("535 5.7.8 no (AUTH CRAM-MD5); auth_mechanism = plain may do"));
}

TEST_F(ClientLoginTest, TriesTheNextWhereTheMechanismIsRefused) {
  for (const int code : {500, 501, 502, 503, 504, 534, 538}) {
    EXPECT_EQ(begin({"LOGIN", "PLAIN", "CRAM-MD5"}), "AUTH CRAM-MD5");
    EXPECT_THAT(reply(code, "5.5.4 not this"), HasSubstr("AUTH PLAIN ")) << code;
    EXPECT_EQ(reply(code, "5.5.4 not this"), "AUTH LOGIN");
    EXPECT_THAT(reply(code, "5.5.4 not this"), HasSubstr("error: the smarthost refused our login"));
  }
}

TEST_F(ClientLoginTest, TriesAFewMechanismsOnly) {
  begin({"LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"});
  reply(504, "no");
  reply(504, "no");
  EXPECT_THAT(reply(504, "no"), HasSubstr("error: the smarthost refused our login: 504 no"));
}

TEST_F(ClientLoginTest, WaitsWhereTheSmarthostCannotSay) {
  begin({"PLAIN"});
  EXPECT_EQ(reply(454, "4.7.0 try later"),
            "error: the smarthost cannot check our login now: 454 4.7.0 try later (AUTH PLAIN)");
  EXPECT_EQ(session_->trouble(), LoginTrouble::put_off);
}

TEST_F(ClientLoginTest, TellsNoSecretThatTheSmarthostRepeats) {
  begin({"PLAIN"});
  EXPECT_THAT(reply(535, "5.7.8 joe may not use hunter22 (aHVudGVyMjI=)"),
              AllOf(Not(HasSubstr("hunter22")), Not(HasSubstr("aHVudGVyMjI")),
                    HasSubstr("may not use *** (***)")));
}

TEST_F(ClientLoginTest, TellsNothingOfItsOwnCommandThatTheSmarthostRepeats) {
  begin({"PLAIN"});
  EXPECT_THAT(reply(535, "5.7.8 no: AUTH PLAIN AGpvZQBodW50ZXIyMg=="),
              AllOf(Not(HasSubstr("AGpvZQBodW50ZXIyMg")), HasSubstr("no: AUTH PLAIN ***")));
  use_token("ya29.nobodys-business");
  const std::string command = begin({"OAUTHBEARER"});
  reply(334, base::encode_base64(R"({"status":"401","token":"ya29.nobodys-business"})"));
  EXPECT_THAT(reply(535, "5.7.8 no: " + command),
              AllOf(Not(HasSubstr("nobodys")), HasSubstr(R"({"status":"401","token":"***"})"),
                    HasSubstr("no: AUTH OAUTHBEARER *** (")));
}

TEST_F(ClientLoginTest, BlotsOutWhatIsSecretInEveryLine) {
  begin({"PLAIN"});
  const Reply echo{235, {"hunter22, welcome", "AGpvZQBodW50ZXIyMg=="}};
  EXPECT_EQ(session_->without_secrets(echo), (Reply{235, {"***, welcome", "***"}}));
}

// Servers that hang up over a wrong password count it, too.
TEST_F(ClientLoginTest, CountsAsSoonAsSomethingWasSaid) {
  begin({});
  EXPECT_EQ(session_->trouble(), LoginTrouble::not_tried);
  begin({"PLAIN"});
  EXPECT_EQ(session_->trouble(), LoginTrouble::put_off);
  begin({"LOGIN"});
  EXPECT_EQ(session_->trouble(), LoginTrouble::put_off);
}

// --- odd exchanges ---

// AUTH-09.
TEST_F(ClientLoginTest, CancelsAnExchangeWithoutEnd) {
  begin({"CRAM-MD5"});
  EXPECT_THAT(reply(334, "PDFAeD4="), Not(HasSubstr("error")));
  EXPECT_EQ(reply(334, "PDFAeD4="), "*");
  EXPECT_EQ(session_->shown(), "AUTH CRAM-MD5 (cancelled)");
  EXPECT_THAT(reply(501, "5.7.0 cancelled"), HasSubstr("asks for more than AUTH CRAM-MD5"));
  EXPECT_EQ(session_->trouble(), LoginTrouble::put_off);

  begin({"LOGIN"});
  reply(334, "");
  reply(334, "");
  EXPECT_EQ(reply(334, ""), "*");
  EXPECT_THAT(reply(334, ""), HasSubstr("error")) << "not even that ends it";
}

TEST_F(ClientLoginTest, CancelsOverAChallengeThatIsNotBase64) {
  begin({"CRAM-MD5"});
  EXPECT_EQ(reply(334, "not base64!"), "*");
  EXPECT_THAT(reply(501, "ok"), HasSubstr("a challenge to AUTH CRAM-MD5 that is not base64"));
}

TEST_F(ClientLoginTest, BelievesNoSuccessAfterItWasCancelled) {
  begin({"CRAM-MD5"});
  EXPECT_EQ(reply(334, "!"), "*");
  EXPECT_THAT(reply(235, "welcome"), HasSubstr("error"));
}

TEST_F(ClientLoginTest, BelievesNoScramServerThatProvesNothing) {
  begin({"SCRAM-SHA-256"});
  EXPECT_THAT(reply(235, "2.7.0 welcome"), HasSubstr("without proving that it knows our password"));
  EXPECT_EQ(session_->trouble(), LoginTrouble::put_off);
}

// --- long responses ---

// AUTH-12: RFC 4954 4, RFC 5321 4.5.3.1.4.
TEST_F(ClientLoginTest, KeepsALongResponseForTheChallenge) {
  use_token(std::string(4096, 't'));
  EXPECT_EQ(begin({"XOAUTH2"}), "AUTH XOAUTH2");
  const std::string response = reply(334, "");
  EXPECT_EQ(base::decode_base64(response),
            "user=joe\x01"
            "auth=Bearer " +
                std::string(4096, 't') + "\x01\x01");
  EXPECT_EQ(reply(235, "ok"), "done");
}

TEST_F(ClientLoginTest, FillsTheCommandLineToItsLastOctet) {
  const auto command_of = [this](std::size_t size) {
    login_.credentials.secret = base::Secret(std::string(size, 'p'));
    return begin({"PLAIN"});
  };
  // "AUTH PLAIN " and CRLF leave 499, of which base64 can use 496: 372 octets.
  EXPECT_EQ(command_of(372 - 5).size() + 2, 509U);
  EXPECT_EQ(command_of(372 - 4), "AUTH PLAIN");
}

TEST_F(ClientLoginTest, CancelsWhatIsLongerThanAnyServerTakes) {
  use_token(std::string(12288, 't'));
  EXPECT_EQ(begin({"XOAUTH2"}), "AUTH XOAUTH2");
  EXPECT_EQ(reply(334, ""), "*");
  EXPECT_THAT(reply(501, ""), HasSubstr("longer than AUTH can carry"));
}

// --- tokens ---

// AUTH-10.
TEST_F(ClientLoginTest, AnswersTheReasonOfARefusedTokenBeforeItsRefusal) {
  use_token("t");
  begin({"XOAUTH2"});
  EXPECT_EQ(reply(334, base::encode_base64(R"({"status":"401"})")), "");
  EXPECT_EQ(reply(535, "5.7.8 not accepted"),
            "error: the smarthost refused our login: 535 5.7.8 not accepted (AUTH XOAUTH2, which "
            "it answered with {\"status\":\"401\"})");
  EXPECT_EQ(session_->trouble(), LoginTrouble::refused);

  begin({"OAUTHBEARER", "XOAUTH2"});
  EXPECT_EQ(reply(334, base::encode_base64(R"({"status":"invalid_token"})")), "AQ==");
  EXPECT_THAT(reply(535, "5.7.8 no"), HasSubstr("invalid_token"));
}

}  // namespace
}  // namespace smtp
