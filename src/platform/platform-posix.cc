// Unix: see platform.h.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "platform/platform.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace platform {

namespace {

// A line of /etc/hosts: the first name with a dot among those of a line that has `short_name`.
std::string full_name_in_hosts(const std::string& short_name) {
  std::ifstream hosts("/etc/hosts");
  std::string line;
  while (std::getline(hosts, line)) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string address, name, full;
    words >> address;
    bool is_ours = false;
    while (words >> name) {
      is_ours = is_ours || name == short_name;
      if (full.empty() && name.find('.') != std::string::npos) full = name;
    }
    if (is_ours && !full.empty()) return full;
  }
  return {};
}

constexpr std::size_t kMaxSecret = 1024;  // RFC 4616 2: 255 octets at least
constexpr char kInterrupt = 3, kEndOfInput = 4, kErase = 127;

// While it lives, a terminal at standard input neither shows what is typed nor turns keys into
// signals, which would leave it that way. Nothing happens where there is none.
class SilentInput {
 public:
  explicit SilentInput(std::string_view prompt) {
    if (isatty(STDIN_FILENO) != 1 || tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    is_active_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
    std::fprintf(stderr, "%.*s", static_cast<int>(prompt.size()), prompt.data());
  }
  ~SilentInput() {
    if (!is_active_) return;
    static_cast<void>(tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_));
    std::fputc('\n', stderr);
  }
  SilentInput(const SilentInput&) = delete;
  SilentInput& operator=(const SilentInput&) = delete;

  [[nodiscard]] bool is_active() const { return is_active_; }

 private:
  termios before_{};
  bool is_active_ = false;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

// As setlocale would choose it, without asking for the locale to be installed.
bool is_locale_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string locale = environment(name);
    if (locale.empty()) continue;
    for (const char* charset : {"UTF-8", "utf-8", "UTF8", "utf8"}) {
      if (locale.find(charset) != std::string::npos) return true;
    }
    return false;
  }
  return false;
}

// The first domain of "domain" or "search" in /etc/resolv.conf.
std::string domain_of_resolver() {
  std::ifstream resolver("/etc/resolv.conf");
  std::string line;
  while (std::getline(resolver, line)) {
    std::istringstream words(line);
    std::string key, domain;
    words >> key >> domain;
    if ((key == "domain" || key == "search") && domain.size() > 1) return domain;
  }
  return {};
}

}  // namespace

std::string host_fqdn() {
  std::array<char, 256> buffer{};
  if (gethostname(buffer.data(), buffer.size() - 1) != 0) return "localhost";
  const std::string name = buffer.data();
  if (name.find('.') != std::string::npos) return name;
  if (std::string full = full_name_in_hosts(name); !full.empty()) return full;
  if (const std::string domain = domain_of_resolver(); !domain.empty()) return name + "." + domain;
  return name;
}

void notify_service_manager(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract name space
  const int socket_fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (socket_fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  const ssize_t sent = sendto(socket_fd, state.data(), state.size(), 0,
                              reinterpret_cast<const sockaddr*>(&address), size);
  static_cast<void>(sent);
  close(socket_fd);
}

bool is_stderr_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
  const std::string ours = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  return ours == stream;
}

bool open_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest number that is free is this one: those below it are open.
    if (open("/dev/null", O_RDWR) != fd) return false;
  }
  return true;
}

void forbid_core_dumps() {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) {
    std::perror("smtpseal: cannot switch core files off");
  }
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
  prctl(PR_SET_DUMPABLE, 0);
#endif
}

std::optional<std::uint64_t> allow_descriptors(std::uint64_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  if (limit.rlim_cur >= wanted) return limit.rlim_cur;
  rlimit raised = limit;
  raised.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
  // macOS says no to some of what it says is permitted.
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

#ifdef __GLIBC__
void keep_some_free_memory() {
  // glibc's own 128 KiB are less than the buffers of one busy connection.
  constexpr int kKept = 1024 * 1024;
  static_cast<void>(mallopt(M_TRIM_THRESHOLD, kKept));
  static_cast<void>(mallopt(M_MMAP_THRESHOLD, kKept));
}

void give_back_free_memory() { static_cast<void>(malloc_trim(0)); }
#else
void keep_some_free_memory() {}
void give_back_free_memory() {}
#endif

Terminal stdout_terminal() {
  Terminal terminal;
  terminal.is_terminal = isatty(STDOUT_FILENO) == 1;
  terminal.has_utf8 = is_locale_utf8();
  const std::string kind = environment("TERM");
  terminal.has_colour =
      terminal.is_terminal && environment("NO_COLOR").empty() && !kind.empty() && kind != "dumb";
  winsize size{};
  if (terminal.is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
    terminal.columns = size.ws_col;
  }
  return terminal;
}

bool is_stdin_terminal() { return isatty(STDIN_FILENO) == 1; }

base::Result<std::string> read_secret(std::string_view prompt) {
  const SilentInput silence(prompt);
  std::string secret;
  char octet = 0;
  while (true) {
    const ssize_t count = read(STDIN_FILENO, &octet, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || octet == '\n') break;
    if (silence.is_active() && (octet == '\r' || octet == kEndOfInput)) break;
    if (silence.is_active() && octet == kInterrupt) {
      secret.clear();
      break;
    }
    if (silence.is_active() && (octet == kErase || octet == '\b')) {
      if (!secret.empty()) secret.pop_back();
      continue;
    }
    if (secret.size() == kMaxSecret) return base::Error{base::Fault::local, "is too long"};
    secret.push_back(octet);
  }
  if (secret.ends_with('\r')) secret.pop_back();
  if (secret.empty()) return base::Error{base::Fault::local, "none was given"};
  return secret;
}

std::string command_that_shows_listeners(std::string_view port) {
#ifdef __linux__
  return "ss -ltnp 'sport = :" + std::string(port) + "'";
#else
  return "lsof -nP -sTCP:LISTEN -iTCP:" + std::string(port);
#endif
}

std::string command_that_shows_unix_listeners(std::string_view path) {
#ifdef __linux__
  return "ss -xlp | grep -F " + std::string(path);
#else
  return "lsof -U | grep -F " + std::string(path);
#endif
}

base::Result<std::string> make_private_folder(std::string_view prefix) {
  std::string parent = environment("TMPDIR");
  if (parent.empty()) parent = "/tmp";
  const std::string pattern = parent + "/" + std::string(prefix) + "-XXXXXX";
  std::vector<char> path(pattern.begin(), pattern.end());
  path.push_back('\0');
  if (mkdtemp(path.data()) == nullptr) {  // makes it with mode 0700
    return base::Error{base::Fault::storage,
                       "cannot make a folder in " + parent + ": " + std::strerror(errno)};
  }
  return std::string(path.data());
}

bool remove_private_folder(const std::string& path) {
  if (DIR* const folder = opendir(path.c_str()); folder != nullptr) {
    while (const dirent* const entry = readdir(folder)) {
      // "." and ".." are folders, which this leaves.
      static_cast<void>(unlinkat(dirfd(folder), entry->d_name, 0));
    }
    static_cast<void>(closedir(folder));
  }
  return rmdir(path.c_str()) == 0;
}

}  // namespace platform
