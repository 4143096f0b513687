// The command line as a stranger meets it: streams that are closed or full, wrong usage, advice.
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/config_text.h"
#include "support/process.h"
#include "support/smtpseal_process.h"
#include "support/temp_dir.h"

namespace support {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

// A configuration that starts anywhere.
ConfigText startable() {
  ConfigText config;
  config.set("listener", "listen", "127.0.0.1:0").set("smarthost", "host", "smarthost.invalid");
  return config;
}

// `smtpseal ARGUMENTS REDIRECTIONS`, as a shell does it.
Process::Start in_shell(const std::string& redirections, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {"-c", "exec \"$0\" \"$@\" " + redirections, smtpseal_program()});
  return {"/bin/sh", std::move(arguments), {}};
}

// --- standard streams

TEST(StandardStreams, MayBeClosedWhileItRuns) {
  const TempDir directory;
  const std::string file = directory.write("run.conf", startable().text());
  for (const char* closed : {"<&-", ">&-", "<&- >&-"}) {
    Process process(in_shell(closed, {"-c", file}));
    process.wait_for_error_line(
        [](const std::string& line) { return parse_log_line(line, "ready").has_value(); });
    process.signal(SIGTERM);
    EXPECT_EQ(process.wait(), 0) << closed << '\n' << process.errors();
  }
}

TEST(StandardStreams, MayBeClosedForTheDemonstration) {
  for (const char* closed : {"<&-", ">&-", "2>&-", "<&- >&- 2>&-"}) {
    const Finished finished = run(in_shell(closed, {"demo", "--once"}));
    EXPECT_EQ(finished.status, 0) << closed << '\n' << finished.errors;
  }
}

TEST(StandardStreams, AreToldWhenTheyTakeNothing) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const TempDir directory;
  const std::string file = directory.write("full.conf", startable().text());
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"config", "-c", file},
                                             {"config", "-c", file, "--json"},
                                             {"--version"},
                                             {"check", "--help"}}) {
    const Finished finished = run(in_shell("> /dev/full", arguments));
    EXPECT_EQ(finished.status, 74) << arguments.front();
    EXPECT_THAT(finished.errors, HasSubstr("smtpseal: cannot write to standard output"));
  }
}

// --- what config says, run does

TEST(ConfigCommand, RefusesWhatRunWouldRefuse) {
  const TempDir directory;
  const std::string missing = directory.path("missing.pem");
  ConfigText config = startable();
  config.set("smarthost", "ca_file", missing).set("smtpseal", "status", "127.0.0.1:8025");
  const std::string file = directory.write("refused.conf", config.text());
  const std::string of_key = "status = 127.0.0.1:8025: not available in this version";
  const std::string of_file = ": ca_file = " + missing + ": No such file or directory";
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"config", "-c", file}, {"config", "-c", file, "--json"}}) {
    const Finished finished = run_smtpseal(arguments);
    EXPECT_EQ(finished.status, 78);
    EXPECT_THAT(finished.errors, HasSubstr(of_key));
    EXPECT_THAT(finished.errors, HasSubstr(of_file));
    EXPECT_THAT(finished.errors, HasSubstr("smtpseal: run refuses this configuration"));
  }
  const json report = json::parse(run_smtpseal({"config", "-c", file, "--json"}).output);
  EXPECT_EQ(report["file"], file);
  EXPECT_EQ(report["refused"].size(), 2u);
  EXPECT_EQ(report["unavailable"].size(), 1u);

  config.unset("smtpseal", "status");
  directory.write("refused.conf", config.text());
  const Finished run = run_smtpseal({"run", "-c", file});
  EXPECT_EQ(run.status, 78);
  EXPECT_THAT(run.errors, StartsWith(file + ":"));
  EXPECT_THAT(run.errors, HasSubstr(of_file));
}

TEST(ConfigCommand, HasNoFileWithoutOne) {
  const Finished finished =
      run_smtpseal({"config", "--smarthost", "smarthost.invalid", "--tls", "encrypt", "--json"});
  EXPECT_EQ(finished.status, 0) << finished.errors;
  EXPECT_TRUE(json::parse(finished.output)["file"].is_null());
}

// --- the first start

TEST(FirstStart, NamesTheFileAndLineOfALogThatCannotBeWritten) {
  const TempDir directory;
  ConfigText config = startable();
  config.set("smtpseal", "log_target", "file:" + directory.write("a-file", "x") + "/log");
  const std::string file = directory.write("log.conf", config.text());
  const Finished finished = run_smtpseal({"-c", file});
  EXPECT_EQ(finished.status, 74);
  EXPECT_THAT(finished.errors, StartsWith(file + ":"));
  EXPECT_THAT(finished.errors, HasSubstr("log_target"));
}

