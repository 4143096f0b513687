// smtp/sasl_server: dialogues of devices and of those who are none.
#include "smtp/sasl_server.h"

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "support/crypto.h"

namespace smtp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kAccepted = "235 2.7.0 Authentication successful";
constexpr std::string_view kWrong = "535 5.7.8 Authentication credentials invalid";

std::string base64(std::string_view text) { return base::encode_base64(text); }
std::string plain(std::string_view user, std::string_view password, std::string_view as = "") {
  return base64(std::string(as) + '\0' + std::string(user) + '\0' + std::string(password));
}

class SaslServerTest : public testing::Test {
 protected:
  void SetUp() override {
    const ScramVerifier verifier =
        make_verifier("pencil", "0123456789abcdef", kMinIterations, support::crypto()).value();
    EXPECT_TRUE(
        Users::parse("app:" + format_verifier(verifier) + "\nus=e,r:" + format_verifier(verifier),
                     users_)
            .empty());
  }

  // The replies to AUTH with `argument` and to the response lines after it; passwords are checked
  // on the way.
  std::vector<std::string> talk(std::string_view argument,
                                const std::vector<std::string>& responses = {},
                                bool is_anybody = false) {
    SaslServer server(is_anybody ? nullptr : &users_, "seal.test", support::crypto());
    std::vector<std::string> replies;
    SaslStep step = server.begin(argument);
    for (std::size_t next = 0;; ++next) {
      if (const auto* check = std::get_if<SaslCheck>(&step)) {
        ++checks_;
        step = server.settle(
            is_password_of(check->found.verifier, check->password.view(), support::crypto()));
      }
      if (const auto* end = std::get_if<SaslEnd>(&step)) {
        replies.push_back(end->reply.summary());
        end_ = *end;
        return replies;
      }
      replies.push_back(std::get<SaslChallenge>(step).reply.summary());
      if (next == responses.size()) return replies;
      step = server.respond(responses[next]);
    }
  }
  std::vector<std::string> talk_to_anybody(std::string_view argument,
                                           const std::vector<std::string>& responses = {}) {
    return talk(argument, responses, true);
  }

  Users users_;
  SaslEnd end_;          // of the last talk
  unsigned checks_ = 0;  // passwords
};

// --- PLAIN

TEST_F(SaslServerTest, TakesPlainInOneLineOrInTwo) {
  EXPECT_THAT(talk("PLAIN " + plain("app", "pencil")), ElementsAre(kAccepted));
  EXPECT_EQ(end_.user, "app");
  EXPECT_THAT(talk("PLAIN", {plain("app", "pencil")}), ElementsAre("334 ", kAccepted));
  EXPECT_THAT(talk("PLAIN " + plain("app", "pencil", "app")), ElementsAre(kAccepted))
      << "for oneself";
}

TEST_F(SaslServerTest, RefusesAWrongPasswordAndAnUnknownUserAlike) {
  EXPECT_THAT(talk("PLAIN " + plain("app", "pencils")), ElementsAre(kWrong));
  EXPECT_TRUE(end_.is_wrong);
  EXPECT_EQ(end_.user, "app");
  EXPECT_EQ(end_.why, "wrong password");
  EXPECT_THAT(talk("PLAIN " + plain("pencil", "pencil")), ElementsAre(kWrong));
  EXPECT_TRUE(end_.is_wrong);
  EXPECT_EQ(end_.user, "") << "it may be a password in the wrong place";
  EXPECT_EQ(end_.why, "no such user");
  EXPECT_EQ(checks_, 2u) << "it takes as long";
  EXPECT_THAT(talk("PLAIN " + plain("", "")), ElementsAre(kWrong));
}

TEST_F(SaslServerTest, LetsNobodyActForOthers) {
  EXPECT_THAT(talk("PLAIN " + plain("app", "pencil", "root")), ElementsAre(kWrong));
}

