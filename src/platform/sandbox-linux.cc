// Linux: Landlock, by its system calls: C libraries have no functions for them. See sandbox.h and
// landlock(7). The numbers are those of every architecture (they came after all of them agreed).
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/sandbox.h"

namespace platform {

namespace {

using base::Error;
using base::Fault;

// Not from <linux/landlock.h>: that of the machine that builds may be older than the kernel that
// runs.
constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1;
constexpr int kPathBeneath = 1;

constexpr std::uint64_t bit(unsigned number) { return std::uint64_t{1} << number; }
constexpr std::uint64_t kExecute = bit(0), kWriteFile = bit(1), kReadFile = bit(2),
                        kReadFolder = bit(3), kRemoveFolder = bit(4), kRemoveFile = bit(5),
                        kMakeFolder = bit(7), kMakeFile = bit(8), kMakeSocket = bit(9),
                        kMakePipe = bit(10), kMakeLink = bit(12), kRename = bit(13),
                        kTruncate = bit(14);
// Of the first version: from kExecute to making symbolic links. Then one each.
constexpr std::uint64_t kAllOfFirst = bit(13) - 1;
constexpr std::uint64_t kRead = kReadFile | kReadFolder;
// To move what does not belong into a spool out of the way is to make it elsewhere.
constexpr std::uint64_t kWrite = kRead | kWriteFile | kRemoveFolder | kRemoveFile | kMakeFolder |
                                 kMakeFile | kMakeSocket | kMakePipe | kMakeLink | kRename |
                                 kTruncate;
// What can be allowed of a file that is no folder.
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate;

struct Ruleset {
  std::uint64_t of_files;
};
struct [[gnu::packed]] PathBeneath {
  std::uint64_t allowed;
  std::int32_t parent;
};

class Descriptor {
 public:
  explicit Descriptor(long number) : number_(static_cast<int>(number)) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

// Version 1 (Linux 5.13) forbids every rename from folder to folder, which the spool lives by.
constexpr long kFirstVersion = 2;
constexpr long kVersionOfTruncate = 3;

std::uint64_t known_to(long version) {
  return kAllOfFirst | kRename | (version >= kVersionOfTruncate ? kTruncate : 0);
}

Error trouble(const std::string& what) {
  return {Fault::local, "cannot confine the process: " + what + ": " + std::strerror(errno)};
}

base::Result<void> allow(const Descriptor& ruleset, const std::string& path, std::uint64_t rights) {
  const Descriptor place(open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status {};
  // What is not there, or not for this user, cannot be read later either.
  if (!place.is_open() || fstat(place.number(), &status) != 0) return {};
  if (!S_ISDIR(status.st_mode)) rights &= kOfFiles;
  const PathBeneath rule{rights, place.number()};
  if (syscall(kAddRule, ruleset.number(), kPathBeneath, &rule, 0) != 0) return trouble(path);
  return {};
}

}  // namespace

void give_up_new_privileges() { static_cast<void>(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }

base::Result<Confined> confine(const Confinement& confinement) {
  const long version = syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  if (version < kFirstVersion) return Confined::no;
  const std::uint64_t known = known_to(version);
  const Ruleset attributes{known};
  const Descriptor ruleset(syscall(kCreateRuleset, &attributes, sizeof attributes, 0));
  if (!ruleset.is_open()) return trouble("landlock");
  for (const std::string& path : confinement.readable) {
    if (const auto allowed = allow(ruleset, path, kRead); !allowed) return allowed.error();
  }
  for (const std::string& path : confinement.writable) {
    if (const auto allowed = allow(ruleset, path, kWrite & known); !allowed) {
      return allowed.error();
    }
  }
  give_up_new_privileges();  // the kernel wants that first
  if (syscall(kRestrictSelf, ruleset.number(), 0) != 0) return trouble("landlock");
  return Confined::yes;
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> found(realpath(path.c_str(), nullptr),
                                                          &std::free);
  return found ? std::string(found.get()) : path;
}

}  // namespace platform
