// Jakarta Mail, and JavaMail that it was before: as contrib/recipes/java.md has them, as
// applications set them, with TLS that they turn on wherever they are shown STARTTLS.
#include "peers/clients_java.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "peers/clients_fixture.h"
#include "peers/recipes.h"
#include "support/certificates.h"

namespace support {
namespace {

using ::testing::HasSubstr;

// Where the recipe has the properties for a login, and those for a listener with a certificate.
constexpr std::size_t kLoginBlock = 1;
constexpr std::size_t kTlsBlock = 2;

class JavaTest : public ClientsTest, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    if (const auto why = java_.why_not()) GTEST_SKIP() << *why;
    ClientsTest::SetUp();
  }

  // With the properties that the recipe has in block number `block`, and these lines.
  Finished run_java(const std::string& more, const std::vector<std::string>& what,
                    std::size_t block = 0, const std::string& jvm_options = "") {
    const std::string properties = recipe_block("java.md", "properties", port(), block) + more;
    return run_client("java", java_.arguments(directory_, properties, what), "/dev/null",
                      {{"JAVA_TOOL_OPTIONS", jvm_options}});
  }
  [[nodiscard]] std::string report() const {
    return directory_.write("report.bin", std::string("\0\r\n.\r\n\xff", 7));
  }

  JavaMail java_{GetParam()};
};

TEST_P(JavaTest, Sends) {
  run_java("", {jobs()});
  expect_corpus();
}

TEST_P(JavaTest, SendsWhatItComposesWithAnAttachment) {
  run_java("", {"compose", report()});
  const std::string data = wait_for_sent(1).at(0).data;
  EXPECT_THAT(data, HasSubstr("filename=report.bin"));
  EXPECT_THAT(data, HasSubstr("AA0KLg0K/w=="));
  EXPECT_THAT(data, HasSubstr("Content-Transfer-Encoding: quoted-printable"));
  expect_stored_as_sent();
}

// Without saying so in its MAIL command.
TEST_P(JavaTest, SendsEightBitWhereItMay) {
  run_java("mail.smtp.allow8bitmime=true\n", {"compose", report()});
  EXPECT_THAT(wait_for_sent(1).at(0).data, HasSubstr("Gr\xc3\xbc\xc3\x9f"
                                                     "e\n.dot\n"));
  expect_stored_as_sent();
}

// It doubles dots even here, where RFC 3030 knows nothing of that.
TEST_P(JavaTest, SendsInChunks) {
  const std::vector<CorpusMail> mails = corpus_without_dots();
  run_java("mail.smtp.chunksize=2000\n", {jobs(mails)});
  EXPECT_TRUE(wait_for_sent(mails.size()).at(0).is_chunked);
  expect_corpus(difference, mails);
}

// An application that turns TLS on whenever STARTTLS is shown is not shown it.
TEST_P(JavaTest, WithStartTlsEnabledSendsInTheClearWhereNoneIsOffered) {
  run_java("mail.smtp.starttls.enable=true\n", {jobs()});
  expect_corpus();
}

TEST_P(JavaTest, WithStartTlsRequiredIsGivenItByAListenerWithACertificate) {
  tls::CertificateRequest request = good_request();
  request.common_name = "localhost";
  request.dns_names = {"localhost"};
  request.ip_addresses = {"127.0.0.1"};
  const auto issued = trusted_authority().issue(request);
  ASSERT_TRUE(issued) << issued.error().detail;
  const std::string key = directory_.write("seal.key", issued.value().key_pem);
  chmod(key.c_str(), 0600);
  config()
      .set("listener", "tls", "may")
      .set("listener", "certificate", directory_.write("seal.pem", issued.value().certificate_pem))
      .set("listener", "key", key);
  const std::string trust_store = directory_.path("trust.p12");
  run_client("keytool", {"-importcert", "-noprompt", "-alias", "ca", "-storetype", "PKCS12",
                         "-storepass", "changeit", "-keystore", trust_store, "-file",
                         directory_.write("ca.pem", trusted_authority().certificate_pem())});
  run_java(
      "", {jobs()}, kTlsBlock,
      "-Djavax.net.ssl.trustStore=" + trust_store + " -Djavax.net.ssl.trustStorePassword=changeit");
  expect_corpus_stored();
  EXPECT_EQ(seal().count("session-tls"), 1U);
}

// As devices do that cannot be set up without a login.
TEST_P(JavaTest, LogsInWhereWhateverItSaysIsTaken) {
  config().set("listener", "auth", "any");
  run_java("application.user=device\napplication.password=made up\n", {jobs()}, kLoginBlock);
  expect_corpus();
  EXPECT_EQ(seal().log().find("made up"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Apis, JavaTest, testing::Values("jakarta", "javax"),
                         [](const auto& api) { return api.param; });

}  // namespace
}  // namespace support
