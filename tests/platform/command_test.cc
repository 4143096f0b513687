// Commands that print a secret: what comes of them, whatever they do.
#include "platform/command.h"

#include <chrono>
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace platform {
namespace {

using base::Fault;
using testing::HasSubstr;
using testing::StartsWith;

constexpr base::Duration kPatience = std::chrono::seconds(20);
constexpr base::Duration kLittlePatience = std::chrono::seconds(2);

std::string failure_of(const std::string& command, base::Duration patience = kPatience) {
  const auto got = output_of(command, patience);
  if (got) {
    ADD_FAILURE() << command << " succeeded";
    return {};
  }
  EXPECT_EQ(got.error().fault, Fault::config);
  return got.error().detail;
}

TEST(Command, GivesWhatItPrints) {
  EXPECT_EQ(*output_of("echo one; echo two", kPatience), "one\ntwo\n");
  EXPECT_EQ(*output_of("printf %s \"a b\"", kPatience), "a b");
  EXPECT_EQ(*output_of("true", kPatience), "");
}

TEST(Command, HasNothingToRead) { EXPECT_EQ(*output_of("cat; echo end", kPatience), "end\n"); }

TEST(Command, ThatFailsIsToldInItsOwnWords) {
  EXPECT_EQ(failure_of("echo no such key >&2; exit 3"), "exited with status 3: no such key");
  EXPECT_EQ(failure_of("exit 1"), "exited with status 1");
  EXPECT_EQ(failure_of("kill -9 $$"), "was ended by signal 9");
  EXPECT_THAT(failure_of("/no/such/program"), StartsWith("exited with status 127: "));
  // Never what may be the secret.
  EXPECT_EQ(failure_of("echo secret; exit 1"), "exited with status 1");
}

// As some parents leave it: then the system keeps nobody's status.
TEST(Command, ThatFailsIsNoticedAlthoughSigchldIsIgnored) {
  ASSERT_NE(std::signal(SIGCHLD, SIG_IGN), SIG_ERR);
  EXPECT_EQ(failure_of("echo secret; exit 3"), "exited with status 3");
  EXPECT_EQ(*output_of("echo secret", kPatience), "secret\n");
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  action.sa_flags = SA_NOCLDWAIT;
  ASSERT_EQ(sigaction(SIGCHLD, &action, nullptr), 0);
  EXPECT_EQ(failure_of("exit 3"), "exited with status 3");
}

TEST(Command, ThatOnlyWarnsSucceeds) {
  EXPECT_EQ(*output_of("echo careful >&2; echo secret", kPatience), "secret\n");
}

TEST(Command, ThatTakesTooLongIsEndedWithAllThatItBegan) {
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(failure_of("echo waiting for the keyring >&2; sleep 60 | sleep 60", kLittlePatience),
            "took too long: waiting for the keyring");
  // Its output ends, and it does not.
  EXPECT_EQ(failure_of("exec >&- 2>&-; sleep 60", kLittlePatience), "took too long");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30));
}

TEST(Command, ThatPrintsWithoutEndIsEnded) {
  EXPECT_THAT(failure_of("yes"), HasSubstr("printed too much"));
  EXPECT_THAT(failure_of("yes >&2"), HasSubstr("printed too much"));
}

}  // namespace
}  // namespace platform
