// Real clients, smtpseal, a real Postfix that demands TLS: what arrives is what was sent.
#include "peers/postfix.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/certificates.h"
#include "support/smtp_client.h"
#include "support/smtpseal_process.h"

namespace support {
namespace {

class PostfixTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = Postfix::why_not()) GTEST_SKIP() << *why;
  }
  void TearDown() override {
    if (!seal_) return;
    EXPECT_EQ(seal_->stop(), 0);
    EXPECT_EQ(seal_->sanitizer_report(), "");
  }

  void start(const PostfixOptions& options = {}) {
    postfix_.emplace(options);
    ConfigText config;
    config.set("smtpseal", "hostname", "seal.client.test")
        .set("listener", "listen", "127.0.0.1:0")
        .set("smarthost", "host", "127.0.0.1")
        .set("smarthost", "port", std::to_string(postfix_->port()))
        .set("smarthost", "mode", options.is_implicit_tls ? "implicit" : "starttls")
        .set("smarthost", "verify_name", kSmarthostName)
        .set("smarthost", "ca_file", postfix_->ca_file());
    seal_.emplace(directory_, config);
  }

  // With LF line ends, as a maildir keeps it.
  static std::string as_stored(std::string text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool is_crlf = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
      if (!is_crlf) out.push_back(text[i] == '\r' ? '\n' : text[i]);
    }
    return out;
  }

  // `sent` stands at the end of `stored`; before it there are trace fields only, ours among them.
  static void expect_stored(const std::string& stored, const std::string& sent) {
    const std::string wanted = as_stored(sent);
    ASSERT_GE(stored.size(), wanted.size());
    ASSERT_TRUE(stored.ends_with(wanted)) << stored.substr(0, 2000);
    const std::string trace = stored.substr(0, stored.size() - wanted.size());
    EXPECT_NE(trace.find("by seal.client.test (smtpseal) with "), std::string::npos) << trace;
    EXPECT_EQ(trace.find("\n\n"), std::string::npos) << trace;
  }

  [[nodiscard]] std::string url() const {
    return "smtp://127.0.0.1:" + std::to_string(seal_->port());
  }

  TempDir directory_;
  std::optional<Postfix> postfix_;
  std::optional<Smtpseal> seal_;
};

std::vector<std::string> corpus() {
  const std::string header = "From: a@client.test\r\nSubject: corpus\r\n\r\n";
  std::string octets;
  for (int c = 1; c < 256; ++c) {
    if (c != '\r' && c != '\n') octets.push_back(static_cast<char>(c));
  }
  std::string big = header;
  const std::string line = std::string(76, 'b') + "\r\n";
  while (big.size() < 25U * 1000 * 1000) big += line;
  return {header,
          header + "plain\r\n",
          header + ".\r\n..\r\n.dot\r\n...\r\n",
          header + std::string(996, 'x') + "\r\n",
          header + std::string(100000, 'y') + "\r\n",
          header + octets + "\r\n",
          header + "\r\n\r\n\r\n",
          big};
}

TEST_F(PostfixTest, StoresTheCorpusByteForByte) {
  start();
  const std::vector<std::string> mails = corpus();
  for (const std::string& mail : mails) {
    postfix_->clear();
    SmtpClient client(seal_->port());
    client.hello();
    client.envelope();
    SmtpClient::require(client.command("DATA"), 354);
    std::string stuffed;
    bool is_line_start = true;
    for (const char c : mail) {
      if (is_line_start && c == '.') stuffed.push_back('.');
      stuffed.push_back(c);
      is_line_start = c == '\n';
    }
    EXPECT_EQ(client.finish(stuffed, 60s).code, 250);
    client.quit();
    expect_stored(postfix_->wait_for_mails(1).at(0), mail);
  }
  seal_->wait_for("smarthost-open");
  EXPECT_EQ(seal_->count("smarthost-open"), 1u) << "one TLS connection for all of them";
}

TEST_F(PostfixTest, StoresBareLineEndsNormalised) {
  start();
  SmtpClient client(seal_->port());
  client.hello();
  EXPECT_EQ(client.mail("From: a@b\nSubject: x\r\n\na\rb\n.\nc\r\n").code, 250);
  client.quit();
  expect_stored(postfix_->wait_for_mails(1).at(0), "From: a@b\nSubject: x\n\na\nb\n.\nc\n");
  EXPECT_EQ(postfix_->wait_for_mails(1).size(), 1u);
}

TEST_F(PostfixTest, IsReachedByCurl) {
  start();
  const std::string mail = "From: a@client.test\r\nSubject: curl\r\n\r\n.dot\r\nno final line end";
  const Finished curl = run({"curl",
                             {"-sS", "--url", url(), "--mail-from", "a@client.test", "--mail-rcpt",
                              "b@example.test", "--upload-file", directory_.write("mail", mail)}});
  EXPECT_EQ(curl.status, 0) << curl.errors;
  expect_stored(postfix_->wait_for_mails(1).at(0), mail + "\r\n");
}

TEST_F(PostfixTest, IsReachedBySwaks) {
  if (!find_program("swaks")) GTEST_SKIP() << "swaks is not installed";
  start();
  const Finished swaks = run({"swaks",
                              {"--server", "127.0.0.1", "--port", std::to_string(seal_->port()),
                               "--from", "a@client.test", "--to", "b@example.test,c@example.test",
                               "--helo", "swaks.test", "--body", "a line\n.a dotted line"}});
  EXPECT_EQ(swaks.status, 0) << swaks.output;
  const std::string stored = postfix_->wait_for_mails(1).at(0);
  EXPECT_NE(stored.find("\n.a dotted line\n"), std::string::npos) << stored;
  EXPECT_NE(stored.find("from swaks.test ([127.0.0.1])"), std::string::npos);
}

TEST_F(PostfixTest, IsReachedByPython) {
  start();
  const std::string script = directory_.write(
      "send.py",
      "import smtplib, sys\n"
      "server = smtplib.SMTP('127.0.0.1', int(sys.argv[1]), timeout=30)\n"
      "for number in range(5):\n"
      "    refused = server.sendmail('a@client.test', ['b@example.test'],\n"
      "        ('From: a@client.test\\r\\nSubject: python %d\\r\\n\\r\\n.x\\r\\n' % number))\n"
      "    assert refused == {}\n"
      "server.quit()\n");
  const Finished python = run({"python3", {script, std::to_string(seal_->port())}});
  EXPECT_EQ(python.status, 0) << python.errors;
  for (const std::string& stored : postfix_->wait_for_mails(5)) {
    EXPECT_TRUE(stored.ends_with("\n\n.x\n")) << stored;
  }
}

TEST_F(PostfixTest, TakesHundredsOfMailsOfManyClientsOverFewConnections) {
  if (!find_program("smtp-source")) GTEST_SKIP() << "smtp-source is not installed";
  start();
  const Finished source = run({*find_program("smtp-source"),
                               {"-s", "10", "-m", "300", "-l", "4096", "-f", "a@client.test", "-t",
                                "b@example.test", "127.0.0.1:" + std::to_string(seal_->port())}},
                              60s);
  EXPECT_EQ(source.status, 0) << source.errors;
  EXPECT_EQ(postfix_->wait_for_mails(300).size(), 300u);
  EXPECT_LE(seal_->count("smarthost-open"), 20u);
}

}  // namespace
}  // namespace support
