// Children are heard to their last word and never left behind.
#include "support/process.h"

#include <csignal>

#include <gtest/gtest.h>

#include "support/smtpseal_process.h"
#include "support/temp_dir.h"

namespace support {
namespace {

Process::Start shell(const std::string& script) { return {"sh", {"-c", script}, {}}; }

TEST(Process, TellsExitStatusAndOutput) {
  const Finished finished = run(shell("echo out; echo err >&2; exit 7"));
  EXPECT_EQ(finished.status, 7);
  EXPECT_EQ(finished.output, "out\n");
  EXPECT_EQ(finished.errors, "err\n");
}

TEST(Process, TellsTheSignalThatEndedIt) {
  Process process(shell("echo up >&2; exec sleep 60"));
  EXPECT_EQ(process.wait_for_error_line([](const std::string&) { return true; }), "up");
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 128 + SIGTERM);
}

TEST(Process, PassesItsEnvironmentOn) {
  EXPECT_EQ(run({"sh", {"-c", "echo $GREETING"}, {{"GREETING", "hello"}}}).output, "hello\n");
}

TEST(Process, ThrowsWhenAProgramIsMissingOrSilent) {
  EXPECT_THROW(run({"/no/such/program", {}, {}}), Failure);
  Process process(shell("exec sleep 60"));
  EXPECT_THROW(process.wait(10ms), Failure);
  EXPECT_THROW(process.wait_for_error_line([](const std::string&) { return true; }, 10ms), Failure);
}

TEST(Process, TakesMoreOutputThanAPipeHolds) {
  const Finished finished = run(shell("head -c 1000000 /dev/zero"));
  EXPECT_EQ(finished.output.size(), 1000000u);
}

TEST(LogLine, GivesEventAndFields) {
  const auto line =
      parse_log_line("- ready listen=127.0.0.1:1025,[::1]:1025 note=\"a b\"", "ready");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->id, "-");
  EXPECT_EQ(line->field("listen"), "127.0.0.1:1025,[::1]:1025");
  EXPECT_EQ(line->field("note"), "a b");
  EXPECT_FALSE(parse_log_line("- reload was=ready", "ready"));
  EXPECT_FALSE(parse_log_line("ready", "ready"));
}

}  // namespace
}  // namespace support
