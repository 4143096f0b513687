// See fault.h.
#include "proof/fault.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fault {

Control* control = nullptr;

namespace {

constexpr int kDescriptors = 16'384;
constexpr std::int64_t kSecond = 1'000'000'000;

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

}  // namespace

const char* path_of(int fd) {
  if (control == nullptr || fd < 0 || fd >= kDescriptors || paths[fd][0] == '\0') return nullptr;
  return paths[fd];
}

const char* path_of(const char* path) { return path != nullptr && is_below(path) ? path : nullptr; }

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

void die() {
  for (;;) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

static void trace(std::uint64_t number, const char* call, const char* path) {
  char line[kPathSize + 64];
  const int size = std::snprintf(line, sizeof line, "%llu %s %s\n",
                                 static_cast<unsigned long long>(number), call, path);
  const std::uint64_t at = control->traced.fetch_add(static_cast<std::uint64_t>(size));
  if (at + static_cast<std::uint64_t>(size) <= sizeof control->trace) {
    std::memcpy(control->trace + at, line, static_cast<std::size_t>(size));
  }
}

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

}  // namespace fault
