// app/cli: argv to an invocation.
#include "app/cli.h"

#include <vector>

#include <gtest/gtest.h>

#include "app/smarthost_link.h"

namespace app {
namespace {

// What a command line came to, and what was printed.
struct Parsed {
  CommandLine line;
  std::string output, errors;
};

Parsed parse_aloud(std::vector<const char*> words) {
  words.insert(words.begin(), "smtpseal");
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  Parsed parsed;
  parsed.line = parse_command_line(static_cast<int>(words.size()), words.data());
  parsed.output = testing::internal::GetCapturedStdout();
  parsed.errors = testing::internal::GetCapturedStderr();
  return parsed;
}

CommandLine parse(std::vector<const char*> words) { return parse_aloud(std::move(words)).line; }

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
    std::vector<const char*> words = {"--smarthost", "smtp.example.edu:587",
                                      "--listen",    "127.0.0.1:2525",
                                      "--listen",    "[::1]:2525",
                                      "--tls",       "encrypt",
                                      "--mode",      "starttls",
                                      "--user",      "nobody"};
    if (with_run) words.insert(words.begin(), "run");
    const CommandLine line = parse(words);
    ASSERT_TRUE(line.invocation);
    EXPECT_EQ(line.invocation->command, Command::run);
    EXPECT_EQ(flag(*line.invocation, "host"), "smarthost:smtp.example.edu");
    EXPECT_EQ(flag(*line.invocation, "port"), "smarthost:587");
    EXPECT_EQ(flag(*line.invocation, "listen"), "listener:127.0.0.1:2525 listener:[::1]:2525");
    EXPECT_EQ(flag(*line.invocation, "tls"), "smarthost:encrypt");
    EXPECT_EQ(flag(*line.invocation, "mode"), "smarthost:starttls");
    EXPECT_EQ(flag(*line.invocation, "user"), "smtpseal:nobody");
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
                                             {"--smarthost", ""},
                                             {"--config", ""},
                                             {"run", "--tls", ""},
                                             {"frobnicate"},
                                             {"check", "a", "b"}}) {
    const CommandLine line = parse(words);
    EXPECT_FALSE(line.invocation) << words[0];
    EXPECT_EQ(line.status, 64) << words[0];
  }
}

TEST(CommandLine, EndsWithZeroOnHelpAndVersion) {
  for (const std::vector<const char*>& words :
       std::vector<std::vector<const char*>>{{"--help"},
                                             {"--version"},
                                             {"check", "--help"},
                                             {"run", "--help"},
                                             {"help"},
                                             {"-V"},
                                             {"help", "check"}}) {
    const CommandLine line = parse(words);
    EXPECT_FALSE(line.invocation);
    EXPECT_EQ(line.status, 0);
  }
  EXPECT_EQ(parse_aloud({"help"}).output, parse_aloud({"--help"}).output);
  EXPECT_EQ(parse_aloud({"help", "check"}).output, parse_aloud({"check", "--help"}).output);
  EXPECT_EQ(parse_aloud({"-V"}).output, parse_aloud({"--version"}).output);
}

