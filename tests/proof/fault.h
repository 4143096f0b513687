// What a disk and a clock can do to a program, done to one that was started with this library in
// LD_PRELOAD: every call that touches what is below SEAL_FAULT_FOLDER is counted, and at the n-th
// the process is killed, or the call fails. Whoever started it says what, and hears how far it got,
// through the file SEAL_FAULT_CONTROL, which both have in memory (faults.py).
//
// The calls are those that libc has for files. One through a descriptor counts when that was opened
// below the folder. With Kind::talk, what is sent and received over sockets counts as well.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <ctime>

#include <sys/types.h>

namespace fault {

enum class Deed : std::uint32_t { none, kill_before, kill_after, kill_torn, fail, shorten };

// A set of them is Control::kinds.
enum class Kind : std::uint32_t {
  open = 1,
  write = 2,
  sync = 4,
  rename = 8,
  remove = 16,
  read = 32,
  list = 64,
  look = 128,  // stat, statvfs, locks
  close = 256,
  folder = 512,  // mkdir
  talk = 1024,
};

// The control file; faults.py knows its layout.
struct Control {
  std::uint32_t deed;
  std::uint32_t error;  // errno of Deed::fail
  std::uint32_t kinds;
  std::uint32_t every;  // of the calls from `from` to `to`, acts on each so-manyth
  std::uint64_t from;   // the first call is 1
  std::uint64_t to;
  std::atomic<std::uint64_t> count;
  std::atomic<std::uint64_t> acted;
  std::atomic<std::int64_t> wall_shift;       // nanoseconds on CLOCK_REALTIME
  std::atomic<std::int64_t> monotonic_shift;  // and on CLOCK_MONOTONIC
  char last[192];                             // what was acted on last
  std::atomic<std::uint64_t> traced;          // octets of `trace`
  char trace[65'536];                         // lines: number, call, path
};

inline constexpr std::size_t kPathSize = 192;

// Nothing when the program was started without a plan.
extern Control* control;

// The path of one of the files that matter, or nothing.
const char* path_of(int fd);
const char* path_of(const char* path);
// Of a path relative to a folder; good until this thread asks again.
const char* path_of(int folder, const char* path);
// For a call over a descriptor: its path; "socket" when talk counts (then `kind` becomes talk); or
// nothing.
const char* path_or_socket(int fd, Kind& kind);
// What the descriptor is of from now on; nothing: none of the files that matter. Returns it.
int remember(int fd, const char* path);

[[noreturn]] void die();
// What is to be done at this call. Does not return when the process is to be killed before it.
Deed step(Kind kind, const char* call, const char* path);
void shift(timespec& time, std::int64_t nanoseconds);

// Makes the call, or does what is to be done instead. `failure` is what a failed one returns.
template <typename Result, typename Call>
Result act(Kind kind, const char* name, const char* path, Result failure, Call&& call) {
  if (path == nullptr) return call();
  const Deed deed = step(kind, name, path);
  if (deed == Deed::fail) {
    errno = static_cast<int>(control->error);
    return failure;
  }
  const Result result = call();
  if (deed == Deed::kill_after || deed == Deed::kill_torn) die();
  return result;
}

// The same for a call that moves octets: half of them may be moved, too.
template <typename Call>
ssize_t move(Kind kind, const char* name, const char* path, std::size_t size, Call&& call) {
  if (path == nullptr) return call(size);
  const Deed deed = step(kind, name, path);
  if (deed == Deed::fail) {
    errno = static_cast<int>(control->error);
    return -1;
  }
  const bool is_half = deed == Deed::kill_torn || deed == Deed::shorten;
  const ssize_t result = call(is_half ? (size + 1) / 2 : size);
  if (deed == Deed::kill_after || deed == Deed::kill_torn) die();
  return result;
}

}  // namespace fault