// What nginx read beyond its end (CVE-2025-53859), and more of the kind.
TEST_F(SaslServerTest, RefusesOddBlobsOfPlain) {
  const std::string nul(1, '\0');
  for (const std::string& blob : {nul, std::string("app"), "app" + nul + "pencil", "app" + nul,
                                  nul + "app", nul + nul + nul, nul + "app" + nul + "pencil" + nul,
                                  nul + "app" + nul + "pen" + nul + "cil", std::string()}) {
    const auto replies = talk("PLAIN", {base64(blob)});
    ASSERT_EQ(replies.size(), 2u);
    EXPECT_THAT(replies[1], StartsWith("501 5.5.2 ")) << testing::PrintToString(blob);
    EXPECT_FALSE(end_.is_wrong);
  }
  EXPECT_THAT(talk("PLAIN AA=="), ElementsAre(HasSubstr("501 5.5.2 ")));
  EXPECT_THAT(talk("PLAIN ="), ElementsAre(HasSubstr("501 5.5.2 ")));
  EXPECT_THAT(talk("PLAIN", {"QUJ"}), ElementsAre("334 ", "501 5.5.2 the response is not base64"));
  EXPECT_THAT(talk("PLAIN", {"===="}), ElementsAre("334 ", HasSubstr("501 5.5.2 ")));
  EXPECT_EQ(checks_, 0u);
}

TEST_F(SaslServerTest, RefusesControlCharactersOnceTheyAreDecoded) {
  for (const std::string_view name : {"app\r\nMAIL FROM:<a@b.test>", "app\n", "\x7f"}) {
    EXPECT_THAT(talk("PLAIN " + plain(name, "pencil")), ElementsAre(HasSubstr("501 5.5.2 ")));
    EXPECT_THAT(talk("LOGIN " + base64(name), {base64("pencil")}),
                ElementsAre("334 UGFzc3dvcmQ6", HasSubstr("501 5.5.2 ")));
  }
  EXPECT_THAT(talk("PLAIN " + plain("app", "pencil\n")), ElementsAre(HasSubstr("501 5.5.2 ")));
}

// --- LOGIN

TEST_F(SaslServerTest, AsksForALoginInTheWordsThatDevicesLookFor) {
  EXPECT_THAT(talk("LOGIN", {base64("app"), base64("pencil")}),
              ElementsAre("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", kAccepted));
  EXPECT_THAT(talk("LOGIN " + base64("app"), {base64("pencil")}),
              ElementsAre("334 UGFzc3dvcmQ6", kAccepted));
  EXPECT_THAT(talk("LOGIN", {base64("app"), base64("pen")}),
              ElementsAre("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", kWrong));
  EXPECT_THAT(talk("LOGIN", {base64("app"), ""}),
              ElementsAre("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", kWrong));
}

TEST_F(SaslServerTest, IsCancelledAtEveryStep) {
  const std::string cancelled = "501 5.7.0 Authentication cancelled";
  EXPECT_THAT(talk("LOGIN", {"*"}), ElementsAre("334 VXNlcm5hbWU6", cancelled));
  EXPECT_THAT(talk("LOGIN", {base64("app"), "*"}),
              ElementsAre("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", cancelled));
  EXPECT_THAT(talk("PLAIN", {"*"}), ElementsAre("334 ", cancelled));
  EXPECT_THAT(talk("SCRAM-SHA-256", {"*"}), ElementsAre("334 ", cancelled));
  EXPECT_THAT(talk_to_anybody("LOGIN", {"*"}), ElementsAre("334 VXNlcm5hbWU6", cancelled));
  EXPECT_THAT(talk_to_anybody("CRAM-MD5", {"*"}), ElementsAre(StartsWith("334 "), cancelled));
  EXPECT_FALSE(end_.is_wrong);
}

// --- SCRAM-SHA-256

// A client as RFC 5802 has it; what it says may be changed before it is said.
class ScramTest : public SaslServerTest {
 protected:
  struct Client {
    std::string name = "app";
    std::string password = "pencil";
    std::string gs2 = "n,,";
    std::string nonce = "abcdefgh";
    std::string bare_extra;   // after the nonce
    std::string final_extra;  // before the proof
    std::string binding;      // instead of the header's
    std::string final_nonce;  // instead of the server's
    std::string last = "";    // to the server's last message
  };

