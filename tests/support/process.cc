// See process.h.
#include "support/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace support {

namespace {

constexpr int kFirstSocket = 3;  // SD_LISTEN_FDS_START

// After its end a process's output is read on for this long at most: a grandchild may hold the
// pipe.
constexpr Milliseconds kLingeringOutput = 2s;

std::vector<std::string> merged_environment(
    const std::vector<std::pair<std::string, std::string>>& extra) {
  std::map<std::string, std::string> merged;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string entry = *each;
    const std::size_t equals = entry.find('=');
    if (equals != std::string::npos) merged[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  for (const auto& [name, value] : extra) merged[name] = value;
  std::vector<std::string> entries;
  for (const auto& [name, value] : merged) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Reads what is there; closes the descriptor at its end.
void drain(Fd& fd, std::string& into) {
  std::array<char, 65536> buffer;
  const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
  if (got > 0) {
    into.append(buffer.data(), static_cast<std::size_t>(got));
  } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
    fd.reset();
  }
}

// Makes the start one by a shell, which alone can name the process id that it will keep. Returns
// what the sockets are to be copied from: numbers beyond those that they shall have.
std::vector<Fd> hand_over(Process::Start& start) {
  constexpr int kBeyond = 100;
  std::vector<Fd> sockets;
  for (const int socket : start.sockets) {
    sockets.emplace_back(fcntl(socket, F_DUPFD_CLOEXEC, kBeyond));
  }
  start.environment.emplace_back("LISTEN_FDS", std::to_string(sockets.size()));
  start.arguments.insert(start.arguments.begin(),
                         {"-c", "LISTEN_PID=$$ exec \"$@\"", "sh", start.program});
  start.program = "/bin/sh";
  return sockets;
}

}  // namespace

Process::Process(Start start) : name_(start.program) {
  const std::vector<Fd> sockets = start.sockets.empty() ? std::vector<Fd>() : hand_over(start);
  Pipe output = make_pipe();
  Pipe errors = make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (start.console >= 0) {
    posix_spawn_file_actions_adddup2(&actions, start.console, 0);
    posix_spawn_file_actions_adddup2(&actions, start.console, 1);
  } else {
    posix_spawn_file_actions_addopen(&actions, 0, start.input_file.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output.write_end.get(), 1);
  }
  posix_spawn_file_actions_adddup2(&actions, errors.write_end.get(), 2);
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    posix_spawn_file_actions_adddup2(&actions, sockets[i].get(),
                                     kFirstSocket + static_cast<int>(i));
  }
  // What this test ignores or blocks is not the child's business.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> arguments = {start.program};
  arguments.insert(arguments.end(), start.arguments.begin(), start.arguments.end());
  std::vector<std::string> environment = merged_environment(start.environment);
  const int error = posix_spawnp(&pid_, start.program.c_str(), &actions, &attributes,
                                 pointers(arguments).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) throw Failure("cannot start " + start.program + ": " + std::strerror(error));
  output_fd_ = std::move(output.read_end);
  errors_fd_ = std::move(errors.read_end);
  reader_ = std::thread(&Process::read_streams, this);
  waiter_ = std::thread(&Process::await_end, this);
}

Process::~Process() {
  signal(SIGKILL);
  waiter_.join();
  stop_.write_end.reset();
  reader_.join();
}

void Process::read_streams() {
  while (output_fd_.is_open() || errors_fd_.is_open()) {
    std::array<pollfd, 3> fds = {{{output_fd_.get(), POLLIN, 0},
                                  {errors_fd_.get(), POLLIN, 0},
                                  {stop_.read_end.get(), POLLIN, 0}}};
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) break;
    const std::lock_guard lock(mutex_);
    if (fds[0].revents != 0) drain(output_fd_, output_);
    if (fds[1].revents != 0) drain(errors_fd_, errors_);
    changed_.notify_all();
    if (fds[2].revents != 0 && fds[0].revents == 0 && fds[1].revents == 0) break;
  }
  const std::lock_guard lock(mutex_);
  is_read_ = true;
  changed_.notify_all();
}

void Process::await_end() {
  // WNOWAIT first: the id stays ours until the lock is held, so signal() cannot hit a stranger.
  siginfo_t info;
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  const std::lock_guard lock(mutex_);
  int status = 0;
  waitpid(pid_, &status, 0);
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  changed_.notify_all();
}

bool Process::is_running() const {
  const std::lock_guard lock(mutex_);
  return !status_.has_value();
}

void Process::signal(int number) {
  const std::lock_guard lock(mutex_);
  if (!status_) kill(pid_, number);
}

int Process::wait(Milliseconds patience) {
  const Deadline deadline(patience);
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, deadline.at(), [this] { return status_.has_value(); })) {
    throw Failure(name_ + " did not end in time\n" + describe());
  }
  changed_.wait_for(lock, kLingeringOutput, [this] { return is_read_; });
  return *status_;
}

std::string Process::describe() const { return "standard error was:\n" + errors_; }

std::string Process::output() const {
  const std::lock_guard lock(mutex_);
  return output_;
}

std::string Process::errors() const {
  const std::lock_guard lock(mutex_);
  return errors_;
}

namespace {

std::vector<std::string> complete_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(text.substr(begin, end - begin));
  }
  return lines;
}

}  // namespace

std::vector<std::string> Process::error_lines() const { return complete_lines(errors()); }

std::string Process::wait_for_error_line(const std::function<bool(const std::string&)>& matches,
                                         Milliseconds patience) {
  const Deadline deadline(patience);
  std::unique_lock lock(mutex_);
  std::size_t begin = 0;
  while (true) {
    for (std::size_t end; (end = errors_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const std::string line = errors_.substr(begin, end - begin);
      if (matches(line)) return line;
    }
    if (is_read_) throw Failure(name_ + " ended without the expected line\n" + describe());
    if (changed_.wait_until(lock, deadline.at()) == std::cv_status::timeout) {
      throw Failure("the expected line did not come from " + name_ + "\n" + describe());
    }
  }
}

Finished run(Process::Start start, Milliseconds patience) {
  Process process(std::move(start));
  const int status = process.wait(patience);
  return {status, process.output(), process.errors()};
}

std::optional<std::string> find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/sbin:/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = folder + "/" + std::string(name);
    if (!folder.empty() && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

}  // namespace support