// Cron mail shows nothing but these lines.
TEST(CommandLine, SaysWhoSpeaksAndOfWhichCommand) {
  const std::vector<std::pair<std::vector<const char*>, std::string>> cases = {
      {{"bogus"}, "smtpseal: unknown command \"bogus\"\n"},
      {{"chek"}, "smtpseal: unknown command \"chek\"; did you mean check?\n"},
      {{"queu"}, "smtpseal: unknown command \"queu\"; did you mean queue?\n"},
      {{"help", "bogus"}, "smtpseal: unknown command \"bogus\"\n"},
      {{"--listn=secret"}, "smtpseal: unknown option --listn; did you mean --listen?\n"},
      {{"-c"}, "smtpseal: --config needs a value\n"},
      {{"check", "a", "b"}, "smtpseal: check: unexpected argument \"b\"\n"},
      {{"check", "--jsn"}, "smtpseal: check: unknown option --jsn; did you mean --json?\n"},
      {{"check", "https://a.test"},
       "smtpseal: check: HOST[:PORT]: \"https://a.test\": expected HOST[:PORT], not a URL\n"},
      {{"--smarthost", "a:b"}, "smtpseal: --smarthost: "},
      {{"send", "--from", "a@b"}, "smtpseal: send: --to is required\n"},
      {{"send", "--from", "a", "--to", "b", "--to", "c"},
       "smtpseal: send: --to was given more than once\n"},
  };
  for (const auto& [words, expected] : cases) {
    const Parsed parsed = parse_aloud(words);
    EXPECT_EQ(parsed.errors.substr(0, expected.size()), expected);
    EXPECT_EQ(parsed.line.status, 64) << expected;
    EXPECT_EQ(parsed.output, "") << expected;
  }
}

TEST(CommandLine, TakesAnActionOnTheQueue) {
  const CommandLine list = parse({"queue", "list", "--json", "-c", "a.conf"});
  ASSERT_TRUE(list.invocation);
  EXPECT_EQ(list.invocation->command, Command::queue);
  EXPECT_EQ(list.invocation->queue_action, QueueAction::list);
  EXPECT_TRUE(list.invocation->is_json);
  EXPECT_EQ(list.invocation->config_file, "a.conf");
  const CommandLine drop = parse({"queue", "-c", "a.conf", "drop", "00065f2b9c1d4a00"});
  ASSERT_TRUE(drop.invocation);
  EXPECT_EQ(drop.invocation->queue_action, QueueAction::drop);
  EXPECT_EQ(drop.invocation->mail_id, "00065f2b9c1d4a00");
  const CommandLine retry = parse({"queue", "retry"});
  ASSERT_TRUE(retry.invocation);
  EXPECT_EQ(retry.invocation->mail_id, "");
}

TEST(CommandLine, OffersOnlyWhatThereIs) {
  const std::string help = parse_aloud({"--help"}).output;
  for (const char* word : {"status", "probe", "service", "available"}) {
    EXPECT_EQ(help.find(word), std::string::npos) << word;
  }
  EXPECT_NE(help.find("none|may|encrypt|pin|verify"), std::string::npos) << help;
  EXPECT_NE(help.find("127.0.0.1:25 and [::1]:25"), std::string::npos) << help;
  EXPECT_NE(help.find("Without -c, --smarthost or HOST, "), std::string::npos) << help;
  EXPECT_EQ(parse_aloud({"demo", "--help"}).output.find("-c"), std::string::npos);
}

// With whatever arguments they will have.
TEST(CommandLine, KnowsTheCommandsOfLaterVersions) {
  EXPECT_EQ(parse({"status", "--watch"}).invocation->command, Command::status);
  EXPECT_EQ(parse({"probe", "live"}).invocation->command, Command::probe);
  EXPECT_EQ(parse({"service", "install"}).invocation->command, Command::service);
  EXPECT_EQ(parse({"--smarthost", "a.test", "--tls", "pin"}).invocation->flags.back().value, "pin");
}

TEST(Sources, LookForNoFileWhenFlagsNameTheSmarthost) {
  EXPECT_TRUE(sources_of(*parse({"--smarthost", "a.test"}).invocation).search.empty());
  EXPECT_FALSE(sources_of(*parse({}).invocation).search.empty());
  EXPECT_TRUE(sources_of(*parse({"-c", "x"}).invocation).search.empty());
  const config::Sources sources = sources_of(*parse({"check", "a.test"}).invocation);
  EXPECT_EQ(sources.passed_over, config::default_files());
  EXPECT_EQ(sources.passed_over_for, "HOST[:PORT]");
  EXPECT_TRUE(sources_of(*parse({"check", "-c", "x", "a.test"}).invocation).passed_over.empty());
}

}  // namespace
}  // namespace app
