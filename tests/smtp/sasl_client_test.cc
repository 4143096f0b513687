// smtp/sasl_client: the examples of the standards, octet for octet.
#include "smtp/sasl_client.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "support/fixed_nonce.h"

namespace smtp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::string_literals;
using namespace std::string_view_literals;

Credentials make_credentials(std::string username, std::string secret,
                             SecretKind kind = SecretKind::password) {
  Credentials credentials;
  credentials.username = std::move(username);
  credentials.kind = kind;
  credentials.secret = base::Secret(std::move(secret));
  return credentials;
}

std::string begin(SaslClient& client) {
  const auto initial = client.begin();
  if (!initial) return "error: " + initial.error().detail;
  return initial.value().value_or("(the server speaks first)");
}

std::string respond(SaslClient& client, std::string_view challenge) {
  const auto response = client.respond(challenge);
  return response ? response.value() : "error: " + response.error().detail;
}

std::unique_ptr<SaslClient> make(Mechanism mechanism, const Credentials& credentials) {
  return make_sasl_client(mechanism, credentials, support::crypto());
}

// --- PLAIN, LOGIN, EXTERNAL ---

TEST(Plain, SaysTheExampleOfRfc4616) {
  const auto client = make(Mechanism::plain, make_credentials("tim", "tanstaaftanstaaf"));
  EXPECT_EQ(begin(*client), "\0tim\0tanstaaftanstaaf"s);
  EXPECT_TRUE(client->finish());
}

TEST(Plain, SaysItAgainToAServerThatAsksForItOnlyOnce) {
  const auto client = make(Mechanism::plain, make_credentials("u", "p"));
  EXPECT_EQ(begin(*client), "\0u\0p"s);
  EXPECT_EQ(respond(*client, ""), "\0u\0p"s);
  EXPECT_THAT(respond(*client, ""), HasSubstr("error: smarthost asks for more than AUTH PLAIN"));
}

TEST(Plain, CarriesNamesAndPasswordsOctetForOctet) {
  const std::string password = " Pässwörd = \xf0\x9f\x94\x91 \xff ";
  const auto client = make(Mechanism::plain, make_credentials("jörg@b", std::string(password)));
  EXPECT_EQ(begin(*client), "\0jörg@b\0"s + password);
}

TEST(LoginMechanism, WorksByPositionWhateverThePromptsSay) {
  for (const auto& [first, second] :
       {std::pair{"Username:", "Password:"}, std::pair{"", ""}, std::pair{"Password:", "User:"}}) {
    const auto client = make(Mechanism::login, make_credentials("joe", "secret"));
    EXPECT_EQ(begin(*client), "(the server speaks first)");
    EXPECT_TRUE(client->has_opaque_challenges());
    EXPECT_EQ(respond(*client, first), "joe");
    EXPECT_EQ(respond(*client, second), "secret");
    EXPECT_THAT(respond(*client, ""), HasSubstr("asks for more"));
  }
}

TEST(External, SaysWhoWeWantToBeOrNothing) {
  const auto anybody = make(Mechanism::external, make_credentials("", "", SecretKind::none));
  EXPECT_EQ(begin(*anybody), "");
  const auto joe = make(Mechanism::external, make_credentials("joe", "", SecretKind::none));
  EXPECT_EQ(begin(*joe), "joe");
}

// --- CRAM-MD5 ---

TEST(CramMd5, AnswersTheExampleOfRfc2195) {
  const auto client = make(Mechanism::cram_md5, make_credentials("tim", "tanstaaftanstaaf"));
  EXPECT_EQ(begin(*client), "(the server speaks first)");
  EXPECT_EQ(respond(*client, "<1896.697170952@postoffice.reston.mci.net>"),
            "tim b913a602c7eda7a495b4e6e7334d3890");
  EXPECT_THAT(respond(*client, "<2@x>"), HasSubstr("asks for more"));
}

TEST(CramMd5, RefusesAnEmptyChallenge) {
  const auto client = make(Mechanism::cram_md5, make_credentials("tim", "x"));
  EXPECT_THAT(respond(*client, ""), HasSubstr("empty challenge"));
}

// --- SCRAM ---

struct ScramExample {
  Mechanism mechanism;
  std::string_view nonce, first, server_first, final, server_final;
};

constexpr ScramExample kRfc5802 = {
    Mechanism::scram_sha_1,
    "fyko+d2lbbFgONRv9qkxdawL",
    "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="};