  // All replies; what the server's signature proves is checked.
  std::vector<std::string> exchange(const Client& client, bool is_initial = true) {
    SaslServer server(&users_, "seal.test", support::crypto());
    std::vector<std::string> replies;
    const std::string bare = "n=" + client.name + ",r=" + client.nonce + client.bare_extra;
    const std::string first = base64(client.gs2 + bare);
    SaslStep step = server.begin(is_initial ? "SCRAM-SHA-256 " + first : "SCRAM-SHA-256");
    if (!is_initial) {
      EXPECT_EQ(said(step, replies), "");
      step = server.respond(first);
    }
    const std::string challenge = said(step, replies);
    if (is_over(step)) return replies;
    const std::string nonce = between(challenge, "r=", ",");
    EXPECT_THAT(nonce, StartsWith(client.nonce));
    EXPECT_GE(nonce.size(), client.nonce.size() + 18);
    const std::string without_proof =
        "c=" + (client.binding.empty() ? base64(client.gs2) : client.binding) +
        ",r=" + (client.final_nonce.empty() ? nonce : client.final_nonce) + client.final_extra;
    const std::string message = bare + "," + challenge + "," + without_proof;
    const std::string salted = salted_password(client.password, challenge);
    step = server.respond(base64(without_proof + ",p=" + base64(proof(salted, message))));
    const std::string signature = said(step, replies);
    if (is_over(step)) return replies;
    EXPECT_EQ(signature, "v=" + base64(hmac(hmac(salted, "Server Key"), message)));
    step = server.respond(client.last);
    said(step, replies);
    return replies;
  }

 private:
  static std::string hmac(const std::string& key, const std::string& text) {
    return support::crypto().hmac(base::Hash::sha256, key, text).value();
  }
  static std::string between(const std::string& text, std::string_view begin,
                             std::string_view end) {
    const std::size_t from = text.find(begin) + begin.size();
    return text.substr(from, text.find(end, from) - from);
  }
  static std::string salted_password(const std::string& password, const std::string& challenge) {
    const std::string salt = *base::decode_base64(between(challenge, ",s=", ","));
    const int count = std::stoi(between(challenge, ",i=", ","));
    return support::crypto()
        .pbkdf2(base::Hash::sha256, password, salt, static_cast<unsigned>(count), 32)
        .value();
  }
  static std::string proof(const std::string& salted, const std::string& message) {
    std::string key = hmac(salted, "Client Key");
    const std::string stored = support::crypto().digest(base::Hash::sha256, key).value();
    const std::string signature = hmac(stored, message);
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<char>(key[i] ^ signature[i]);
    return key;
  }
  // The decoded challenge; the reply is kept.
  std::string said(const SaslStep& step, std::vector<std::string>& replies) {
    if (const auto* end = std::get_if<SaslEnd>(&step)) {
      end_ = *end;
      replies.push_back(end->reply.summary());
      return {};
    }
    const Reply& reply = std::get<SaslChallenge>(step).reply;
    replies.push_back(std::to_string(reply.code));
    return *base::decode_base64(reply.lines.at(0));
  }
  static bool is_over(const SaslStep& step) { return std::holds_alternative<SaslEnd>(step); }
};

TEST_F(ScramTest, LetsInWhoProvesThePassword) {
  EXPECT_THAT(exchange({}), ElementsAre("334", "334", kAccepted));
  EXPECT_EQ(end_.user, "app");
  EXPECT_THAT(exchange({}, false), ElementsAre("334", "334", "334", kAccepted));
}

TEST_F(ScramTest, UnderstandsWhatClientsMayAdd) {
  Client client;
  client.gs2 = "y,a=app,";
  client.bare_extra = ",x=unknown";
  client.final_extra = ",y=unknown";
  client.last = "=";
  EXPECT_THAT(exchange(client), ElementsAre("334", "334", kAccepted));
  client = {};
  client.name = "us=3De=2Cr";
  EXPECT_THAT(exchange(client), ElementsAre("334", "334", kAccepted));
  EXPECT_EQ(end_.user, "us=e,r");
}

TEST_F(ScramTest, RefusesAWrongPasswordAndAnUnknownUserAlike) {
  Client client;
  client.password = "pencils";
  EXPECT_THAT(exchange(client), ElementsAre("334", kWrong));
  EXPECT_EQ(end_.why, "wrong password");
  EXPECT_EQ(end_.user, "app");
  client = {};
  client.name = "nobody";
  EXPECT_THAT(exchange(client), ElementsAre("334", kWrong));
  EXPECT_EQ(end_.why, "no such user");
  EXPECT_EQ(end_.user, "");
}

