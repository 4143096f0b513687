// `smtpseal password`: lines for a file of users.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "smtp/users.h"
#include "support/fd.h"
#include "support/process.h"
#include "support/smtpseal_process.h"
#include "support/temp_dir.h"
#include "tls/crypto.h"

namespace support {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// What it makes of standard input.
Finished password(std::string_view input, std::vector<std::string> arguments = {}) {
  const TempDir directory;
  arguments.insert(arguments.begin(), "password");
  Process::Start start{smtpseal_program(), std::move(arguments), {}};
  start.input_file = directory.write("input", input);
  return run(std::move(start));
}

bool is_password_in(const std::string& line, std::string_view user, std::string_view password) {
  smtp::Users users;
  EXPECT_THAT(smtp::Users::parse(line, users), IsEmpty()) << line;
  const auto found = users.find(user, tls::crypto());
  return found && found->is_known &&
         smtp::is_password_of(found->verifier, password, tls::crypto()).value();
}

TEST(PasswordCommand, PrintsTheLineOfAUser) {
  const Finished finished = password("correct horse\nmore\n", {"--user", "app@example.edu"});
  EXPECT_EQ(finished.status, 0) << finished.errors;
  EXPECT_EQ(finished.errors, "");
  EXPECT_THAT(finished.output, Not(HasSubstr("horse")));
  EXPECT_TRUE(is_password_in(finished.output, "app@example.edu", "correct horse"));
  EXPECT_NE(password("correct horse\n", {"--user", "app@example.edu"}).output, finished.output)
      << "a salt of its own";
}

TEST(PasswordCommand, PrintsTheHashAloneWithoutAUser) {
  const Finished finished = password("secret");
  EXPECT_EQ(finished.status, 0);
  EXPECT_TRUE(is_password_in("app:" + finished.output, "app", "secret"));
}

TEST(PasswordCommand, SaysWhatIsWrong) {
  const std::vector<std::pair<Finished, std::string>> cases = {
      {password(""), "the password, on the first line of standard input: none was given"},
      {password("\nsecret\n"), "the password, on the first line of standard input: none"},
      {password("se\tcret\n"), "the password holds a control character"},
      {password(std::string(2000, 'x')), "is too long"},
  };
  for (const auto& [finished, why] : cases) {
    EXPECT_EQ(finished.status, 65);
    EXPECT_EQ(finished.output, "");
    EXPECT_THAT(finished.errors, HasSubstr("smtpseal: password: "));
    EXPECT_THAT(finished.errors, HasSubstr(why));
    EXPECT_THAT(finished.errors, Not(HasSubstr("cret\n")));
  }
  const Finished named = password("secret\n", {"--user", "a:b"});
  EXPECT_EQ(named.status, 64);
  EXPECT_THAT(named.errors, HasSubstr("--user: a name cannot hold a colon"));
}

// A terminal at which somebody types when what is typed is not shown.
class Keyboard {
 public:
  Keyboard() : keyboard_(posix_openpt(O_RDWR | O_NOCTTY)) {
    if (grantpt(keyboard_.get()) != 0 || unlockpt(keyboard_.get()) != 0) return;
    line_ = Fd(open(ptsname(keyboard_.get()), O_RDWR | O_NOCTTY));
  }
  [[nodiscard]] int line() const { return line_.get(); }

  void type(const std::string& keys) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (shows_input() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(write(keyboard_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  // All that stands on its screen.
  std::string screen() {
    fcntl(keyboard_.get(), F_SETFL, O_NONBLOCK);
    char text[1024];
    const ssize_t count = read(keyboard_.get(), text, sizeof text);
    return count > 0 ? std::string(text, static_cast<std::size_t>(count)) : std::string();
  }

 private:
  [[nodiscard]] bool shows_input() const {
    termios state{};
    return tcgetattr(line_.get(), &state) == 0 && (state.c_lflag & ECHO) != 0;
  }

  Fd keyboard_;
  Fd line_;
};

// Types both, and waits for the end.
Finished typed(Keyboard& keyboard, const std::string& first, const std::string& second) {
  Process::Start start{smtpseal_program(), {"password", "--user", "app"}, {}};
  start.console = keyboard.line();
  Process process(std::move(start));
  keyboard.type(first + "\n");
  process.wait_for_error_line([](const std::string& line) { return line.ends_with("shown): "); });
  keyboard.type(second + "\n");
  const int status = process.wait();
  return {status, keyboard.screen(), process.errors()};
}

TEST(PasswordCommand, AsksTwiceAtATerminal) {
  Keyboard keyboard;
  if (keyboard.line() < 0) GTEST_SKIP() << "this machine has no pseudo-terminals";
  const Finished finished = typed(keyboard, "secret", "secret");
  EXPECT_EQ(finished.status, 0) << finished.errors;
  EXPECT_THAT(finished.output, Not(HasSubstr("secret")));
  EXPECT_TRUE(is_password_in(finished.output, "app", "secret"));
}

TEST(PasswordCommand, RefusesTwoThatDiffer) {
  Keyboard keyboard;
  if (keyboard.line() < 0) GTEST_SKIP() << "this machine has no pseudo-terminals";
  const Finished finished = typed(keyboard, "secret", "sercet");
  EXPECT_EQ(finished.status, 65);
  EXPECT_EQ(finished.output, "");
  EXPECT_THAT(finished.errors, HasSubstr("the two passwords differ"));
}

}  // namespace
}  // namespace support
