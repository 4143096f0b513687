// Programs with which people write mail: they compose it, what matters is that it arrives as sent.
// As contrib/recipes/cron.md has them.
#include <gmock/gmock.h>

#include "peers/clients_fixture.h"
#include "peers/recipes.h"

namespace support {
namespace {

using ::testing::HasSubstr;

class MailersTest : public ClientsTest {
 protected:
  // UTF-8, dots, a line like an mbox separator; and an attachment.
  std::string body_ = directory_.write("body",
                                       "Gr\xc3\xbc\xc3\x9f"
                                       "e\n.\n..\nFrom here on\n\n");
  std::string attachment_ = directory_.write("report.bin", std::string("\0\r\n.\r\n\xff", 7));

  void expect_composed() {
    const std::string data = wait_for_sent(1).at(0).data;
    EXPECT_THAT(data, HasSubstr("Subject: a report\n"));
    EXPECT_THAT(data, HasSubstr("AA0KLg0K/w=="));
    expect_stored_as_sent();
  }
};

TEST_F(MailersTest, MuttSends) {
  if (!find_program("mutt")) GTEST_SKIP() << "mutt is not installed";
  const std::string configuration =
      directory_.write("muttrc", recipe_block("cron.md", "muttrc", port()) +
                                     "set from=app@client.test\nset copy=no\nset allow_8bit\n"
                                     "set hostname=client.test\n");
  run_client(
      "mutt",
      {"-n", "-F", configuration, "-s", "a report", "-a", attachment_, "--", "b@example.test"},
      body_);
  expect_composed();
}

TEST_F(MailersTest, SnailSends) {
  if (!find_program("s-nail")) GTEST_SKIP() << "s-nail is not installed";
  const std::string configuration =
      directory_.write("mailrc", recipe_block("cron.md", "mailrc", port()) +
                                     "set from=app@client.test hostname=client.test\n");
  run_client("s-nail", {"-:u", "-s", "a report", "-a", attachment_, "b@example.test"}, body_,
             {{"MAILRC", configuration}});
  expect_composed();
}

}  // namespace
}  // namespace support
