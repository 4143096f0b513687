// Unix: see command.h.
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/command.h"

extern "C" char** environ;  // POSIX declares it nowhere

namespace platform {

namespace {

using base::Error;
using base::Fault;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kTooLong = "took too long";

Error system_error(const char* what, int number) {
  return {Fault::local, std::string(what) + ": " + std::strerror(number)};
}

// One end of a pipe.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  void reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read_end;
  Fd write_end;

  // Neither end goes to a process that somebody else begins.
  [[nodiscard]] int open() {
    std::array<int, 2> ends{};
#ifdef __APPLE__
    // There is no pipe2: what begins a process in between inherits both.
    if (pipe(ends.data()) != 0) return errno;
#else
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno;
#endif
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
#ifdef __APPLE__
    for (const int fd : ends) {
      if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return errno;
    }
#endif
    return 0;
  }
};

// A process of a group of its own.
class Process {
 public:
  Process() = default;
  // Whatever it began ends with it.
  ~Process() {
    if (pid_ < 0) return;
    kill(-pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] int spawn(const std::string& command, int out, int err) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0) return code;
    code = posix_spawnattr_init(&attributes);
    if (code == 0) {
      code = prepare(actions, attributes, out, err);
      if (code == 0) code = run(command, actions, attributes);
      posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return code;
  }

  // Its status as waitpid gives it; nothing when it has not ended by the deadline.
  [[nodiscard]] base::Result<std::optional<int>> wait(Clock::time_point deadline) {
    constexpr int kPause = 5;  // milliseconds: what ends its output mostly ends at once
    int status = 0;
    for (;;) {
      const pid_t ended = waitpid(pid_, &status, WNOHANG);
      if (ended == pid_) break;
      if (ended < 0 && errno != EINTR) {
        const int number = errno;
        pid_ = -1;
        return system_error("cannot learn how it ended", number);
      }
      if (Clock::now() >= deadline) return std::optional<int>();
      poll(nullptr, 0, kPause);
    }
    pid_ = -1;
    return std::optional(status);
  }

 private:
  static int prepare(posix_spawn_file_actions_t& actions, posix_spawnattr_t& attributes, int out,
                     int err) {
    int code = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (code == 0) code = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (code == 0) code = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    // We ignore some signals, which it would inherit.
    sigset_t defaults;
    sigset_t none;
    sigemptyset(&none);
    sigfillset(&defaults);
    sigdelset(&defaults, SIGKILL);
    sigdelset(&defaults, SIGSTOP);
    if (code == 0) code = posix_spawnattr_setsigdefault(&attributes, &defaults);
    if (code == 0) code = posix_spawnattr_setsigmask(&attributes, &none);
    if (code == 0) code = posix_spawnattr_setpgroup(&attributes, 0);
    if (code != 0) return code;
    return posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  }

  int run(const std::string& command, posix_spawn_file_actions_t& actions,
          posix_spawnattr_t& attributes) {
    std::string shell = "/bin/sh";
    std::string option = "-c";
    std::string line = command;
    std::array<char*, 4> arguments = {shell.data(), option.data(), line.data(), nullptr};
    return posix_spawn(&pid_, shell.c_str(), &actions, &attributes, arguments.data(), environ);
  }

  pid_t pid_ = -1;
};

// Who started us may have left SIGCHLD ignored, and then nobody learns how a process ended. It
// stays as it is by default: nothing here wants it otherwise.
[[nodiscard]] int keep_endings() {
  struct sigaction action {};
  if (sigaction(SIGCHLD, nullptr, &action) != 0) return errno;
  const bool is_kept = action.sa_handler != SIG_IGN && (action.sa_flags & SA_NOCLDWAIT) == 0;
  if (is_kept) return 0;
  action = {};
  action.sa_handler = SIG_DFL;
  return sigaction(SIGCHLD, &action, nullptr) == 0 ? 0 : errno;
}

// Reads both until they end. What is wrong, or nothing.
std::optional<std::string> read_both(Fd& out, Fd& err, std::string& output, std::string& errors,
                                     Clock::time_point deadline) {
  std::array<std::pair<Fd*, std::string*>, 2> both = {{{&out, &output}, {&err, &errors}}};
  while (out.get() >= 0 || err.get() >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return std::string(kTooLong);
    std::array<pollfd, 2> wanted = {{{out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}}};
    const int count = poll(wanted.data(), wanted.size(), static_cast<int>(left));
    if (count < 0 && errno != EINTR) return std::string("poll: ") + std::strerror(errno);
    if (count <= 0) continue;
    for (std::size_t i = 0; i < both.size(); ++i) {
      if (wanted[i].revents == 0) continue;
      std::array<char, 4096> octets{};
      const ssize_t got = read(wanted[i].fd, octets.data(), octets.size());
      if (got <= 0) both[i].first->reset();
      if (got > 0) both[i].second->append(octets.data(), static_cast<std::size_t>(got));
      if (both[i].second->size() > kMaxCommandOutput) return "printed too much";
    }
  }
  return std::nullopt;
}

}  // namespace

base::Result<std::string> output_of(const std::string& command, base::Duration patience) {
  Pipe out;
  Pipe err;
  int code = out.open();
  if (code == 0) code = err.open();
  if (code != 0) return system_error("cannot make a pipe", code);
  code = keep_endings();
  if (code != 0) return system_error("cannot await its end", code);
  Process process;
  code = process.spawn(command, out.write_end.get(), err.write_end.get());
  if (code != 0) return system_error("cannot be started", code);
  out.write_end.reset();
  err.write_end.reset();
  std::string output;
  std::string errors;
  const Clock::time_point deadline = Clock::now() + patience;
  const auto trouble = read_both(out.read_end, err.read_end, output, errors, deadline);
  if (trouble) return Error{Fault::config, with_words_of_command(*trouble, errors)};
  const base::Result<std::optional<int>> waited = process.wait(deadline);
  if (!waited) return waited.error();
  const std::optional<int>& status = waited.value();
  if (!status) return Error{Fault::config, with_words_of_command(std::string(kTooLong), errors)};
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return output;
  const std::string what = WIFEXITED(*status)
                               ? "exited with status " + std::to_string(WEXITSTATUS(*status))
                               : "was ended by signal " + std::to_string(WTERMSIG(*status));
  return Error{Fault::config, with_words_of_command(what, errors)};
}

}  // namespace platform
