// What a disk and a clock can do to a program, done to one that was started with this library in
// LD_PRELOAD: every call that touches what is below SEAL_FAULT_FOLDER is counted, and at the n-th
// the process is killed, or the call fails. Whoever started it says what, and hears how far it got,
// through the file SEAL_FAULT_CONTROL, which both have in memory (faults.py).
//
// The calls are those that libc has for files. One through a descriptor counts when that was opened
// below the folder. With Kind::talk, what is sent and received over sockets counts as well.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

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

constexpr int kDescriptors = 16'384;
constexpr std::size_t kPathSize = 192;
constexpr std::int64_t kSecond = 1'000'000'000;

Control* control = nullptr;
char folder[kPathSize];
std::size_t folder_size = 0;
char paths[kDescriptors][kPathSize];  // of descriptors below the folder; "" of others

__attribute__((constructor)) void begin() {
  const char* file = std::getenv("SEAL_FAULT_CONTROL");
  const char* below = std::getenv("SEAL_FAULT_FOLDER");
  if (file == nullptr || below == nullptr || std::strlen(below) >= sizeof folder) return;
  std::strcpy(folder, below);
  folder_size = std::strlen(folder);
  const long fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* memory =
      mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, static_cast<int>(fd), 0);
  syscall(SYS_close, fd);
  if (memory != MAP_FAILED) control = static_cast<Control*>(memory);
}

bool is_below(const char* path) {
  return control != nullptr && std::strncmp(path, folder, folder_size) == 0 &&
         (path[folder_size] == '/' || path[folder_size] == '\0');
}

// Nothing: not one of the files that matter.
const char* path_of(int fd) {
  if (control == nullptr || fd < 0 || fd >= kDescriptors || paths[fd][0] == '\0') return nullptr;
  return paths[fd];
}

const char* path_of(const char* path) { return path != nullptr && is_below(path) ? path : nullptr; }

// Of a path relative to a folder; one buffer a thread.
const char* path_of(int directory, const char* path) {
  if (path == nullptr || path[0] == '/') return path_of(path);
  const char* parent = path_of(directory);
  if (parent == nullptr) return nullptr;
  thread_local char joined[kPathSize];
  std::snprintf(joined, sizeof joined, "%.120s/%.60s", parent, path);
  return joined;
}

int remember(int fd, const char* path) {
  if (fd >= 0 && fd < kDescriptors) {
    std::snprintf(paths[fd], sizeof paths[fd], "%s", path != nullptr ? path : "");
  }
  return fd;
}

[[noreturn]] void die() {
  for (;;) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

void trace(std::uint64_t number, const char* call, const char* path) {
  char line[kPathSize + 64];
  const int size = std::snprintf(line, sizeof line, "%llu %s %s\n",
                                 static_cast<unsigned long long>(number), call, path);
  const std::uint64_t at = control->traced.fetch_add(static_cast<std::uint64_t>(size));
  if (at + static_cast<std::uint64_t>(size) <= sizeof control->trace) {
    std::memcpy(control->trace + at, line, static_cast<std::size_t>(size));
  }
}

// What is to be done at this call. Does not return when the process is to be killed before it.
Deed step(Kind kind, const char* call, const char* path) {
  if ((control->kinds & static_cast<std::uint32_t>(kind)) == 0) return Deed::none;
  const std::uint64_t number = ++control->count;
  const int error = errno;
  trace(number, call, path);
  errno = error;
  const Deed deed = static_cast<Deed>(control->deed);
  if (deed == Deed::none || number < control->from || number > control->to) return Deed::none;
  if ((number - control->from) % control->every != 0) return Deed::none;
  ++control->acted;
  std::snprintf(control->last, sizeof control->last, "%s %.150s", call, path);
  if (deed == Deed::kill_before) die();
  return deed;
}

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

// For a call over a descriptor: its path, "socket" when talk counts, or nothing.
const char* path_or_socket(int fd, Kind& kind) {
  if (const char* path = path_of(fd)) return path;
  if (control == nullptr || (control->kinds & static_cast<std::uint32_t>(Kind::talk)) == 0) {
    return nullptr;
  }
  int type = 0;
  socklen_t size = sizeof type;
  const int error = errno;
  const bool is_socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
  errno = error;
  if (!is_socket) return nullptr;
  kind = Kind::talk;
  return "socket";
}

void shift(timespec& time, std::int64_t nanoseconds) {
  const std::int64_t all = time.tv_nsec + nanoseconds % kSecond;
  time.tv_sec += nanoseconds / kSecond + (all < 0 ? -1 : all / kSecond);
  time.tv_nsec = all < 0 ? all + kSecond : all % kSecond;
}

}  // namespace

