// `smtpseal demo`: what a stranger runs first.
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client_tls.h"
#include "support/config_text.h"
#include "support/process.h"
#include "support/smtp_client.h"
#include "support/smtpseal_process.h"
#include "support/temp_dir.h"

namespace {

using support::Finished;
using support::Process;
using support::SmtpClient;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kMustStartTls = "530 5.7.0 Must issue a STARTTLS command first";

// The number behind `text` in a line.
std::uint16_t number_after(const std::string& line, const std::string& text) {
  const std::size_t at = line.find(text);
  EXPECT_NE(at, std::string::npos) << line;
  return static_cast<std::uint16_t>(std::stoi(line.substr(at + text.size())));
}

class DemoTest : public testing::Test {
 protected:
  using Environment = std::vector<std::pair<std::string, std::string>>;

  [[nodiscard]] Environment environment() const {
    return {{"TMPDIR", directory_.path()}, {"LC_ALL", "C"}, {"COLUMNS", "120"}};
  }

  [[nodiscard]] Finished run(std::vector<std::string> arguments) const {
    return support::run_smtpseal(std::move(arguments), environment());
  }

  // Starts it with its standard output sent where lines can be waited for.
  void start(std::vector<std::string> arguments) {
    std::vector<std::string> all = {"-c", "exec \"$0\" \"$@\" 1>&2", support::smtpseal_program()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    process_ = std::make_unique<Process>(Process::Start{"/bin/sh", all, environment()});
  }

  std::string wait_for(std::string_view part) {
    return process_->wait_for_error_line(
        [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }

  int interrupt(int signal = SIGINT) {
    process_->signal(signal);
    return process_->wait();
  }

  [[nodiscard]] bool is_anything_left() const {
    return !std::filesystem::is_empty(directory_.path());
  }

  support::TempDir directory_;  // where its temporary files go
  std::unique_ptr<Process> process_;
};

TEST_F(DemoTest, DeliversItsMailAndEndsByItself) {
  const Finished finished = run({"demo", "--once"});
  EXPECT_EQ(finished.status, 0) << finished.errors;
  EXPECT_EQ(finished.errors, "");
  EXPECT_THAT(
      finished.output,
      AllOf(HasSubstr(kMustStartTls), HasSubstr("TLSv1.3 TLS_"),
            HasSubstr("smarthost.demo.test verified"),
            HasSubstr("3 messages delivered through smtpseal over 1 TLS connection"),
            HasSubstr("unchanged but for the"), Not(HasSubstr(" more lines)")),
            HasSubstr("1 recipient refused"), HasSubstr("round trips to the smarthost: 9, 3, 4.")));
  EXPECT_FALSE(is_anything_left());
}

TEST_F(DemoTest, ShowsNoEscapeSequencesWhereThereIsNoTerminal) {
  EXPECT_THAT(run({"demo", "--once"}).output, Not(HasSubstr("\x1b")));
}

TEST_F(DemoTest, StaysUpAndShowsTheMailOfOthers) {
  start({"demo"});
  const std::uint16_t port = number_after(wait_for("your own client at"), "at 127.0.0.1:");
  wait_for("Ctrl-C ends this");
  SmtpClient client(port);
  client.hello();
  EXPECT_EQ(client.mail("Subject: from a stranger\r\n\r\nhello\r\n").code, 250);
  wait_for("Your message 1, from <sender@client.test>: delivered");
  wait_for("Subject: from a stranger");
  wait_for("Delivered to 1 recipient");
  client.quit();
  EXPECT_TRUE(is_anything_left()) << "the authority's certificate is there while it runs";
  EXPECT_EQ(interrupt(), 0);
  EXPECT_FALSE(is_anything_left());
}

TEST_F(DemoTest, SaysThatAClientBeganTlsInsteadOfShowingItsBytes) {
  start({"demo"});
  const std::uint16_t port = number_after(wait_for("your own client at"), "at 127.0.0.1:");
  wait_for("Ctrl-C ends this");
  support::SmtpSocket client(port);
  client.send(std::string_view("\x16\x03\x01\x00\x05\xcd\x80\xcd\x81\n", 10));
  client.read_reply();
  client.close();
  wait_for("A client without mail");
  wait_for("(TLS begun by the client)");
  EXPECT_EQ(interrupt(), 0);
}

TEST_F(DemoTest, NamesACommandThatChecksItsSmarthost) {
  start({"demo"});
  const std::string line = wait_for("SMTPSEAL_SMARTHOST_CA_FILE=");
  const std::size_t begin = line.find('=') + 1;
  const std::string ca_file = line.substr(begin, line.find(' ', begin) - begin);
  const std::string smarthost =
      "127.0.0.1:" + std::to_string(number_after(wait_for(" check "), " check 127.0.0.1:"));
  const Finished checked =
      support::run_smtpseal({"check", smarthost}, {{"SMTPSEAL_SMARTHOST_CA_FILE", ca_file}});
  EXPECT_EQ(checked.status, 0) << checked.output;
  EXPECT_EQ(interrupt(), 0);
}

TEST_F(DemoTest, IsRecognisedByCheckAsSmtpsealItself) {
  start({"demo"});
  const std::uint16_t port = number_after(wait_for("your own client at"), "at 127.0.0.1:");
  const Finished checked = support::run_smtpseal({"check", "127.0.0.1:" + std::to_string(port)});
  EXPECT_EQ(checked.status, 78);
  EXPECT_THAT(checked.output, HasSubstr("this is smtpseal itself, on this machine"));
  EXPECT_EQ(interrupt(), 0);
}

TEST_F(DemoTest, PassesRefusalsOn) {
  start({"demo"});
  SmtpClient client(number_after(wait_for("your own client at"), "at 127.0.0.1:"));
  client.hello();
  EXPECT_EQ(client.command("MAIL FROM:<sender@client.test>").code, 250);
  EXPECT_TRUE(client.command("RCPT TO:<nobody@example.test>")
                  .has_text("5.1.1 <nobody@example.test> no such user"));
  client.quit();
  wait_for("Not delivered: 550 5.1.1");
  EXPECT_EQ(interrupt(SIGTERM), 0);
  EXPECT_FALSE(is_anything_left());
}

TEST_F(DemoTest, TellsAClientThatIsThereWhenItEnds) {
  start({"demo"});
  SmtpClient client(number_after(wait_for("your own client at"), "at 127.0.0.1:"));
  client.hello();
  process_->signal(SIGHUP);  // the terminal was closed
  EXPECT_EQ(client.read_reply().code, 421);
  EXPECT_EQ(process_->wait(), 0);
  EXPECT_FALSE(is_anything_left());
}

TEST_F(DemoTest, ItsSmarthostAloneRefusesPlaintext) {
  start({"demo", "--smarthost-only", "--listen", "127.0.0.1:0"});
  SmtpClient client(number_after(wait_for("STARTTLS listens on"), "on 127.0.0.1:"));
  EXPECT_TRUE(support::offers(client.hello(), "STARTTLS"));
  EXPECT_EQ(client.command("MAIL FROM:<sender@client.test>").raw,
            std::string(kMustStartTls) + "\r\n");
  client.quit();
  wait_for("NOT encrypted: refused");
  EXPECT_EQ(interrupt(), 0);
  EXPECT_FALSE(is_anything_left());
}

TEST_F(DemoTest, ItsSmarthostAloneShowsTheTraceOfEncryptedMail) {
  start({"demo", "--smarthost-only", "--listen", "127.0.0.1:0"});
  const std::uint16_t port = number_after(wait_for("STARTTLS listens on"), "on 127.0.0.1:");
  wait_for("ca.pem");
  std::string ca_file;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
    if (entry.path().filename() == "ca.pem") ca_file = entry.path();
  }
  const support::TempDir directory;
  support::ConfigText config;
  config.set("smtpseal", "hostname", "seal.client.test")
      .set("listener", "listen", "127.0.0.1:0")
      .set("smarthost", "host", "127.0.0.1")
      .set("smarthost", "port", std::to_string(port))
      .set("smarthost", "ca_file", ca_file);
  support::Smtpseal seal(directory, config);
  SmtpClient client(seal.port());
  client.hello();
  EXPECT_EQ(client.mail("Subject: x\r\n\r\nhello\r\n").code, 250);
  wait_for("Encrypted: TLSv1.3 TLS_");
  wait_for("Received: from seal.client.test ([127.0.0.1])");
  wait_for("(using TLSv1.3 TLS_");
  EXPECT_EQ(seal.stop(), 0);
  EXPECT_EQ(interrupt(), 0);
}

TEST_F(DemoTest, ItsSmarthostAloneTakesEncryptedMailOfAnyClient) {
  start({"demo", "--smarthost-only", "--listen", "127.0.0.1:0"});
  SmtpClient client(number_after(wait_for("STARTTLS listens on"), "on 127.0.0.1:"));
  client.hello();
  tls::ClientOptions options;
  options.level = tls::Level::encrypt;
  const auto context = support::client_context(options);
  client.starttls(*context);
  EXPECT_FALSE(support::offers(client.command("EHLO inside.test"), "STARTTLS"));
  EXPECT_EQ(client.command("STARTTLS").code, 503);
  EXPECT_EQ(client.mail("Subject: x\r\n\r\nhello\r\n").code, 250);
  client.quit();
  wait_for("Encrypted: TLSv1.3 TLS_");
  wait_for("Received: from inside.test ([127.0.0.1])");
  wait_for("with ESMTPS id DEMO0001");
  EXPECT_EQ(interrupt(), 0);
}

TEST_F(DemoTest, ItsSmarthostAloneSaysWhatIsWrongWithAClientsTls) {
  start({"demo", "--smarthost-only", "--listen", "127.0.0.1:0"});
  const std::uint16_t port = number_after(wait_for("STARTTLS listens on"), "on 127.0.0.1:");
  {
    // Does not know the demo's authority.
    tls::ClientOptions options;
    options.verify_name = "smarthost.demo.test";
    options.ca_files = {
        directory_.write("other-ca.pem", support::foreign_authority().certificate_pem())};
    const auto context = support::client_context(options);
    SmtpClient client(port);
    client.hello();
    EXPECT_THROW(client.starttls(*context), support::Failure);
  }
  wait_for("unknown_ca");
  wait_for("trust the authority named above");
  {
    SmtpClient client(port);
    client.hello();
    client.send("STARTTLS\r\nMAIL FROM:<evil@client.test>\r\n");
    EXPECT_EQ(client.read_reply().code, 554);
    EXPECT_EQ(client.read_until_closed(), "");
  }
  EXPECT_EQ(interrupt(), 0);
}

TEST_F(DemoTest, SaysWhyItCannotListen) {
  const Finished finished = run({"demo", "--smarthost-only", "--listen", "192.0.2.1:2525"});
  EXPECT_EQ(finished.status, 71);
  EXPECT_THAT(finished.errors, HasSubstr("192.0.2.1:2525"));
  EXPECT_FALSE(is_anything_left());
}

TEST_F(DemoTest, RefusesArgumentsThatDoNotGoTogether) {
  EXPECT_EQ(run({"demo", "--listen", "127.0.0.1:0"}).status, 64);
  EXPECT_EQ(run({"demo", "--once", "--smarthost-only"}).status, 64);
  EXPECT_EQ(run({"demo", "--smarthost-only", "--listen", "localhost"}).status, 64);
}

}  // namespace
