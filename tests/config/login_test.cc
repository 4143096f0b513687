// config: credentials that smtpseal presents, and what their keys must have of each other.
#include "config/login.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config_fixture.h"

namespace config {
namespace {

using smtp::Mechanism;
using smtp::SecretKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class LoginTest : public ConfigTest {
 protected:
  // Its lines begin at line 3.
  static std::string smarthost(std::string_view lines) {
    return std::string(kSmarthost) + std::string(lines) + '\n';
  }
  Login load_login(std::string_view lines) {
    return load_right(smarthost(lines)).config.smarthosts.at(0).login;
  }
  std::vector<std::string> problems(std::string_view lines) {
    return problems_of(smarthost(lines));
  }
};

TEST_F(LoginTest, IsThereOnlyWhenItIsWrittenDown) {
  const Login none = load_login("");
  EXPECT_FALSE(none.is_configured());
  EXPECT_EQ(none.kind(), SecretKind::none);
  EXPECT_FALSE(load_login("auth_mechanism = auto").is_configured());
}

TEST_F(LoginTest, TakesEveryKey) {
  const Login password = load_login("username = app\npassword_file = /p\nauth_mechanism = Login");
  EXPECT_TRUE(password.is_configured());
  EXPECT_EQ(password.username, "app");
  EXPECT_EQ(password.password_file, "/p");
  EXPECT_EQ(password.kind(), SecretKind::password);
  EXPECT_EQ(password.mechanism, Mechanism::login);
  EXPECT_EQ(load_login("username = a\npassword_command = pass 'a b'").password_command,
            "pass 'a b'");
  EXPECT_EQ(load_login("username = a\ntoken_file = /t").kind(), SecretKind::token);
  EXPECT_EQ(load_login("username = a\ntoken_command = t").token_command, "t");
  EXPECT_EQ(load_login("username = a\npassword_file = credential:smtp").password_file,
            "credential:smtp");
}

TEST_F(LoginTest, KnowsEveryMechanism) {
  for (const auto& [word, mechanism] :
       {std::pair{"plain", Mechanism::plain}, std::pair{"login", Mechanism::login},
        std::pair{"cram-md5", Mechanism::cram_md5},
        std::pair{"scram-sha-1", Mechanism::scram_sha_1},
        std::pair{"SCRAM-SHA-256", Mechanism::scram_sha_256}}) {
    const std::string line = std::string("auth_mechanism = ") + word;
    EXPECT_EQ(load_login("username = a\npassword_file = /p\n" + line).mechanism, mechanism);
  }
  for (const auto& [word, mechanism] : {std::pair{"xoauth2", Mechanism::xoauth2},
                                        std::pair{"oauthbearer", Mechanism::oauthbearer}}) {
    const std::string line = std::string("auth_mechanism = ") + word;
    EXPECT_EQ(load_login("username = a\ntoken_file = /t\n" + line).mechanism, mechanism);
  }
  const Login external =
      load_login("auth_mechanism = external\nclient_certificate = /c.pem\nclient_key = /k.pem");
  EXPECT_EQ(external.mechanism, Mechanism::external);
  EXPECT_TRUE(external.is_configured());
}

TEST_F(LoginTest, NeedsASecretAndAName) {
  EXPECT_THAT(problems("username = a"),
              ElementsAre(HasSubstr("3: username needs a password or a token: password_file")));
  EXPECT_THAT(problems("token_file = /t"),
              ElementsAre(HasSubstr("3: token_file needs username = NAME")));
  EXPECT_THAT(problems("auth_mechanism = plain"),
              ElementsAre(HasSubstr("auth_mechanism = plain needs username = NAME")));
}

TEST_F(LoginTest, NeedsOneSecretOnly) {
  EXPECT_THAT(problems("username = a\npassword_file = /p\npassword_command = p"),
              ElementsAre(HasSubstr("5: password_command and password_file do not go together")));
  EXPECT_THAT(problems("username = a\npassword_file = /p\ntoken_file = /t"),
              ElementsAre(HasSubstr("5: token_file and password_file do not go together")));
}

TEST_F(LoginTest, NeedsAMechanismThatFitsTheSecret) {
  EXPECT_THAT(problems("username = a\npassword_file = /p\nauth_mechanism = xoauth2"),
              ElementsAre(HasSubstr(
                  "auth_mechanism = xoauth2 takes a token, and password_file is a password")));
  EXPECT_THAT(
      problems("username = a\ntoken_command = t\nauth_mechanism = scram-sha-256"),
      ElementsAre(HasSubstr("scram-sha-256 takes a password, and token_command is a token")));
  EXPECT_THAT(problems("auth_mechanism = external"),
              ElementsAre(HasSubstr("external needs client_certificate = FILE")));
  EXPECT_THAT(problems("auth_mechanism = external\npassword_file = /p\nclient_certificate = /c"),
              ElementsAre(HasSubstr("password_file has no effect with auth_mechanism = external")));
}

// AUTH-23.
TEST_F(LoginTest, NeedsASmarthostWhoseIdentityIsVerified) {
  for (const char* level : {"none", "may", "encrypt"}) {
    EXPECT_THAT(problems(std::string("username = a\npassword_file = /p\ntls = ") + level),
                ElementsAre(HasSubstr(std::string("credentials need tls = verify or tls = pin: "
                                                  "with tls = ") +
                                      level)));
  }
  EXPECT_THAT(problems("username = a\npassword_file = /p\ntls = encrypt\nmode = implicit"),
              ElementsAre(HasSubstr("credentials need tls = verify")));
  EXPECT_TRUE(load_login("username = a\npassword_file = /p\ntls = pin\n"
                         "pin = sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
                  .is_configured());
}

TEST_F(LoginTest, RefusesNamesThatNoServerCanHave) {
  EXPECT_THAT(problems("username = a\x01z\npassword_file = /p"), Not(IsEmpty()));
  for (const char* name : {"credential:", "credential:../x", "credential:a/b", "credential:.."}) {
    EXPECT_THAT(problems("username = a\npassword_file = " + std::string(name)),
                ElementsAre(HasSubstr("expected credential:NAME")))
        << name;
  }
}

// --- where a secret is not to be written

TEST_F(LoginTest, SaysHowASecretIsGivenToWhoeverWritesItDown) {
  const auto in_file = problems("username = a\npassword = hunter22\npassword_file = /p");
  EXPECT_THAT(in_file, ElementsAre(HasSubstr(
                           "unknown key \"password\" in [smarthost]; secrets do not stand in a "
                           "configuration: write password_file = FILE or password_command")));
  EXPECT_THAT(in_file.front(), Not(HasSubstr("hunter22")));
  EXPECT_THAT(problems("token = abc"), ElementsAre(HasSubstr("write token_file = FILE")));
  set_variable("SMTPSEAL_SMARTHOST_PASSWORD", "hunter22");
  const auto in_environment = problems("username = a\npassword_file = /p");
  EXPECT_THAT(in_environment, ElementsAre(HasSubstr("set SMTPSEAL_SMARTHOST_PASSWORD_FILE or "
                                                    "SMTPSEAL_SMARTHOST_PASSWORD_COMMAND")));
  EXPECT_THAT(in_environment.front(), Not(HasSubstr("hunter22")));
}

TEST_F(LoginTest, TakesTheNameOfTheFileFromTheEnvironment) {
  set_variable("SMTPSEAL_SMARTHOST_PASSWORD_FILE", "/run/secrets/smtp");
  set_variable("SMTPSEAL_SMARTHOST_USERNAME", "app");
  EXPECT_EQ(load_login("").password_file, "/run/secrets/smtp");
}

}  // namespace
}  // namespace config
