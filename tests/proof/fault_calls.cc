// Every function of libc's that is counted, or tells the time: see fault.h. Arguments and results
// are libc's own; what has a name ending in 64 is the same on a 64 bit system, and has to be here,
// too.
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "proof/fault.h"

using fault::act;
using fault::control;
using fault::Kind;
using fault::kPathSize;
using fault::move;
using fault::path_of;
using fault::path_or_socket;
using fault::remember;
using fault::shift;

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
