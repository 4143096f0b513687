// Windows: see command.h.
#include <array>
#include <chrono>
#include <string_view>
#include <thread>

#include <windows.h>

#include "platform/command.h"

namespace platform {

namespace {

using base::Error;
using base::Fault;

class Handle {
 public:
  Handle() = default;
  ~Handle() { reset(); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  void reset() {
    if (raw != nullptr && raw != INVALID_HANDLE_VALUE) CloseHandle(raw);
    raw = nullptr;
  }
  HANDLE raw = nullptr;
};

Error system_error(const char* what) {
  return {Fault::local, std::string(what) + ": error " + std::to_string(GetLastError())};
}

// A pipe whose write end is inherited.
bool open_pipe(Handle& read_end, Handle& write_end) {
  SECURITY_ATTRIBUTES inherited{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  return CreatePipe(&read_end.raw, &write_end.raw, &inherited, 0) != 0 &&
         SetHandleInformation(read_end.raw, HANDLE_FLAG_INHERIT, 0) != 0;
}

// Until it ends; what is too much is read and thrown away.
void read_all(HANDLE pipe, std::string& text) {
  std::array<char, 4096> octets{};
  DWORD got = 0;
  while (ReadFile(pipe, octets.data(), static_cast<DWORD>(octets.size()), &got, nullptr) != 0 &&
         got > 0) {
    if (text.size() <= kMaxCommandOutput) text.append(octets.data(), got);
  }
}

// The system's own, and none that lies in the folder of the program or of whoever starts it; empty
// when that is not known.
std::string system_shell() {
  std::array<char, MAX_PATH + 1> folder{};
  const UINT length = GetSystemDirectoryA(folder.data(), static_cast<UINT>(folder.size()));
  if (length == 0 || length >= folder.size()) return {};
  return std::string(folder.data(), length) + "\\cmd.exe";
}

// Suspended, in a job that takes along whatever it begins.
bool start(const std::string& command, HANDLE in, HANDLE out, HANDLE err, HANDLE job,
           PROCESS_INFORMATION& process) {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
  if (SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits) ==
      0) {
    return false;
  }
  STARTUPINFOA startup{};
  startup.cb = sizeof startup;
  startup.dwFlags = STARTF_USESTDHANDLES;
  startup.hStdInput = in;
  startup.hStdOutput = out;
  startup.hStdError = err;
  const std::string shell = system_shell();
  if (shell.empty()) return false;
  std::string line = "cmd.exe /d /s /c \"" + command + "\"";
  if (CreateProcessA(shell.c_str(), line.data(), nullptr, nullptr, TRUE,
                     CREATE_SUSPENDED | CREATE_NO_WINDOW, nullptr, nullptr, &startup,
                     &process) == 0) {
    return false;
  }
  const bool is_running = AssignProcessToJobObject(job, process.hProcess) != 0 &&
                          ResumeThread(process.hThread) != static_cast<DWORD>(-1);
  if (!is_running) TerminateProcess(process.hProcess, 1);
  return is_running;
}

}  // namespace

base::Result<std::string> output_of(const std::string& command, base::Duration patience) {
  Handle out_read, out_write, err_read, err_write, nothing, job, process, thread;
  SECURITY_ATTRIBUTES inherited{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  nothing.raw = CreateFileA("NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited,
                            OPEN_EXISTING, 0, nullptr);
  job.raw = CreateJobObjectA(nullptr, nullptr);
  if (!open_pipe(out_read, out_write) || !open_pipe(err_read, err_write) || job.raw == nullptr ||
      nothing.raw == INVALID_HANDLE_VALUE) {
    return system_error("cannot make a pipe");
  }
  PROCESS_INFORMATION begun{};
  const bool is_started = start(command, nothing.raw, out_write.raw, err_write.raw, job.raw, begun);
  process.raw = begun.hProcess;
  thread.raw = begun.hThread;
  if (!is_started) return system_error("cannot be started");
  out_write.reset();
  err_write.reset();
  std::string output;
  std::string errors;
  std::thread out_reader([&] { read_all(out_read.raw, output); });
  std::thread err_reader([&] { read_all(err_read.raw, errors); });
  const auto most = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
  const bool has_ended =
      WaitForSingleObject(process.raw, static_cast<DWORD>(most)) == WAIT_OBJECT_0;
  TerminateJobObject(job.raw, 1);  // whatever is left of it, so that the pipes end
  out_reader.join();
  err_reader.join();
  DWORD status = 0;
  if (!has_ended) return Error{Fault::config, with_words_of_command("took too long", errors)};
  if (output.size() > kMaxCommandOutput) return Error{Fault::config, "printed too much"};
  if (GetExitCodeProcess(process.raw, &status) != 0 && status == 0) return output;
  return Error{Fault::config,
               with_words_of_command("exited with status " + std::to_string(status), errors)};
}

}  // namespace platform
