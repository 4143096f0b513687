// Start, reload, stop, limits, and the command line's exit statuses.
#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

class Lifecycle : public SealTest {};

TEST_F(Lifecycle, AcceptsClientsWhetherOrNotTheSmarthostIsThere) {
  smarthost().go_down();
  start();
  EXPECT_EQ(attempt().reply.code, 421);
}

TEST_F(Lifecycle, FinishesTheOpenTransactionBeforeItGoes) {
  SmtpClient client = connect();
  client.hello();
  client.envelope();
  EXPECT_EQ(client.command("DATA").code, 354);
  client.send("Subject: x\r\n\r\nhalf");
  seal().process().signal(SIGTERM);
  seal().wait_for("drain");
  EXPECT_EQ(client.finish(" and the rest\r\n").code, 250);
  EXPECT_EQ(client.read_reply().code, 421);
  EXPECT_EQ(client.read_until_closed(), "");
  EXPECT_EQ(seal().process().wait(), 0);
  EXPECT_EQ(smarthost().mails().size(), 1u);
}

TEST_F(Lifecycle, TellsIdleClientsThatItGoes) {
  SmtpClient client = connect();
  client.hello();
  seal().process().signal(SIGTERM);
  const Reply reply = client.read_reply();
  EXPECT_EQ(reply.code, 421);
  EXPECT_TRUE(reply.has_text("4.3.2"));
  EXPECT_EQ(client.read_until_closed(), "");
  EXPECT_EQ(seal().process().wait(), 0);
}

TEST_F(Lifecycle, WaitsNoLongerThanItsDrainTimeout) {
  config_.set("smtpseal", "drain_timeout", "1s");
  SmtpClient client = connect();
  client.hello();
  client.envelope();
  seal().process().signal(SIGTERM);
  EXPECT_EQ(seal().process().wait(), 0);
}

TEST_F(Lifecycle, GoesAtOnceWhenToldTwice) {
  config_.set("smtpseal", "drain_timeout", "10m");
  SmtpClient client = connect();
  client.hello();
  client.envelope();
  seal().process().signal(SIGTERM);
  seal().wait_for("drain");
  seal().process().signal(SIGTERM);
  EXPECT_EQ(seal().process().wait(), 0);
}

TEST_F(Lifecycle, ReloadsAGoodConfiguration) {
  SmtpClient old = connect();
  old.hello();
  ScriptedSmarthost other(smarthost().behavior());
  ConfigText changed = config_;
  // The port stays: the same address line means the same socket.
  changed.set("smarthost", "port", std::to_string(other.port()));
  seal().reload(changed);
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(other.mails().size(), 1u);
  EXPECT_EQ(old.mail(make_mail()).code, 250) << "a session goes on as it began";
  old.quit();
  EXPECT_EQ(smarthost().mails().size(), 1u);
}

TEST_F(Lifecycle, KeepsTheOldConfigurationWhenTheNewIsBroken) {
  start();
  for (const auto& [key, value] : {std::pair{"tls", "sometimes"}, std::pair{"ca_file", "/nowhere"},
                                   std::pair{"pin", "sha256//x"}}) {
    ConfigText broken = config_;
    broken.set("smarthost", key, value);
    const std::size_t before = seal().count("reload");
    seal().reload(broken);
    seal().wait_for("reload", before + 1);
    EXPECT_TRUE(attempt().is_accepted()) << key;
  }
}

TEST_F(Lifecycle, RefusesSessionsAboveItsLimit) {
  config_.set("listener", "max_sessions", "2");
  SmtpClient first = connect();
  SmtpClient second = connect();
  first.hello();
  second.hello();
  SmtpClient third = connect();
  const Reply reply = third.read_reply();
  EXPECT_EQ(reply.code, 421);
  EXPECT_TRUE(reply.has_text("4.3.2"));
  EXPECT_EQ(third.read_until_closed(), "");
  first.quit();
  second.quit();
}

TEST_F(Lifecycle, RefusesSessionsOfOneClientAboveItsLimit) {
  config_.set("listener", "max_sessions_per_client", "1");
  SmtpClient first = connect();
  first.hello();
  EXPECT_EQ(connect().read_reply().code, 421);
  first.quit();
}

