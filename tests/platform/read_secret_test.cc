// A secret is read from standard input, and at a terminal nobody sees it.
#include <chrono>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "platform/platform.h"

namespace platform {
namespace {

// Standard input is another descriptor while it lives.
class StandardInput {
 public:
  explicit StandardInput(int fd) : before_(dup(STDIN_FILENO)) { dup2(fd, STDIN_FILENO); }
  ~StandardInput() {
    dup2(before_, STDIN_FILENO);
    close(before_);
  }

 private:
  int before_;
};

base::Result<std::string> read_from_pipe(const std::string& text) {
  int ends[2];
  if (pipe(ends) != 0) return base::Error{base::Fault::local, "no pipe"};
  EXPECT_EQ(write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  close(ends[1]);
  const StandardInput input(ends[0]);
  close(ends[0]);
  return read_secret("Password: ");
}

TEST(ReadSecret, IsTheFirstLineOfStandardInput) {
  EXPECT_EQ(read_from_pipe("correct horse\nmore\n").value(), "correct horse");
  EXPECT_EQ(read_from_pipe("no end").value(), "no end");
  EXPECT_EQ(read_from_pipe("of Windows\r\n").value(), "of Windows");
}

TEST(ReadSecret, KeepsEverythingElseOfTheLine) {
  EXPECT_EQ(read_from_pipe(" \x7f\x03\t;#\n").value(), " \x7f\x03\t;#");
}

TEST(ReadSecret, MustBeThere) {
  for (const char* text : {"", "\n", "\r\n"}) {
    const auto secret = read_from_pipe(text);
    ASSERT_FALSE(secret);
    EXPECT_EQ(secret.error().detail, "none was given");
  }
}

TEST(ReadSecret, HasALimit) {
  EXPECT_TRUE(read_from_pipe(std::string(1024, 'x')));
  EXPECT_FALSE(read_from_pipe(std::string(1025, 'x')));
}

// Types `keys` as soon as the terminal no longer shows what is typed.
class Terminal {
 public:
  Terminal() : keyboard_(posix_openpt(O_RDWR | O_NOCTTY)) {
    if (grantpt(keyboard_) != 0 || unlockpt(keyboard_) != 0) return;
    line_ = open(ptsname(keyboard_), O_RDWR | O_NOCTTY);
  }
  ~Terminal() {
    close(line_);
    close(keyboard_);
  }

  [[nodiscard]] bool is_open() const { return line_ >= 0; }
  [[nodiscard]] bool shows_input() const {
    termios state{};
    return tcgetattr(line_, &state) == 0 && (state.c_lflag & ECHO) != 0;
  }

  base::Result<std::string> read_what_is_typed(const std::string& keys) {
    const StandardInput input(line_);
    std::thread typist([&] {
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      while (shows_input() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
      }
      EXPECT_EQ(write(keyboard_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    });
    auto secret = read_secret("Password: ");
    typist.join();
    return secret;
  }

  // What stands on its screen.
  [[nodiscard]] std::string screen() const {
    fcntl(keyboard_, F_SETFL, O_NONBLOCK);
    char text[256];
    const ssize_t count = read(keyboard_, text, sizeof text);
    return count > 0 ? std::string(text, static_cast<std::size_t>(count)) : std::string();
  }

 private:
  int keyboard_;
  int line_ = -1;
};

TEST(ReadSecret, IsNotShownAtATerminal) {
  Terminal terminal;
  if (!terminal.is_open()) GTEST_SKIP() << "this machine has no pseudo-terminals";
  EXPECT_EQ(terminal
                .read_what_is_typed("hunter3\x7f"
                                    "2\n")
                .value(),
            "hunter2");
  EXPECT_EQ(terminal.screen(), "");
  EXPECT_TRUE(terminal.shows_input()) << "as before";
}

TEST(ReadSecret, IsGivenUpWithControlC) {
  Terminal terminal;
  if (!terminal.is_open()) GTEST_SKIP() << "this machine has no pseudo-terminals";
  EXPECT_FALSE(terminal.read_what_is_typed("hunt\x03"));
  EXPECT_TRUE(terminal.shows_input());
}

}  // namespace
}  // namespace platform
