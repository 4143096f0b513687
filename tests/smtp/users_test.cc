// smtp/scram_verifier and smtp/users: passwords as they are kept, and the file that has them.
#include "smtp/users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "support/crypto.h"

namespace smtp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// RFC 7677 3: the password "pencil" with the salt and the number of its example.
constexpr std::string_view kSalt = "W22ZaJ0SNY7soEsUEjb6gQ==";

ScramVerifier pencil() {
  return make_verifier("pencil", *base::decode_base64(kSalt), 4096, support::crypto()).value();
}

std::string line_of(std::string_view name) {
  return std::string(name) + ":" + format_verifier(pencil()) + "\n";
}

// "LINE: message"
std::vector<std::string> problems_of(std::string_view text) {
  Users users;
  std::vector<std::string> all;
  for (const Users::Problem& problem : Users::parse(text, users)) {
    all.push_back(std::to_string(problem.line) + ": " + problem.message);
  }
  return all;
}

Users right(std::string_view text) {
  Users users;
  for (const Users::Problem& problem : Users::parse(text, users)) {
    ADD_FAILURE() << problem.line << ": " << problem.message;
  }
  return users;
}

TEST(ScramVerifier, IsWhatRfc7677Calculates) {
  const ScramVerifier verifier = pencil();
  const std::string nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const std::string auth_message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=" + nonce +
                                   ",s=" + std::string(kSalt) + ",i=4096,c=biws,r=" + nonce;
  using base::Hash;
  const base::Crypto& crypto = support::crypto();
  std::string key = *base::decode_base64("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  const std::string signature =
      crypto.hmac(Hash::sha256, verifier.stored_key, auth_message).value();
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<char>(key[i] ^ signature[i]);
  EXPECT_EQ(crypto.digest(Hash::sha256, key).value(), verifier.stored_key);
  EXPECT_EQ(
      base::encode_base64(crypto.hmac(Hash::sha256, verifier.server_key, auth_message).value()),
      "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(ScramVerifier, IsWrittenAsRfc5803HasIt) {
  const std::string text = format_verifier(pencil());
  EXPECT_THAT(text, StartsWith("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
  EXPECT_EQ(parse_verifier(text).value(), pencil());
}

TEST(ScramVerifier, TellsAPasswordFromOthers) {
  EXPECT_TRUE(is_password_of(pencil(), "pencil", support::crypto()).value());
  for (const std::string_view wrong : {"", "pencil ", "Pencil", "penci", "pencil\n"}) {
    EXPECT_FALSE(is_password_of(pencil(), wrong, support::crypto()).value()) << wrong;
  }
}

TEST(ScramVerifier, SaysWhatIsWrongWithItsText) {
  const std::string keys = "$" + std::string(43, 'A') + "=:" + std::string(43, 'A') + "=";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"secret", "expected SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY"},
      {"$6$salt$hash", "only hashes of the form SCRAM-SHA-256$"},
      {"SCRAM-SHA-1$4096:c2FsdA==" + keys, "only hashes of the form SCRAM-SHA-256$"},
      {"SCRAM-SHA-256$4096", "expected SCRAM-SHA-256$ITERATIONS"},
      {"SCRAM-SHA-256$4096:c2FsdA==$AAAA", "expected SCRAM-SHA-256$ITERATIONS"},
      {"SCRAM-SHA-256$4095:c2FsdA==" + keys, "expected from 4096 to 10000000 iterations"},
      {"SCRAM-SHA-256$10000001:c2FsdA==" + keys, "expected from 4096 to 10000000 iterations"},
      {"SCRAM-SHA-256$-1:c2FsdA==" + keys, "expected from 4096 to 10000000 iterations"},
      {"SCRAM-SHA-256$4096:c2FsdA" + keys, "salt and keys must be base64"},
      {"SCRAM-SHA-256$4096:" + keys, "expected a salt of 1 to 256 octets"},
      {"SCRAM-SHA-256$4096:c2FsdA==$AAAA:AAAA", "expected keys of 32 octets"},
  };
  for (const auto& [text, why] : cases) {
    const auto parsed = parse_verifier(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().detail, HasSubstr(why)) << text;
  }
  EXPECT_TRUE(parse_verifier("scram-sha-256$4096:c2FsdA==" + keys));
}

TEST(UsersFile, HasAUserALine) {
  const Users users = right("# who may send\r\n\r\n" + line_of("app") + "  \n" +
                            line_of(" printer@example.edu ") + line_of("J\xc3\xb6rg"));
  EXPECT_EQ(users.size(), 3u);
  for (const std::string_view name : {"app", "printer@example.edu", "J\xc3\xb6rg"}) {
    const auto found = users.find(name, support::crypto());
    EXPECT_TRUE(found->is_known) << name;
    EXPECT_EQ(found->verifier, pencil());
  }
  EXPECT_FALSE(users.find("App", support::crypto())->is_known);
  EXPECT_FALSE(users.find("", support::crypto())->is_known);
}

TEST(UsersFile, TellsEverythingThatIsWrongAndNoSecret) {
  const std::string text = "app\n" + line_of("twice") + "bob:plaintext-password\n#\n" +
                           line_of("twice") + ":" + line_of("") + line_of(std::string(256, 'x')) +
                           line_of("a\tb") + line_of("\xff");
  const std::vector<std::string> problems = problems_of(text);
  EXPECT_THAT(problems,
              ElementsAre(HasSubstr("1: expected NAME:HASH"),
                          "3: bob: expected SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY",
                          "5: twice is there already, in line 2", "6: the name is empty",
                          "7: the name is longer than 255 octets",
                          "8: a name cannot hold a control character", "9: the name is not UTF-8"));
  for (const std::string& problem : problems) {
    EXPECT_THAT(problem, Not(HasSubstr("plaintext-password")));
    EXPECT_THAT(problem, Not(HasSubstr("W22Z")));
  }
}

TEST(UsersFile, HasAUser) {
  EXPECT_THAT(problems_of(""), ElementsAre(HasSubstr("0: names no user")));
  EXPECT_THAT(problems_of("# nobody yet\n"), ElementsAre(HasSubstr("0: names no user")));
  EXPECT_THAT(problems_of(line_of("app")), IsEmpty());
}

TEST(UsersFile, ShowsAnUnknownNameNothingButWhatAKnownOneWouldBeShown) {
  const Users users = right(line_of("app"));
  const auto nobody = users.find("nobody", support::crypto());
  EXPECT_FALSE(nobody->is_known);
  EXPECT_EQ(nobody->verifier.iterations, 4096u);
  EXPECT_EQ(nobody->verifier.salt.size(), 16u);
  EXPECT_EQ(nobody->verifier, users.find("nobody", support::crypto())->verifier);
  EXPECT_EQ(nobody->verifier, right(line_of("app")).find("nobody", support::crypto())->verifier)
      << "after a restart, too";
  EXPECT_NE(nobody->verifier.salt, users.find("somebody", support::crypto())->verifier.salt);
  EXPECT_NE(nobody->verifier.salt, pencil().salt);
}

TEST(UsersFile, TakesNamesThatCanStandInIt) {
  for (const std::string_view name : {"app", "a b", "app@example.edu", "x#y", "\xc3\xa9"}) {
    EXPECT_TRUE(check_user_name(name)) << name;
  }
  for (const std::string_view name : {"", "a:b", " a", "a ", "#a", "a\nb", "\xff"}) {
    EXPECT_FALSE(check_user_name(name)) << name;
  }
}

}  // namespace
}  // namespace smtp