constexpr ScramExample kRfc7677 = {
    Mechanism::scram_sha_256,
    "rOprNGfwEbeRWgbNEkqO",
    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="};

class Scram : public ::testing::TestWithParam<ScramExample> {
 protected:
  std::unique_ptr<SaslClient> make_client(std::string username = "user") {
    return make_sasl_client(GetParam().mechanism, make_credentials(std::move(username), "pencil"),
                            crypto_);
  }
  // A client that has sent its proof.
  std::unique_ptr<SaslClient> make_proven() {
    auto client = make_client();
    EXPECT_EQ(begin(*client), GetParam().first);
    EXPECT_EQ(respond(*client, GetParam().server_first), GetParam().final);
    return client;
  }
  // The server's first message with `from` in it replaced.
  std::string altered(std::string_view from, std::string_view to) {
    std::string message(GetParam().server_first);
    return message.replace(message.find(from), from.size(), to);
  }
  std::string answer_to(const std::string& server_first) {
    const auto client = make_client();
    static_cast<void>(begin(*client));
    return respond(*client, server_first);
  }

  support::FixedNonce crypto_{*base::decode_base64(GetParam().nonce)};
};

TEST_P(Scram, WalksThroughTheExampleOfTheStandard) {
  const auto client = make_proven();
  EXPECT_FALSE(client->finish()) << "the server has proved nothing yet";
  EXPECT_EQ(respond(*client, GetParam().server_final), "");
  EXPECT_TRUE(client->finish());
  EXPECT_THAT(respond(*client, ""), HasSubstr("goes on after its signature"));
}

TEST_P(Scram, RefusesAServerWithoutTheRightSignature) {
  for (const std::string_view last : {"v=AAAA", "v=", "v=!", "", "x=1", "v"}) {
    const auto client = make_proven();
    EXPECT_THAT(respond(*client, last), HasSubstr("error: ")) << last;
    EXPECT_FALSE(client->finish()) << last;
  }
  // Of the right length.
  std::string last(GetParam().server_final);
  last[2] = last[2] == 'A' ? 'B' : 'A';
  const auto client = make_proven();
  EXPECT_THAT(respond(*client, last), HasSubstr("does not know our password"));
}

TEST_P(Scram, TellsWhatTheServerComplainsOf) {
  const auto client = make_proven();
  EXPECT_EQ(respond(*client, "e=invalid-proof"), "");
  EXPECT_EQ(client->complaint(), "invalid-proof");
  EXPECT_FALSE(client->finish());
}

TEST_P(Scram, RefusesANonceThatIsNotAContinuationOfOurs) {
  const std::string nonce(GetParam().nonce);
  EXPECT_THAT(answer_to("r=" + nonce + ",s=QSXC,i=4096"), HasSubstr("does not continue ours"));
  EXPECT_THAT(answer_to("r=x" + nonce + ",s=QSXC,i=4096"), HasSubstr("does not continue ours"));
  EXPECT_THAT(answer_to("r=" + nonce + "\x01,s=QSXC,i=4096"), HasSubstr("does not continue"));
}

TEST_P(Scram, RefusesFirstMessagesThatAreNone) {
  for (const std::string& message : {""s, "r="s, "e=other-error"s, altered(",s=", ",t="),
                                     altered(",i=4096", ""), altered("i=4096", "i=")}) {
    EXPECT_THAT(answer_to(message), HasSubstr("error: ")) << message;
  }
  EXPECT_THAT(answer_to(altered("i=4096", "i=x")), HasSubstr("no number"));
  EXPECT_THAT(answer_to(altered("i=4096", "i=0")), HasSubstr("no number"));
  EXPECT_THAT(answer_to("m=x," + std::string(GetParam().server_first)), HasSubstr("extension"));
}

TEST_P(Scram, RefusesTooFewAndTooManyIterations) {
  for (const char* count : {"i=1", "i=4095", "i=100001", "i=4294967297", "i=99999999999999"}) {
    EXPECT_THAT(answer_to(altered("i=4096", count)), HasSubstr("iterations of SCRAM")) << count;
  }
}

TEST_P(Scram, PassesOverExtensionsThatAreOptional) {
  EXPECT_THAT(answer_to(std::string(GetParam().server_first) + ",x=1"), HasSubstr("c=biws,"));
}

TEST_P(Scram, WritesCommasAndEqualSignsOfNamesAsTheStandardSays) {
  const auto client = make_client("a=b,c");
  EXPECT_THAT(begin(*client), HasSubstr("n,,n=a=3Db=2Cc,r="));
}

INSTANTIATE_TEST_SUITE_P(Standards, Scram, ::testing::Values(kRfc5802, kRfc7677),
                         [](const auto& each) {
                           return each.param.mechanism == Mechanism::scram_sha_1 ? "Sha1"
                                                                                 : "Sha256";
                         });

// --- tokens ---

TEST(Oauthbearer, SaysTheExampleOfRfc7628) {
  Credentials credentials = make_credentials(
      "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", SecretKind::token);
  credentials.host = "server.example.com";
  credentials.port = 143;
  const auto client = make(Mechanism::oauthbearer, credentials);
  EXPECT_EQ(base::encode_base64(begin(*client)),
            "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9Qm"
            "VhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB");
  EXPECT_TRUE(client->finish());
}

TEST(Oauthbearer, AcknowledgesARefusalWithAControlA) {
  const auto client = make(Mechanism::oauthbearer, make_credentials("u", "t", SecretKind::token));
  static_cast<void>(begin(*client));
  EXPECT_EQ(respond(*client, R"({"status":"invalid_token"})"), "\x01");
  EXPECT_EQ(client->complaint(), R"({"status":"invalid_token"})");
  EXPECT_THAT(respond(*client, ""), HasSubstr("asks for more"));
  EXPECT_FALSE(client->finish());
}

TEST(Xoauth2, SaysTheExampleOfGoogle) {
  const auto client =
      make(Mechanism::xoauth2,
           make_credentials("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
                            SecretKind::token));
  EXPECT_EQ(base::encode_base64(begin(*client)),
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbG"
            "NrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==");
}

TEST(Xoauth2, AnswersTheRefusalThatGoogleShowsWithNothing) {
  const auto client = make(Mechanism::xoauth2, make_credentials("u", "t", SecretKind::token));
  static_cast<void>(begin(*client));
  const auto refusal = base::decode_base64(
      "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWlsLmdvb2ds"
      "ZS5jb20vIn0K");
  ASSERT_TRUE(refusal);
  EXPECT_EQ(respond(*client, *refusal), "");
  EXPECT_EQ(client->complaint(),
            R"({"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"})");
}

// --- choice ---

TEST(UsableMechanisms, StrongestFirstOfThoseThatTakeTheSecret) {
  const std::vector<std::string> offered = {
      "LOGIN",         "PLAIN",   "CRAM-MD5", "NTLM",        "SCRAM-SHA-1",
      "SCRAM-SHA-256", "XOAUTH2", "EXTERNAL", "OAUTHBEARER", "SCRAM-SHA-256-PLUS"};
  EXPECT_THAT(usable_mechanisms(offered, SecretKind::password),
              ElementsAre(Mechanism::scram_sha_256, Mechanism::scram_sha_1, Mechanism::cram_md5,
                          Mechanism::plain, Mechanism::login));
  EXPECT_THAT(usable_mechanisms(offered, SecretKind::token),
              ElementsAre(Mechanism::oauthbearer, Mechanism::xoauth2));
  EXPECT_THAT(usable_mechanisms(offered, SecretKind::none), ElementsAre(Mechanism::external));
  EXPECT_THAT(usable_mechanisms({"GSSAPI", "NTLM"}, SecretKind::password), IsEmpty());
}

TEST(CheckCredential, RefusesControlCharactersAndNothingElse) {
  for (const std::string_view good :
       {""sv, "x"sv, " = , ; \" \\ "sv, "pässwörd"sv, "\xf0\x9f\x94\x91"sv, "\xff\xfe"sv}) {
    EXPECT_TRUE(check_credential(good)) << good;
  }
  EXPECT_TRUE(check_credential(std::string(4096, 'x')));
  for (const auto& [bad, name] :
       {std::pair{"a\r"sv, "a line end"}, std::pair{"a\nb"sv, "line end"},
        std::pair{"a\0b"sv, "a NUL octet"}, std::pair{"a\x01"sv, "control character (0x01)"},
        std::pair{"\x7f"sv, "control character (0x7f)"},
        std::pair{"\t"sv, "control character (0x09)"}}) {
    const auto checked = check_credential(bad);
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().detail, HasSubstr(name));
  }
}

}  // namespace
}  // namespace smtp