TEST(FirstStart, SaysWhoMayHaveTheTakenPort) {
  const TempDir directory;
  Process first({smtpseal_program(), {"-c", directory.write("a.conf", startable().text())}, {}});
  const std::string ready = first.wait_for_error_line(
      [](const std::string& line) { return parse_log_line(line, "ready").has_value(); });
  const std::string address = parse_log_line(ready, "ready")->field("listen");
  const Finished second = run_smtpseal({"--smarthost", "smarthost.invalid", "--listen", address});
  EXPECT_EQ(second.status, 71);
  EXPECT_THAT(second.errors, HasSubstr("already in use\nAnother program listens there"));
  EXPECT_THAT(second.errors, HasSubstr("--listen 127.0.0.1:2525"));
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait(), 0);
}

TEST(FirstStart, NamesTheLineOfAnAddressThatTheMachineLacks) {
  const TempDir directory;
  ConfigText config = startable();
  config.set("listener", "listen", "127.0.0.1:0, 192.0.2.77:0").set("listener", "allow", "::1");
  const std::string file = directory.write("lacks.conf", config.text());
  const Finished finished = run_smtpseal({"-c", file});
  EXPECT_EQ(finished.status, 71);
  EXPECT_THAT(finished.errors, HasSubstr("take 192.0.2.77:0 out of listen, " + file + ":3)"));
}

// Where a private network without IPv6 can be made.
TEST(FirstStart, DoesWithoutIpv6UnlessItIsWrittenDown) {
  const auto without_ipv6 = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"-rn", "/bin/sh", "-c",
                      "ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && "
                      "exec \"$0\" \"$@\"",
                      smtpseal_program()});
    return Process::Start{"unshare", std::move(arguments), {}};
  };
  if (!find_program("unshare") || !find_program("ip") ||
      run(without_ipv6({"--version"})).status != 0) {
    GTEST_SKIP() << "no network of one's own here";
  }
  Process process(without_ipv6({"--smarthost", "smarthost.invalid"}));
  const std::string ready = process.wait_for_error_line(
      [](const std::string& line) { return parse_log_line(line, "ready").has_value(); });
  EXPECT_EQ(parse_log_line(ready, "ready")->field("listen"), "127.0.0.1:25");
  EXPECT_THAT(process.errors(), HasSubstr("listen-skip"));
  EXPECT_THAT(process.errors(), HasSubstr("this machine has no IPv6"));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 0);

  const Finished written = run(without_ipv6({"--smarthost", "smarthost.invalid", "--listen",
                                             "127.0.0.1:2525", "--listen", "[::1]:2525"}));
  EXPECT_EQ(written.status, 71);
  EXPECT_THAT(written.errors, HasSubstr("take [::1]:2525 out of listen, --listen)"));
}

TEST(FirstStart, LogsWarningsInTheFormatOfTheLog) {
  const TempDir directory;
  ConfigText config = startable();
  config.set("smtpseal", "log_format", "json").set("smarthost", "port", "465");
  config.set("smarthost", "tls", "encrypt");
  const std::string file = directory.write("json.conf", config.text());
  Process process({smtpseal_program(), {"-c", file}, {}});
  process.wait_for_error_line(
      [](const std::string& line) { return line.find("\"ready\"") != std::string::npos; });
  std::size_t warnings = 0;
  for (const std::string& line : process.error_lines()) {
    const json event = json::parse(line);
    if (event["event"] != "config-warning") continue;
    if (event["where"] == "SMTPSEAL_SMTPSEAL_USER") continue;  // who tests as root
    ++warnings;
    EXPECT_THAT(event["where"].get<std::string>(), StartsWith(file + ":"));
    EXPECT_THAT(event["warning"].get<std::string>(), StartsWith("port = 465"));
  }
  EXPECT_EQ(warnings, 1u) << "tls-weak says the rest:\n" << process.errors();
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 0);
}

TEST(FirstStart, SaysWhichFileAFlagTookThePlaceOf) {
  const TempDir directory;
  directory.write("smtpseal.conf", startable().text());
  const Finished finished =
      run({"/bin/sh",
           {"-c", "cd \"$1\" && exec \"$0\" config --smarthost a.invalid",
            std::filesystem::absolute(smtpseal_program()).string(), directory.path()},
           {}});
  EXPECT_EQ(finished.status, 0);
  EXPECT_THAT(finished.errors,
              HasSubstr("smtpseal: warning: ./smtpseal.conf: not read, because --smarthost was"));
}

TEST(FirstStart, NamesTheSectionThatAVariableLeftOut) {
  const Finished finished = run_smtpseal({"config"}, {{"SMTPSEAL_HOST", "smtp.example.edu"}});
  EXPECT_EQ(finished.status, 78);
  EXPECT_THAT(finished.errors, HasSubstr("did you mean SMTPSEAL_SMARTHOST_HOST?"));
  EXPECT_THAT(finished.errors, StartsWith("smtpseal: "));
}

TEST(FirstStart, NamesCommandsOfLaterVersions) {
  const Finished finished = run_smtpseal({"status", "--json"});
  EXPECT_EQ(finished.status, 64);
  EXPECT_EQ(finished.errors, "smtpseal: status: not available in this version\n");
}

}  // namespace
}  // namespace support
