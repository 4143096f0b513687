// app/cli: argv to an invocation.
#include "app/cli.h"

#include <gtest/gtest.h>

#include <vector>

#include "app/smarthost_link.h"

namespace app {
namespace {

CommandLine parse(std::vector<const char*> words) {
  words.insert(words.begin(), "smtpseal");
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  CommandLine line = parse_command_line(static_cast<int>(words.size()), words.data());
  testing::internal::GetCapturedStdout();
  testing::internal::GetCapturedStderr();
  return line;
}

std::string flag(const Invocation& invocation, const std::string& key) {
  std::string all;
  for (const auto& one : invocation.flags) {
    if (one.key == key) all += (all.empty() ? "" : " ") + one.section + ":" + one.value;
  }
  return all;
}

TEST(CommandLine, RunsByDefault) {
  const CommandLine line = parse({});
  ASSERT_TRUE(line.invocation);
  EXPECT_EQ(line.invocation->command, Command::run);
}

TEST(CommandLine, TakesTheSameFlagsWithAndWithoutRun) {
  for (const bool with_run : {false, true}) {
    std::vector<const char*> words = {"--smarthost", "smtp.example.edu:587", "--listen",
                                      "127.0.0.1:2525", "--listen", "[::1]:2525", "--tls",
                                      "encrypt", "--mode", "starttls"};
    if (with_run) words.insert(words.begin(), "run");
    const CommandLine line = parse(words);
    ASSERT_TRUE(line.invocation);
    EXPECT_EQ(line.invocation->command, Command::run);
    EXPECT_EQ(flag(*line.invocation, "host"), "smarthost:smtp.example.edu");
    EXPECT_EQ(flag(*line.invocation, "port"), "smarthost:587");
    EXPECT_EQ(flag(*line.invocation, "listen"), "listener:127.0.0.1:2525 listener:[::1]:2525");
    EXPECT_EQ(flag(*line.invocation, "tls"), "smarthost:encrypt");
    EXPECT_EQ(flag(*line.invocation, "mode"), "smarthost:starttls");
  }
}

TEST(CommandLine, TakesAFileBeforeOrAfterTheCommand) {
  EXPECT_EQ(parse({"-c", "a.conf"}).invocation->config_file, "a.conf");
  EXPECT_EQ(parse({"run", "-c", "a.conf"}).invocation->config_file, "a.conf");
  EXPECT_EQ(parse({"config", "-c", "a.conf"}).invocation->config_file, "a.conf");
}

TEST(CommandLine, SplitsTheTargetOfCheck) {
  const CommandLine line = parse({"check", "[2001:db8::1]:465", "--mode", "implicit", "--json"});
  ASSERT_TRUE(line.invocation);
  EXPECT_EQ(line.invocation->command, Command::check);
  EXPECT_TRUE(line.invocation->is_json);
  EXPECT_EQ(flag(*line.invocation, "host"), "smarthost:2001:db8::1");
  EXPECT_EQ(flag(*line.invocation, "port"), "smarthost:465");
}

TEST(CommandLine, EndsWithSixtyFourOnWrongUsage) {
  for (const std::vector<const char*>& words :
       std::vector<std::vector<const char*>>{{"--nonsense"},
                                             {"send"},
                                             {"send", "--from", "a@b"},
                                             {"--smarthost", "host:port"},
                                             {"frobnicate"},
                                             {"check", "a", "b"}}) {
    const CommandLine line = parse(words);
    EXPECT_FALSE(line.invocation) << words[0];
    EXPECT_EQ(line.status, 64) << words[0];
  }
}

TEST(CommandLine, EndsWithZeroOnHelpAndVersion) {
  for (const std::vector<const char*>& words : std::vector<std::vector<const char*>>{
           {"--help"}, {"--version"}, {"check", "--help"}, {"run", "--help"}}) {
    const CommandLine line = parse(words);
    EXPECT_FALSE(line.invocation);
    EXPECT_EQ(line.status, 0);
  }
}

TEST(Sources, LookForNoFileWhenFlagsNameTheSmarthost) {
  EXPECT_TRUE(sources_of(*parse({"--smarthost", "a.test"}).invocation).search.empty());
  EXPECT_FALSE(sources_of(*parse({}).invocation).search.empty());
  EXPECT_TRUE(sources_of(*parse({"-c", "x"}).invocation).search.empty());
}

TEST(EhloName, IsNeverOneThatServersReject) {
  const auto local = *base::parse_ip("192.0.2.7", 0);
  const auto local6 = *base::parse_ip("2001:db8::7", 0);
  EXPECT_EQ(choose_ehlo_name("", "relay.example.edu", local), "relay.example.edu");
  EXPECT_EQ(choose_ehlo_name("", "box", local), "[192.0.2.7]");
  EXPECT_EQ(choose_ehlo_name("", "box.localdomain", local), "[192.0.2.7]");
  EXPECT_EQ(choose_ehlo_name("", "localhost.localdomain", local6), "[IPv6:2001:db8::7]");
  EXPECT_EQ(choose_ehlo_name("given", "relay.example.edu", local), "given");
}

}  // namespace
}  // namespace app
