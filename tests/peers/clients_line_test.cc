// contrib/recipes/one-liners.md, typed as it stands there.
#include <gmock/gmock.h>

#include "peers/clients_fixture.h"
#include "peers/recipes.h"

namespace support {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OneLinersTest : public ClientsTest {
 protected:
  std::string line(const std::string& language) {
    return recipe_block("one-liners.md", language, port());
  }

  void expect_sent() {
    const SentMail sent = wait_for_sent(1).at(0);
    EXPECT_THAT(sent.mail, HasSubstr("FROM:<app@example.edu>"));
    EXPECT_THAT(sent.rcpts, ElementsAre(HasSubstr("TO:<you@example.edu>")));
    EXPECT_THAT("\n" + sent.data, HasSubstr("\nSubject: test\n"));
    EXPECT_TRUE(sent.data.ends_with("\n\nhello\n")) << sent.data;
    expect_stored_as_sent();
  }
};

TEST_F(OneLinersTest, Python) {
  if (!find_program("python3")) GTEST_SKIP() << "python3 is not installed";
  run_client("python3", {"-c", line("python")});
  expect_sent();
}

TEST_F(OneLinersTest, Perl) {
  if (!find_program("perl") || run({"perl", {"-MNet::SMTP", "-e", "1"}}).status != 0) {
    GTEST_SKIP() << "Net::SMTP is not installed";
  }
  run_client("perl", {"-e", line("perl")});
  expect_sent();
}

TEST_F(OneLinersTest, Node) {
  if (const auto why = why_no_nodemailer()) GTEST_SKIP() << *why;
  run_client("node", {"-e", line("js")}, "/dev/null", node_environment());
  expect_sent();
}

TEST_F(OneLinersTest, Curl) {
  if (!find_program("curl")) GTEST_SKIP() << "curl is not installed";
  run_client("sh", {"-c", line("sh")});
  expect_sent();
}

TEST_F(OneLinersTest, PhpThroughMsmtp) {
  if (!find_program("php") || !find_program("msmtp")) GTEST_SKIP() << "php or msmtp is not there";
  const std::string program =
      "sendmail_path=msmtp -C " + msmtp_configuration() + " -f app@example.edu -t -i";
  std::string code;
  for (const RecipeBlock& block : recipe_blocks()) {
    if (block.language == "php") code = block.text;
  }
  run_client("php", {"-d", program, "-r", code});
  expect_sent();
}

}  // namespace
}  // namespace support
