// Unix: see disk.h.
#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/vfs.h>
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__)
#include <sys/mount.h>
#include <sys/param.h>
#include <sys/sysctl.h>
#endif

#include "base/text.h"
#include "spool/disk.h"
#include "spool/sync_in_parallel.h"

namespace spool {

namespace {

using base::Error;
using base::Fault;
using base::Result;

constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;
constexpr std::uint64_t kBlockSize = 512;  // of st_blocks, whatever the file system's are
constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;

Error failure(std::string_view doing, const std::string& path, int number) {
  const bool is_full = number == ENOSPC || number == EDQUOT;
  const bool is_short = number == EMFILE || number == ENFILE || number == ENOMEM;
  return {is_full ? Fault::busy : (is_short ? Fault::local : Fault::storage),
          std::string(doing) + " " + path + ": " + std::generic_category().message(number)};
}

// A descriptor that is closed. What matters was synced before: close() has nothing left to say.
class Descriptor {
 public:
  explicit Descriptor(int raw) : raw_(raw) {}
  ~Descriptor() {
    if (raw_ >= 0) ::close(raw_);
  }
  Descriptor(Descriptor&& other) noexcept : raw_(other.raw_) { other.raw_ = -1; }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;

  [[nodiscard]] int raw() const { return raw_; }
  [[nodiscard]] bool is_open() const { return raw_ >= 0; }

 private:
  int raw_;
};

Descriptor open_file(const std::string& path, int flags) {
  int raw = -1;
  do {
    raw = ::open(path.c_str(), flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, kFileMode);
  } while (raw < 0 && errno == EINTR);
  return Descriptor(raw);
}

// On macOS fsync leaves the data in the drive's cache, which a loss of power empties.
int sync_descriptor(int descriptor) {
  int status = -1;
  do {
#if defined(__APPLE__)
    status = ::fcntl(descriptor, F_FULLFSYNC);
#else
    status = ::fsync(descriptor);
#endif
  } while (status != 0 && errno == EINTR);
  return status;
}

class PosixFile final : public DiskFile {
 public:
  PosixFile(Descriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  Result<void> append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ::write(file_.raw(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failure("cannot write to", path_, errno);
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
  }

  Result<void> sync() override {
    if (sync_descriptor(file_.raw()) != 0) return failure("cannot sync", path_, errno);
    return {};
  }

  void start_writing() override {
#if defined(__linux__)
    // A hint: whether it was taken does not matter, for sync() follows and tells.
    static_cast<void>(::sync_file_range(file_.raw(), 0, 0, SYNC_FILE_RANGE_WRITE));
#endif
  }

  Result<std::size_t> read(std::uint64_t offset, std::size_t size, std::string& out) override {
    const std::size_t before = out.size();
    out.resize(before + size);
    std::size_t done = 0;
    while (done < size) {
      const ssize_t count = ::pread(file_.raw(), out.data() + before + done, size - done,
                                    static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        const int number = errno;
        out.resize(before);
        return failure("cannot read", path_, number);
      }
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    out.resize(before + done);
    return done;
  }

  Result<std::uint64_t> size() override {
    struct stat status {};
    if (::fstat(file_.raw(), &status) != 0) return failure("cannot read", path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  Descriptor file_;
  std::string path_;
};

class PosixLock final : public Disk::Lock {
 public:
  explicit PosixLock(Descriptor file) : file_(std::move(file)) {}

 private:
  Descriptor file_;  // whose lock ends with it, and with the process
};

// What a lock's file says of who holds it.
std::string holder_of(int descriptor) {
  std::string text(32, '\0');
  const ssize_t count = ::pread(descriptor, text.data(), text.size(), 0);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (text.ends_with('\n')) text.pop_back();
  return base::parse_number(text) ? " (process " + text + ")" : "";
}

// For people and holder_of alone: what goes wrong here does no harm.
void write_holder(int descriptor) {
  const std::string text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor, 0) != 0) return;
  static_cast<void>(::pwrite(descriptor, text.data(), text.size(), 0) < 0);
}

class PosixDisk final : public Disk {
 public:
  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override {
    Descriptor file = open_file(path, O_WRONLY | O_CREAT | O_EXCL);
    if (!file.is_open()) return failure("cannot make", path, errno);
    return std::unique_ptr<DiskFile>(std::make_unique<PosixFile>(std::move(file), path));
  }

  Result<std::unique_ptr<DiskFile>> open(const std::string& path) override {
    // A named pipe would wait for somebody to write into it.
    Descriptor file = open_file(path, O_RDONLY | O_NONBLOCK);
    if (!file.is_open() && errno == ENOENT) return std::unique_ptr<DiskFile>();
    if (!file.is_open()) return failure("cannot open", path, errno);
    struct stat status {};
    if (::fstat(file.raw(), &status) != 0) return failure("cannot open", path, errno);
    if (!S_ISREG(status.st_mode)) return Error{Fault::storage, path + " is no regular file"};
    return std::unique_ptr<DiskFile>(std::make_unique<PosixFile>(std::move(file), path));
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failure("cannot rename", from, errno);
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return failure("cannot remove", path, errno);
    }
    return {};
  }

  Result<void> sync_folder(const std::string& path) override {
    const Descriptor folder = open_file(path, O_RDONLY | O_DIRECTORY);
    if (!folder.is_open()) return failure("cannot open", path, errno);
    if (sync_descriptor(folder.raw()) != 0) return failure("cannot sync", path, errno);
    return {};
  }

  std::vector<Result<void>> sync_all(const std::vector<DiskFile*>& files) override {
    return sync_in_parallel(files);
  }

  Result<void> make_folder(const std::string& path) override;
  Result<std::vector<Name>> list(const std::string& path) override;
  std::optional<std::uint64_t> free_space(const std::string& path) override;
  std::string concern(const std::string& path) override;
  std::string boot_id() override;
  Result<std::unique_ptr<Lock>> lock(const std::string& path) override;
};

Result<void> PosixDisk::make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), kFolderMode) == 0) {
    // Its name has to survive, too, or all that is in it would be gone.
    const std::size_t slash = path.find_last_of('/');
    return sync_folder(slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash));
  }
  if (errno != EEXIST) return failure("cannot make", path, errno);
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return failure("cannot use", path, errno);
  const auto refused = [&path](const std::string& why) {
    return Error{Fault::storage, path + " " + why};
  };
  if (S_ISLNK(status.st_mode)) return refused("is a symbolic link, not a folder");
  if (!S_ISDIR(status.st_mode)) return refused("is no folder");
  if (status.st_uid != ::geteuid()) {
    return refused("belongs to user " + std::to_string(status.st_uid) + ", and we are user " +
                   std::to_string(::geteuid()));
  }
  if ((status.st_mode & kWritableByOthers) != 0) {
    return refused("may be written to by other users (chmod go-w)");
  }
  return {};
}