// The function of this name in libc.
#define NEXT(name) \
  static auto* const real = reinterpret_cast<decltype(&::name)>(dlsym(RTLD_NEXT, #name))

extern "C" {

#define OPEN(name)                                                                              \
  int name(const char* path, int flags, ...) {                                                  \
    NEXT(name);                                                                                 \
    va_list rest;                                                                               \
    va_start(rest, flags);                                                                      \
    const mode_t mode = va_arg(rest, mode_t);                                                   \
    va_end(rest);                                                                               \
    const char* known = path_of(path);                                                          \
    return remember(act(Kind::open, #name, known, -1, [&] { return real(path, flags, mode); }), \
                    known);                                                                     \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                           \
  int name(int directory, const char* path, int flags, ...) {                                  \
    NEXT(name);                                                                                \
    va_list rest;                                                                              \
    va_start(rest, flags);                                                                     \
    const mode_t mode = va_arg(rest, mode_t);                                                  \
    va_end(rest);                                                                              \
    const char* known = path_of(directory, path);                                              \
    return remember(                                                                           \
        act(Kind::open, #name, known, -1, [&] { return real(directory, path, flags, mode); }), \
        known);                                                                                \
  }
OPENAT(openat)
OPENAT(openat64)

int __open_2(const char* path, int flags) { return open(path, flags); }
int __open64_2(const char* path, int flags) { return open64(path, flags); }
int __openat_2(int directory, const char* path, int flags) {
  return openat(directory, path, flags);
}
int __openat64_2(int directory, const char* path, int flags) {
  return openat64(directory, path, flags);
}

int close(int fd) {
  NEXT(close);
  const char* path = path_of(fd);
  if (path == nullptr) return real(fd);
  char copy[kPathSize];
  std::strcpy(copy, path);
  remember(fd, "");
  // The descriptor is gone whatever close() says.
  int result = 0;
  const int failed = act(Kind::close, "close", copy, -2, [&] { return result = real(fd); });
  if (failed != -2) return result;
  const int error = errno;
  real(fd);
  errno = error;
  return -1;
}

ssize_t write(int fd, const void* bytes, size_t size) {
  NEXT(write);
  Kind kind = Kind::write;
  const char* path = path_or_socket(fd, kind);
  return move(kind, "write", path, size, [&](size_t n) { return real(fd, bytes, n); });
}
ssize_t writev(int fd, const iovec* parts, int count) {
  NEXT(writev);
  Kind kind = Kind::write;
  const char* path = path_or_socket(fd, kind);
  return move(kind, "writev", path, 2, [&](size_t n) {
    if (n == 2) return real(fd, parts, count);
    iovec half = parts[0];
    half.iov_len = (half.iov_len + 1) / 2;
    return real(fd, &half, 1);
  });
}
#define PWRITE(name, offset_type)                                        \
  ssize_t name(int fd, const void* bytes, size_t size, offset_type at) { \
    NEXT(name);                                                          \
    return move(Kind::write, #name, path_of(fd), size,                   \
                [&](size_t n) { return real(fd, bytes, n, at); });       \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t read(int fd, void* bytes, size_t size) {
  NEXT(read);
  Kind kind = Kind::read;
  const char* path = path_or_socket(fd, kind);
  return move(kind, "read", path, size, [&](size_t n) { return real(fd, bytes, n); });
}
#define PREAD(name, offset_type)                                   \
  ssize_t name(int fd, void* bytes, size_t size, offset_type at) { \
    NEXT(name);                                                    \
    return move(Kind::read, #name, path_of(fd), size,              \
                [&](size_t n) { return real(fd, bytes, n, at); }); \
  }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  NEXT(sendmsg);
  Kind kind = Kind::talk;
  const char* path = path_or_socket(fd, kind);
  return act<ssize_t>(kind, "sendmsg", path, -1, [&] { return real(fd, message, flags); });
}
ssize_t recvmsg(int fd, msghdr* message, int flags) {
  NEXT(recvmsg);
  Kind kind = Kind::talk;
  const char* path = path_or_socket(fd, kind);
  return act<ssize_t>(kind, "recvmsg", path, -1, [&] { return real(fd, message, flags); });
}

#define ON_DESCRIPTOR(kind, name)                                       \
  int name(int fd) {                                                    \
    NEXT(name);                                                         \
    return act(kind, #name, path_of(fd), -1, [&] { return real(fd); }); \
  }
ON_DESCRIPTOR(Kind::sync, fsync)
ON_DESCRIPTOR(Kind::sync, fdatasync)
ON_DESCRIPTOR(Kind::sync, syncfs)

int sync_file_range(int fd, off64_t from, off64_t size, unsigned flags) {
  NEXT(sync_file_range);
  return act(Kind::sync, "sync_file_range", path_of(fd), -1,
             [&] { return real(fd, from, size, flags); });
}
int flock(int fd, int operation) {
  NEXT(flock);
  return act(Kind::look, "flock", path_of(fd), -1, [&] { return real(fd, operation); });
}

#define ON_TWO_PATHS(kind, name)                                                \
  int name(const char* from, const char* to) {                                  \
    NEXT(name);                                                                 \
    return act(kind, #name, path_of(from), -1, [&] { return real(from, to); }); \
  }
ON_TWO_PATHS(Kind::rename, rename)
ON_TWO_PATHS(Kind::rename, link)

int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  NEXT(renameat);
  return act(Kind::rename, "renameat", path_of(from_folder, from), -1,
             [&] { return real(from_folder, from, to_folder, to); });
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  NEXT(renameat2);
  return act(Kind::rename, "renameat2", path_of(from_folder, from), -1,
             [&] { return real(from_folder, from, to_folder, to, flags); });
}
int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  NEXT(linkat);
  return act(Kind::rename, "linkat", path_of(from_folder, from), -1,
             [&] { return real(from_folder, from, to_folder, to, flags); });
}

#define ON_PATH(kind, name)                                                 \
  int name(const char* path) {                                              \
    NEXT(name);                                                             \
    return act(kind, #name, path_of(path), -1, [&] { return real(path); }); \
  }
ON_PATH(Kind::remove, unlink)
ON_PATH(Kind::remove, rmdir)
ON_PATH(Kind::remove, remove)

int unlinkat(int directory, const char* path, int flags) {
  NEXT(unlinkat);
  return act(Kind::remove, "unlinkat", path_of(directory, path), -1,
             [&] { return real(directory, path, flags); });
}
int mkdir(const char* path, mode_t mode) {
  NEXT(mkdir);
  return act(Kind::folder, "mkdir", path_of(path), -1, [&] { return real(path, mode); });
}
int mkdirat(int directory, const char* path, mode_t mode) {
  NEXT(mkdirat);
  return act(Kind::folder, "mkdirat", path_of(directory, path), -1,
             [&] { return real(directory, path, mode); });
}
DIR* opendir(const char* path) {
  NEXT(opendir);
  return act<DIR*>(Kind::list, "opendir", path_of(path), nullptr, [&] { return real(path); });
}
dirent* readdir(DIR* directory) {
  NEXT(readdir);
  return act<dirent*>(Kind::list, "readdir", path_of(dirfd(directory)), nullptr,
                      [&] { return real(directory); });
}
dirent64* readdir64(DIR* directory) {
  NEXT(readdir64);
  return act<dirent64*>(Kind::list, "readdir64", path_of(dirfd(directory)), nullptr,
                        [&] { return real(directory); });
}
// These close a descriptor without close().
int closedir(DIR* directory) {
  NEXT(closedir);
  remember(dirfd(directory), "");
  return real(directory);
}
int fclose(FILE* stream) {
  NEXT(fclose);
  remember(fileno(stream), "");
  return real(stream);
}

// A copy of a descriptor is of the same file.
#define FCNTL(name)                                                        \
  int name(int fd, int command, ...) {                                     \
    NEXT(name);                                                            \
    va_list rest;                                                          \
    va_start(rest, command);                                               \
    void* argument = va_arg(rest, void*);                                  \
    va_end(rest);                                                          \
    const int result = real(fd, command, argument);                        \
    const bool is_copy = command == F_DUPFD || command == F_DUPFD_CLOEXEC; \
    return is_copy ? remember(result, path_of(fd)) : result;               \
  }
FCNTL(fcntl)
FCNTL(fcntl64)

#define TRUNCATE(name, size_type)                                                    \
  int name(int fd, size_type size) {                                                 \
    NEXT(name);                                                                      \
    return act(Kind::write, #name, path_of(fd), -1, [&] { return real(fd, size); }); \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define STAT_AT(name, type)                                                \
  int name(int directory, const char* path, struct type* out, int flags) { \
    NEXT(name);                                                            \
    return act(Kind::look, #name, path_of(directory, path), -1,            \
               [&] { return real(directory, path, out, flags); });         \
  }
STAT_AT(fstatat, stat)
STAT_AT(fstatat64, stat64)

#define STAT(name, type)                                                               \
  int name(const char* path, struct type* out) {                                       \
    NEXT(name);                                                                        \
    return act(Kind::look, #name, path_of(path), -1, [&] { return real(path, out); }); \
  }
STAT(stat, stat)
STAT(lstat, stat)
STAT(stat64, stat64)
STAT(lstat64, stat64)
STAT(statvfs, statvfs)
STAT(statvfs64, statvfs64)

#define FSTAT(name, type)                                                          \
  int name(int fd, struct type* out) {                                             \
    NEXT(name);                                                                    \
    return act(Kind::look, #name, path_of(fd), -1, [&] { return real(fd, out); }); \
  }
FSTAT(fstat, stat)
FSTAT(fstat64, stat64)
FSTAT(fstatvfs, statvfs)
FSTAT(fstatvfs64, statvfs64)

// Clocks.

int clock_gettime(clockid_t clock, timespec* time) {
  NEXT(clock_gettime);
  const int result = real(clock, time);
  if (result != 0 || control == nullptr) return result;
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
    shift(*time, control->wall_shift);
  } else if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE ||
             clock == CLOCK_BOOTTIME) {
    shift(*time, control->monotonic_shift);
  }
  return result;
}
time_t time(time_t* out) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}
int gettimeofday(timeval* out, void*) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *out = {.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
  return 0;
}

}  // extern "C"
