// A child process: started, listened to, waited for, and never left behind.
//
// Both of its output streams are read by a thread, so it never blocks on them; waits are for lines
// and for its end, with a deadline. It is ended by its process id when the object goes.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "support/fd.h"
#include "support/patience.h"

namespace support {

class Process {
 public:
  struct Start {
    std::string program;  // a path, or a name looked up in PATH
    std::vector<std::string> arguments;
    std::vector<std::pair<std::string, std::string>> environment;  // on top of ours
    std::string input_file = "/dev/null";
    int console = -1;  // a descriptor to be both its standard input and its standard output
    // Passed as systemd passes sockets: from descriptor 3 on, with LISTEN_PID and LISTEN_FDS.
    std::vector<int> sockets;
  };

  // Throws Failure when it cannot be started.
  explicit Process(Start start);
  // Sends SIGKILL if it still runs, and waits for its end.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool is_running() const;
  // Nothing happens when it has ended already.
  void signal(int number);
  // Its exit status, or 128 plus the signal that ended it, as a shell has it. Its output is
  // complete after this. Throws Failure when it does not end in time.
  int wait(Milliseconds patience = kPatience);

  // All that came so far.
  [[nodiscard]] std::string output() const;
  [[nodiscard]] std::string errors() const;
  // Complete lines of standard error, without their ends.
  [[nodiscard]] std::vector<std::string> error_lines() const;
  // The first line of standard error that `matches` (asked once about each line); throws Failure
  // when it does not come in time or the process ended without it.
  std::string wait_for_error_line(const std::function<bool(const std::string&)>& matches,
                                  Milliseconds patience = kPatience);

 private:
  void read_streams();
  void await_end();
  [[nodiscard]] std::string describe() const;

  std::string name_;
  pid_t pid_ = -1;
  Fd output_fd_;
  Fd errors_fd_;
  Pipe stop_ = make_pipe();  // closing its write end ends the reader

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string output_;
  std::string errors_;
  bool is_read_ = false;  // both streams are at their end
  std::optional<int> status_;

  std::thread reader_;
  std::thread waiter_;
};

// Runs a program to its end.
struct Finished {
  int status = 0;
  std::string output;
  std::string errors;
};
Finished run(Process::Start start, Milliseconds patience = kPatience);

// Whether a program of this name is in PATH or where daemons live (/usr/sbin, /sbin).
[[nodiscard]] std::optional<std::string> find_program(std::string_view name);

}  // namespace support