Result<std::vector<Disk::Name>> PosixDisk::list(const std::string& path) {
  Descriptor folder = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!folder.is_open()) return failure("cannot list", path, errno);
  const int copy = ::fcntl(folder.raw(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return failure("cannot list", path, errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(copy), ::closedir);
  if (!entries) {
    const int number = errno;
    ::close(copy);
    return failure("cannot list", path, number);
  }
  std::vector<Name> names;
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(entries.get());
    if (entry == nullptr && errno != 0) return failure("cannot list", path, errno);
    if (entry == nullptr) return names;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat status {};
    if (::fstatat(folder.raw(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // gone meanwhile
      return failure("cannot list", path + "/" + std::string(name), errno);
    }
    const auto size = static_cast<std::uint64_t>(status.st_size);
    const auto blocks = static_cast<std::uint64_t>(status.st_blocks);
    names.push_back(
        {std::string(name), size, std::min(size, blocks * kBlockSize), S_ISREG(status.st_mode)});
  }
}

std::optional<std::uint64_t> PosixDisk::free_space(const std::string& path) {
  struct statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

std::string PosixDisk::concern(const std::string& path) {
  constexpr std::string_view kVolatile =
      " is in memory: what is there is lost when the machine stops";
  constexpr std::string_view kRemote =
      " is on another machine: it may be gone just when it is needed";
  struct statfs status {};
  if (::statfs(path.c_str(), &status) != 0) return {};
#if defined(__linux__)
  switch (static_cast<std::uint32_t>(status.f_type)) {  // statfs(2)
    case 0x01021994:                                    // tmpfs
    case 0x858458f6:                                    // ramfs
      return path + std::string(kVolatile);
    case 0x00006969:  // NFS
    case 0xff534d42:  // CIFS
    case 0xfe534d42:  // SMB 2
      return path + std::string(kRemote);
    default: return {};
  }
#else
  const std::string_view type = status.f_fstypename;
  if (type == "tmpfs" || type == "mfs") return path + std::string(kVolatile);
  if (type == "nfs" || type == "smbfs") return path + std::string(kRemote);
  return {};
#endif
}

std::string PosixDisk::boot_id() {
#if defined(__linux__)
  const Descriptor file = open_file("/proc/sys/kernel/random/boot_id", O_RDONLY);
  std::string text(64, '\0');
  const ssize_t count = file.is_open() ? ::read(file.raw(), text.data(), text.size()) : 0;
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return std::string(base::trimmed(text.substr(0, text.find('\n'))));
#elif defined(__APPLE__)
  std::string text(64, '\0');
  std::size_t size = text.size();
  if (::sysctlbyname("kern.bootsessionuuid", text.data(), &size, nullptr, 0) != 0) return {};
  return text.substr(0, text.find('\0'));
#else
  return {};
#endif
}

Result<std::unique_ptr<Disk::Lock>> PosixDisk::lock(const std::string& path) {
  Descriptor file = open_file(path, O_RDWR | O_CREAT);
  if (!file.is_open()) return failure("cannot open", path, errno);
  int status = -1;
  do {
    status = ::flock(file.raw(), LOCK_EX | LOCK_NB);
  } while (status != 0 && errno == EINTR);
  if (status != 0 && errno == EWOULDBLOCK) {
    return Error{Fault::busy, path + " is held by another process" + holder_of(file.raw())};
  }
  if (status != 0) return failure("cannot lock", path, errno);
  write_holder(file.raw());
  return std::unique_ptr<Lock>(std::make_unique<PosixLock>(std::move(file)));
}

}  // namespace

std::unique_ptr<Disk> system_disk() { return std::make_unique<PosixDisk>(); }

}  // namespace spool