TEST_F(ScramTest, RefusesWhatDoesNotAnswerItsChallenge) {
  Client client;
  client.final_nonce = "abcdefgh";
  EXPECT_THAT(exchange(client), ElementsAre("334", kWrong));
  client = {};
  client.binding = base64("y,,");
  EXPECT_THAT(exchange(client), ElementsAre("334", kWrong)) << "somebody changed the first message";
  client = {};
  client.gs2 = "n,a=root,";
  EXPECT_THAT(exchange(client), ElementsAre(kWrong));
  client = {};
  client.last = base64("more");
  EXPECT_THAT(exchange(client), ElementsAre("334", "334", StartsWith("501 5.5.2 ")));
}

TEST_F(ScramTest, RefusesMessagesThatAreNone) {
  for (const std::string_view first :
       {"", "n", "n,,", "n,,n=app", "n,,r=abc,n=app", "n,,n=app,r=", "n,,n=a=b,r=abc",
        "n,,n=,r=abc", "p=tls-exporter,,n=app,r=abc", "n,,m=ext,n=app,r=abc", "n,b=c,n=app,r=abc",
        "n,,n=app,r=a b", "x,,n=app,r=abc"}) {
    EXPECT_THAT(talk("SCRAM-SHA-256 " + (first.empty() ? "=" : base64(first))),
                ElementsAre(StartsWith("501 5.5.2 ")))
        << first;
  }
  EXPECT_THAT(talk("SCRAM-SHA-256 " + base64("n,,n=app,r=" + std::string(257, 'x'))),
              ElementsAre(StartsWith("501 5.5.2 ")));
  for (const std::string_view last :
       {"", "c=biws", "c=biws,p=AAAA", "c=biws,r=abc", ",p=AAAA", "c=biws,r=abc,p=not base64"}) {
    const auto replies = talk("SCRAM-SHA-256 " + base64("n,,n=app,r=abc"), {base64(last)});
    ASSERT_EQ(replies.size(), 2u);
    EXPECT_THAT(replies[1], StartsWith("501 5.5.2 ")) << last;
  }
  for (const std::string_view proof :
       {"AAAA", "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}) {
    EXPECT_THAT(talk("SCRAM-SHA-256 " + base64("n,,n=app,r=abc"),
                     {base64("c=biws,r=abc,p=" + std::string(proof))}),
                ElementsAre(StartsWith("334 "), kWrong));
  }
}

// --- anybody

TEST_F(SaslServerTest, TakesWhateverIsSaidWhereAnybodyIsLetIn) {
  EXPECT_THAT(talk_to_anybody("PLAIN " + plain("x", "y")), ElementsAre(kAccepted));
  EXPECT_THAT(talk_to_anybody("PLAIN AA=="), ElementsAre(kAccepted));
  EXPECT_THAT(talk_to_anybody("PLAIN", {"QUJ"}), ElementsAre("334 ", kAccepted));
  EXPECT_THAT(talk_to_anybody("LOGIN", {base64("x"), base64("y")}),
              ElementsAre("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", kAccepted));
  EXPECT_THAT(talk_to_anybody("LOGIN " + base64("x"), {""}),
              ElementsAre("334 UGFzc3dvcmQ6", kAccepted));
  EXPECT_EQ(end_.user, "") << "nobody is known by it";
  EXPECT_EQ(checks_, 0u);
}

TEST_F(SaslServerTest, ChallengesCramMd5AsRfc2195HasIt) {
  const auto replies = talk_to_anybody("CRAM-MD5", {base64("x 0123")});
  ASSERT_EQ(replies.size(), 2u);
  const auto challenge = base::decode_base64(replies[0].substr(4));
  ASSERT_TRUE(challenge);
  EXPECT_THAT(*challenge, testing::MatchesRegex("<[0-9]+@seal.test>"));
  EXPECT_EQ(replies[1], kAccepted);
  EXPECT_NE(talk_to_anybody("CRAM-MD5")[0], replies[0]);
}

TEST(SaslMechanisms, LetNoPasswordBeSaidWhereOthersHearIt) {
  EXPECT_THAT(mechanisms_of_users(true), ElementsAre("SCRAM-SHA-256", "PLAIN", "LOGIN"));
  EXPECT_THAT(mechanisms_of_users(false), ElementsAre("SCRAM-SHA-256"));
  EXPECT_THAT(mechanisms_of_any(), ElementsAre("PLAIN", "LOGIN", "CRAM-MD5"));
}

}  // namespace
}  // namespace smtp
