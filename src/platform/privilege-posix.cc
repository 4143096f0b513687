// Unix: see privilege.h.
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "platform/privilege.h"

namespace platform {

namespace {

using base::Error;
using base::Fault;

Error system_error(Fault fault, const std::string& what) {
  return {fault, what + ": " + std::strerror(errno)};
}

// Numbers are users and groups, too, whether or not they have names: containers have none.
std::optional<unsigned> number_in(const std::string& text) {
  unsigned number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  // setresuid takes it for "as it is".
  if (number == static_cast<unsigned>(-1)) return std::nullopt;
  return number;
}

base::Result<unsigned> find_group(const std::string& text) {
  if (const auto number = number_in(text)) return *number;
  const group* const found = text.empty() ? nullptr : getgrnam(text.c_str());
  if (found == nullptr) return Error{Fault::config, "there is no group \"" + text + "\""};
  return found->gr_gid;
}

// The groups that the user is in; those of root, which this process still has, must go.
bool leave_groups_for(const User& user) {
  if (!user.name.empty()) return initgroups(user.name.c_str(), user.group) == 0;
  const gid_t only = user.group;
  return setgroups(1, &only) == 0;
}

bool change_ids(const User& user) {
#if defined(__linux__) || defined(__FreeBSD__) || defined(__OpenBSD__)
  return setresgid(user.group, user.group, user.group) == 0 &&
         setresuid(user.id, user.id, user.id) == 0;
#else
  return setgid(user.group) == 0 && setuid(user.id) == 0;
#endif
}

// A saved id that was forgotten would let whoever takes this process over be root again.
bool is_for_good(const User& user) {
  if (user.is_root()) return true;
  if (getuid() != user.id || geteuid() != user.id) return false;
  if (getgid() != user.group || getegid() != user.group) return false;
  return setuid(0) != 0 && seteuid(0) != 0 && geteuid() == user.id;
}

}  // namespace

base::Result<User> find_user(std::string_view text) {
  const std::string name(text.substr(0, text.find(':')));
  const bool has_group = text.find(':') != std::string_view::npos;
  const auto number = number_in(name);
  const passwd* found = nullptr;
  if (!name.empty()) found = number ? getpwuid(*number) : getpwnam(name.c_str());
  if (found == nullptr && !number) {
    return Error{Fault::config, "there is no user \"" + name + "\""};
  }
  if (found == nullptr && !has_group) {
    return Error{Fault::config,
                 "user " + name + " has no entry that says its group: write " + name + ":GROUP"};
  }
  User user;
  user.id = found == nullptr ? *number : found->pw_uid;
  user.group = found == nullptr ? 0 : found->pw_gid;
  if (found != nullptr) user.name = found->pw_name;
  if (has_group) {
    const auto group = find_group(std::string(text.substr(text.find(':') + 1)));
    if (!group) return group.error();
    user.group = *group;
  }
  return user;
}

bool is_root() { return geteuid() == 0; }

bool is_this_user(const User& user) { return geteuid() == user.id; }

User this_user() { return {"", geteuid(), getegid()}; }

base::Result<void> become(const User& user) {
  if (!leave_groups_for(user) || !change_ids(user)) {
    return system_error(Fault::local, "cannot become user " + std::to_string(user.id) + ":" +
                                          std::to_string(user.group));
  }
  if (!is_for_good(user)) {
    return Error{Fault::local,
                 "became user " + std::to_string(user.id) + ", but could become root again"};
  }
#if defined(__linux__) && defined(__SANITIZE_ADDRESS__)
  // The kernel made it undumpable, and LeakSanitizer looks at itself as a debugger does.
  static_cast<void>(prctl(PR_SET_DUMPABLE, 1));
#endif
  return {};
}

base::Result<void> give_socket_to(const User& user, const std::string& path) {
  const std::string what = "cannot give " + path + " to user " + std::to_string(user.id);
#ifdef __linux__
  // By a descriptor: between two looks at a name somebody could put another file there.
  const int file = open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return system_error(Fault::local, what);
  struct stat status {};
  bool is_given = fstat(file, &status) == 0;
  if (is_given && S_ISSOCK(status.st_mode)) {
    is_given = fchownat(file, "", user.id, user.group, AT_EMPTY_PATH) == 0;
  }
  const auto result = is_given ? base::Result<void>() : system_error(Fault::local, what);
  close(file);
  return result;
#else
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return system_error(Fault::local, what);
  if (!S_ISSOCK(status.st_mode)) return {};
  if (lchown(path.c_str(), user.id, user.group) == 0) return {};
  return system_error(Fault::local, what);
#endif
}

base::Result<void> make_folder_of(const User& user, const std::string& path) {
  constexpr mode_t kPrivate = 0700;
  if (mkdir(path.c_str(), kPrivate) != 0) {
    if (errno == EEXIST) return {};
    return system_error(Fault::storage, "cannot make " + path);
  }
  if (is_this_user(user)) return {};
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  const bool is_given = folder >= 0 && fchown(folder, user.id, user.group) == 0;
  const auto result = is_given ? base::Result<void>()
                               : system_error(Fault::storage, "cannot give " + path + " to user " +
                                                                  std::to_string(user.id));
  if (folder >= 0) close(folder);
  return result;
}

bool may_read(const std::string& path) {
  return access(path.c_str(), R_OK) == 0 || errno == ENOENT;
}

void keep_new_files_private() { umask(S_IRWXG | S_IRWXO); }

}  // namespace platform
