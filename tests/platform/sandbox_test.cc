// What a confined process is refused, tried from inside: each in a child of its own.
#include "platform/sandbox.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/privilege.h"

namespace platform {
namespace {

namespace fs = std::filesystem;

class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "seal-sandbox-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    for (const char* name : {"open", "read", "closed"}) fs::create_directory(folder_ / name);
    for (const char* name : {"open/a", "read/a", "closed/a"}) std::ofstream(folder_ / name) << "a";
    fs::create_symlink(folder_ / "closed/a", folder_ / "read/link");
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }

  // The errno with which `act` fails when the process is confined; 0 when it does not. -1: this
  // kernel cannot confine.
  [[nodiscard]] int confined(const std::function<bool()>& act) const {
    const pid_t child = fork();
    if (child == 0) {
      const auto done = confine({{path("read")}, {path("open")}});
      if (!done) _exit(254);
      if (*done == Confined::no) _exit(255);
      _exit(act() ? 0 : errno);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
  }
  [[nodiscard]] bool is_possible() const {
    return confined([] { return true; }) == 0;
  }

  static bool can_open(const std::string& path, int flags) {
    const int file = open(path.c_str(), flags | O_CLOEXEC, 0600);
    if (file < 0) return false;
    close(file);
    return true;
  }

  fs::path folder_;
};

#define SKIP_UNLESS_POSSIBLE() \
  if (!is_possible()) GTEST_SKIP() << "this kernel has no Landlock of version 2"

TEST_F(SandboxTest, DoesWhatItMay) {
  SKIP_UNLESS_POSSIBLE();
  EXPECT_EQ(confined([&] { return can_open(path("read/a"), O_RDONLY); }), 0);
  EXPECT_EQ(confined([&] { return can_open(path("open/a"), O_RDWR); }), 0);
  EXPECT_EQ(confined([&] { return can_open(path("open/new"), O_RDWR | O_CREAT); }), 0);
  EXPECT_EQ(confined([&] { return truncate(path("open/a").c_str(), 0) == 0; }), 0);
  EXPECT_EQ(confined([&] {
              return mkdir(path("open/x").c_str(), 0700) == 0 &&
                     rename(path("open/new").c_str(), path("open/x/new").c_str()) == 0 &&
                     unlink(path("open/x/new").c_str()) == 0 && rmdir(path("open/x").c_str()) == 0;
            }),
            0);
  EXPECT_EQ(confined([&] {
              const int made = socket(AF_UNIX, SOCK_STREAM, 0);
              sockaddr_un address{};
              address.sun_family = AF_UNIX;
              path("open/s").copy(address.sun_path, sizeof address.sun_path - 1);
              return bind(made, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                     unlink(address.sun_path) == 0;
            }),
            0);
}

TEST_F(SandboxTest, WritesNowhereElse) {
  SKIP_UNLESS_POSSIBLE();
  EXPECT_EQ(confined([&] { return can_open(path("read/a"), O_WRONLY); }), EACCES);
  EXPECT_EQ(confined([&] { return can_open(path("read/new"), O_WRONLY | O_CREAT); }), EACCES);
  EXPECT_EQ(confined([&] { return can_open(path("new"), O_WRONLY | O_CREAT); }), EACCES);
  EXPECT_EQ(confined([&] { return unlink(path("read/a").c_str()) == 0; }), EACCES);
  EXPECT_EQ(confined([&] { return mkdir(path("x").c_str(), 0700) == 0; }), EACCES);
  EXPECT_NE(confined([&] { return rename(path("open/a").c_str(), path("a").c_str()) == 0; }), 0);
}

TEST_F(SandboxTest, ReadsNothingElseNotEvenByALink) {
  SKIP_UNLESS_POSSIBLE();
  EXPECT_EQ(confined([&] { return can_open(path("closed/a"), O_RDONLY); }), EACCES);
  EXPECT_EQ(confined([&] { return can_open(path("read/link"), O_RDONLY); }), EACCES);
  EXPECT_EQ(confined([&] { return can_open(path("closed"), O_RDONLY | O_DIRECTORY); }), EACCES);
  EXPECT_EQ(confined([] { return can_open("/etc/passwd", O_RDONLY); }), EACCES);
}

TEST_F(SandboxTest, RunsNoProgram) {
  SKIP_UNLESS_POSSIBLE();
  const auto run = [](const char* program) {
    return [program] {
      execl(program, program, "-c", ":", nullptr);
      return false;
    };
  };
  EXPECT_EQ(confined(run("/bin/sh")), EACCES);
  fs::copy_file("/bin/sh", folder_ / "open/sh");
  EXPECT_EQ(confined(run(path("open/sh").c_str())), EACCES) << "nor what it wrote itself";
}

TEST_F(SandboxTest, StaysConfinedForGood) {
  SKIP_UNLESS_POSSIBLE();
  EXPECT_EQ(confined([&] {
              const auto again = confine({{"/"}, {"/"}});
              return again && can_open(path("closed/a"), O_RDONLY);
            }),
            EACCES);
  EXPECT_EQ(confined([] { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1; }), 0);
}

TEST_F(SandboxTest, APathLeadsWhereItsLinksLead) {
  EXPECT_EQ(real_path(path("read/link")), fs::canonical(folder_ / "closed/a").string());
  EXPECT_EQ(real_path(path("nowhere")), path("nowhere"));
}

}  // namespace
}  // namespace platform