TEST_F(Lifecycle, RefusesClientsThatAreNotAllowed) {
  config_.set("listener", "allow", "192.0.2.0/24");
  SmtpClient client = connect();
  const Reply reply = client.read_reply();
  EXPECT_EQ(reply.code, 554);
  EXPECT_TRUE(reply.has_text("5.7.1"));
  EXPECT_EQ(client.read_until_closed(), "");
  EXPECT_EQ(smarthost().connections(), 0u);
}

TEST_F(Lifecycle, LogsJsonWhenAsked) {
  config_.set("smtpseal", "log_format", "json");
  Process process(
      {smtpseal_program(), {"-c", directory_.write("j.conf", config_.text())}, {}, "/dev/null"});
  const std::string line = process.wait_for_error_line([](const std::string& text) {
    return text.find("\"event\":\"ready\"") != std::string::npos;
  });
  EXPECT_EQ(line.front(), '{');
  EXPECT_EQ(line.back(), '}');
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 0);
}

TEST_F(Lifecycle, SaysWhenItsPortIsTaken) {
  start();
  ConfigText same = config_;
  same.set("listener", "listen", "127.0.0.1:" + std::to_string(seal().port()));
  const Finished second = run_smtpseal({"-c", directory_.write("second.conf", same.text())});
  EXPECT_EQ(second.status, 71);
  EXPECT_NE(second.errors.find("already in use"), std::string::npos) << second.errors;
}

TEST_F(Lifecycle, RefusesToBeItsOwnSmarthost) {
  start();
  ConfigText loop = config_;
  loop.set("listener", "listen", "127.0.0.1:" + std::to_string(smarthost().port()));
  const Finished finished = run_smtpseal({"-c", directory_.write("loop.conf", loop.text())});
  EXPECT_EQ(finished.status, 78);
  EXPECT_NE(finished.errors.find("itself"), std::string::npos) << finished.errors;
}

TEST(CommandLine, ReportsEveryConfigurationErrorAtOnceWithSeventyEight) {
  const TempDir directory;
  const std::string file =
      directory.write("bad.conf",
                      "[smtpseal]\nlog_levle = info\n[listener]\nlisten = nowhere\n[smarthost]\n"
                      "host = a.test\nport = 99999\n");
  const Finished finished = run_smtpseal({"-c", file});
  EXPECT_EQ(finished.status, 78);
  EXPECT_NE(finished.errors.find(file + ":2: "), std::string::npos) << finished.errors;
  EXPECT_NE(finished.errors.find("log_level"), std::string::npos) << "a suggestion";
  EXPECT_NE(finished.errors.find(file + ":4: "), std::string::npos) << finished.errors;
  EXPECT_NE(finished.errors.find(file + ":7: "), std::string::npos) << finished.errors;
}

TEST(CommandLine, RefusesKeysOfFeaturesThatAreNotThereYet) {
  const TempDir directory;
  const std::string file = directory.write("later.conf",
                                           "[smtpseal]\nstatus = 127.0.0.1:0\n[listener]\nlisten = "
                                           "127.0.0.1:0\n[smarthost]\nhost = a.test\n");
  const Finished run = run_smtpseal({"-c", file});
  EXPECT_EQ(run.status, 78);
  EXPECT_NE(run.errors.find("not available in this version"), std::string::npos) << run.errors;
  const Finished config = run_smtpseal({"config", "-c", file});
  EXPECT_EQ(config.status, 78) << "what run refuses";
  EXPECT_NE(config.output.find("not available in this version"), std::string::npos);
}

TEST(CommandLine, PrintsItsVersionAndHelp) {
  const Finished version = run_smtpseal({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.output.find("smtpseal "), 0u);
  const Finished help = run_smtpseal({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* command : {"run", "check", "send", "config", "queue", "demo"}) {
    EXPECT_NE(help.output.find(command), std::string::npos) << command;
  }
  EXPECT_EQ(run_smtpseal({"--nonsense"}).status, 64);
  EXPECT_EQ(run_smtpseal({"queue", "nonsense"}).status, 64);
}

TEST(CommandLine, ShowsTheDemonstration) {
  const Finished demo = run_smtpseal({"demo", "--once"});
  EXPECT_EQ(demo.status, 0) << demo.errors;
  EXPECT_NE(demo.output.find("530 5.7.0 Must issue a STARTTLS command first"), std::string::npos);
  EXPECT_NE(demo.output.find("TLSv1.3"), std::string::npos);
}

}  // namespace
}  // namespace support
