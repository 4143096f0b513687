// Programs that send a finished mail: for cron jobs, scripts and backups. contrib/recipes has them.
#include "peers/clients_fixture.h"

namespace support {
namespace {

class CommandsTest : public ClientsTest {
 protected:
  [[nodiscard]] std::string server() { return "127.0.0.1:" + port(); }
};

TEST_F(CommandsTest, CurlSends) {
  if (!find_program("curl")) GTEST_SKIP() << "curl is not installed";
  run_for_each_mail("curl", [this](const CorpusMail& mail) {
    std::vector<std::string> arguments = {
        "-sS", "--crlf", "--url", "smtp://" + server(), "--mail-from", "app@client.test"};
    for (const std::string& each : mail.recipients) {
      arguments.insert(arguments.end(), {"--mail-rcpt", each});
    }
    return joined(arguments, {"--upload-file", mail.path});
  });
  expect_corpus();
}

TEST_F(CommandsTest, SwaksSends) {
  if (!find_program("swaks")) GTEST_SKIP() << "swaks is not installed";
  // It takes the mail with the lone dot, or puts a line end behind it.
  run_for_each_mail("swaks", [this](const CorpusMail& mail) {
    std::string to;
    for (const std::string& each : mail.recipients) to += (to.empty() ? "" : ",") + each;
    return std::vector<std::string>{
        "--server",   "127.0.0.1", "--port",
        port(),       "--from",    "app@client.test",
        "--to",       to,          "--helo",
        "swaks.test", "--data",    "@" + directory_.write(mail.name, mail.text + ".\n")};
  });
  expect_corpus();
}

TEST_F(CommandsTest, SmtpSourceSends) {
  if (!find_program("smtp-source")) GTEST_SKIP() << "smtp-source is not installed";
  const CorpusMail& mail = corpus().at(0);
  run_client(*find_program("smtp-source"), {"-s", "4", "-m", "20", "-f", "app@client.test", "-t",
                                            "b@example.test", "-F", mail.path, server()});
  // It puts an empty line behind every file.
  const std::vector<SentMail> sent = wait_for_sent(20);
  for (const SentMail& each : sent) EXPECT_EQ(difference(mail.text + "\n", each.data), "");
  expect_stored_as_sent();
}

TEST_F(CommandsTest, MsmtpSends) {
  if (!find_program("msmtp")) GTEST_SKIP() << "msmtp is not installed";
  run_for_each_mail("msmtp", [this](const CorpusMail& mail) {
    return joined({"-C", msmtp_configuration(), "--"}, mail.recipients);
  });
  expect_corpus();
}

// As cron calls it: recipients from the header.
TEST_F(CommandsTest, MsmtpSendsAsSendmailDoes) {
  if (!find_program("msmtp")) GTEST_SKIP() << "msmtp is not installed";
  run_for_each_mail("msmtp", [this](const CorpusMail&) {
    return std::vector<std::string>{"-C", msmtp_configuration(), "-t", "-oi"};
  });
  expect_corpus();
}

}  // namespace
}  // namespace support
