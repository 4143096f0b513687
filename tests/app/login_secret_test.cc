// app/login_secret: passwords and tokens, octet for octet, from files and commands.
#include "app/login_secret.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace app {
namespace {

using ::testing::HasSubstr;
using namespace std::string_literals;

std::string text_of(const base::Result<base::Secret>& secret) {
  return secret ? std::string(secret.value().view()) : "error: " + secret.error().detail;
}

// AUTH-13.
TEST(SecretOfFile, TakesOffOneLineEndAndNothingElse) {
  EXPECT_EQ(text_of(secret_of_file("secret")), "secret");
  EXPECT_EQ(text_of(secret_of_file("secret\n")), "secret");
  EXPECT_EQ(text_of(secret_of_file("secret\r\n")), "secret");
  EXPECT_EQ(text_of(secret_of_file("x")), "x");
  for (const std::string& odd : {" sp aced "s, "=#;\"'\\"s, "pässwörd \xf0\x9f\x94\x91"s,
                                 "latin-1 \xfc\xff"s, std::string(4096, 'p')}) {
    EXPECT_EQ(text_of(secret_of_file(odd + "\n")), odd);
  }
}

TEST(SecretOfFile, RefusesWhatCannotBeOne) {
  for (const std::string& several : {"a\nb"s, "a\nb\n"s, "secret\n\n"s, "a\rb"s, "secret\r"s}) {
    EXPECT_THAT(text_of(secret_of_file(several)), HasSubstr("error: holds a line end")) << several;
  }
  EXPECT_THAT(text_of(secret_of_file("a\0b"s)), HasSubstr("holds a NUL octet"));
  EXPECT_THAT(text_of(secret_of_file("a\x01z"s)), HasSubstr("control character (0x01)"));
  EXPECT_EQ(text_of(secret_of_file("")), "error: is empty");
  EXPECT_EQ(text_of(secret_of_file("\r\n")), "error: is empty");
}

TEST(SecretOfFile, RepeatsNothingOfIt) {
  const auto refused = secret_of_file("hunter22\nhunter33");
  EXPECT_EQ(text_of(refused).find("hunter"), std::string::npos);
}

TEST(SecretOfOutput, TakesTheFirstLine) {
  EXPECT_EQ(text_of(secret_of_output("secret")), "secret");
  EXPECT_EQ(text_of(secret_of_output("secret\nmore\n")), "secret");
  EXPECT_EQ(text_of(secret_of_output(" secret \r\n")), " secret ");
  EXPECT_THAT(text_of(secret_of_output("")), HasSubstr("printed nothing in its first line"));
  EXPECT_THAT(text_of(secret_of_output("\nsecret")), HasSubstr("printed nothing"));
  EXPECT_THAT(text_of(secret_of_output("a\tb\n")), HasSubstr("what it printed holds a control"));
}

TEST(FetchCredentials, NamesTheKeyAndTheReason) {
  config::Login login;
  login.username = "joe";
  login.password_file = "/no/such/file";
  const auto missing = fetch_credentials(login);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().fault, base::Fault::login);
  EXPECT_THAT(missing.error().detail, HasSubstr("password_file = /no/such/file: "));
  login.password_file = "credential:smtp";
  EXPECT_THAT(fetch_credentials(login).error().detail,
              HasSubstr("$CREDENTIALS_DIRECTORY is not set"));
}

TEST(FetchCredentials, NeedsNoSecretForACertificate) {
  config::Login login;
  login.mechanism = smtp::Mechanism::external;
  const auto credentials = fetch_credentials(login);
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials.value().kind, smtp::SecretKind::none);
}

#ifndef _WIN32
TEST(FetchCredentials, AsksACommand) {
  config::Login login;
  login.username = "joe";
  login.token_command = "echo a-token; echo more";
  const auto credentials = fetch_credentials(login);
  ASSERT_TRUE(credentials) << credentials.error().detail;
  EXPECT_EQ(credentials.value().secret.view(), "a-token");
  EXPECT_EQ(credentials.value().kind, smtp::SecretKind::token);
  login.token_command = "echo why not >&2; exit 1";
  EXPECT_THAT(fetch_credentials(login).error().detail,
              ::testing::AllOf(HasSubstr("token_command: "), HasSubstr("why not")));
}
#endif

}  // namespace
}  // namespace app
