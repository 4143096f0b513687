// What programming languages come with: Python, Perl, PHP, Node.
#include "peers/clients_fixture.h"

namespace support {
namespace {

class LanguagesTest : public ClientsTest {};

TEST_F(LanguagesTest, PythonSends) {
  if (!find_program("python3")) GTEST_SKIP() << "python3 is not installed";
  run_client("python3", {client_file("send.py"), port(), jobs(), "crlf"});
  expect_corpus();
}

// smtplib sends bytes as they are, dots at the start of lines doubled; as they do not end in CRLF,
// it puts that behind them.
TEST_F(LanguagesTest, PythonSendsBareLineFeedsWhichArriveAsLineEnds) {
  if (!find_program("python3")) GTEST_SKIP() << "python3 is not installed";
  const std::vector<CorpusMail>& mails = corpus();
  run_client("python3", {client_file("send.py"), port(), jobs(mails), "lf"});
  const std::vector<SentMail> sent = wait_for_sent(mails.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(difference(mails[i].text + "\n", sent[i].data), "");
  }
  expect_stored_as_sent();
}

TEST_F(LanguagesTest, PerlSends) {
  if (!find_program("perl") || run({"perl", {"-MNet::SMTP", "-e", "1"}}).status != 0) {
    GTEST_SKIP() << "Net::SMTP is not installed";
  }
  run_client("perl", {client_file("send.pl"), port(), jobs()});
  expect_corpus();
}

TEST_F(LanguagesTest, PhpSends) {
  if (!find_program("php")) GTEST_SKIP() << "php is not installed";
  run_client("php", {client_file("send.php"), port(), jobs()});
  expect_corpus();
}

TEST_F(LanguagesTest, NodemailerSends) {
  if (const auto why = why_no_nodemailer()) GTEST_SKIP() << *why;
  run_client("node", {client_file("send.js"), port(), jobs()}, "/dev/null", node_environment());
  expect_corpus();
}

TEST_F(LanguagesTest, NodemailerSendsWhatItComposes) {
  if (const auto why = why_no_nodemailer()) GTEST_SKIP() << *why;
  const std::string octets("\0\r\n.\r\n\xff", 7);
  run_client("node",
             {client_file("send.js"), port(), jobs(), directory_.write("report.bin", octets)},
             "/dev/null", node_environment());
  EXPECT_NE(wait_for_sent(1).at(0).data.find("AA0KLg0K/w=="), std::string::npos);
  expect_stored_as_sent();
}

}  // namespace
}  // namespace support
