// The command line as a stranger meets it: streams that are closed or full, wrong usage, advice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "support/config_text.h"
#include "support/process.h"
#include "support/smtpseal_process.h"
#include "support/temp_dir.h"

namespace support {
namespace {

using testing::HasSubstr;

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

}  // namespace
}  // namespace support
