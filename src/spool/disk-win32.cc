// Windows: see disk.h.
#include <algorithm>
#include <array>
#include <string>

#include <windows.h>
// Behind windows.h.
#include <sddl.h>

#include "base/text.h"
#include "spool/disk.h"
#include "spool/sync_in_parallel.h"

namespace spool {

namespace {

using base::Error;
using base::Fault;
using base::Result;

// For the owner, the system and administrators; nothing is inherited from the folder above.
constexpr const wchar_t* kPrivate = L"D:P(A;OICI;FA;;;OW)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
// How often, and how long apart, a file is tried again that a virus scanner has open.
constexpr int kSharingTries = 20;
constexpr DWORD kSharingPause = 25;  // milliseconds

constexpr DWORD kQuotaExceeded = 1295;  // ERROR_DISK_QUOTA_EXCEEDED, which older headers lack

Error failure(std::string_view doing, const std::string& path, DWORD number) {
  const bool is_full =
      number == ERROR_DISK_FULL || number == ERROR_HANDLE_DISK_FULL || number == kQuotaExceeded;
  const bool is_short = number == ERROR_TOO_MANY_OPEN_FILES || number == ERROR_NOT_ENOUGH_MEMORY ||
                        number == ERROR_NO_SYSTEM_RESOURCES;
  return {is_full ? Fault::busy : (is_short ? Fault::local : Fault::storage),
          std::string(doing) + " " + path + ": error " + std::to_string(number)};
}

bool is_missing(DWORD number) {
  return number == ERROR_FILE_NOT_FOUND || number == ERROR_PATH_NOT_FOUND;
}

// As the system wants it: UTF-16, of any length (which takes the prefix, and backslashes).
std::wstring wide(const std::string& path) {
  std::string text = path;
  std::replace(text.begin(), text.end(), '/', '\\');
  if (!text.starts_with("\\\\")) text.insert(0, "\\\\?\\");
  const int size = static_cast<int>(text.size());
  const int length =
      MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, nullptr, 0);
  std::wstring out(static_cast<std::size_t>(std::max(length, 0)), L'\0');
  MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, out.data(), length);
  return out;
}

std::string narrow(const wchar_t* text) {
  const int length = WideCharToMultiByte(CP_UTF8, 0, text, -1, nullptr, 0, nullptr, nullptr);
  std::string out(static_cast<std::size_t>(std::max(length, 1)), '\0');
  WideCharToMultiByte(CP_UTF8, 0, text, -1, out.data(), length, nullptr, nullptr);
  out.pop_back();
  return out;
}

class Handle {
 public:
  explicit Handle(HANDLE raw) : raw_(raw) {}
  ~Handle() {
    if (is_open()) CloseHandle(raw_);
  }
  Handle(Handle&& other) noexcept : raw_(other.raw_) { other.raw_ = INVALID_HANDLE_VALUE; }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle& operator=(Handle&&) = delete;

  [[nodiscard]] HANDLE raw() const { return raw_; }
  [[nodiscard]] bool is_open() const { return raw_ != INVALID_HANDLE_VALUE; }

 private:
  HANDLE raw_;
};

// Tries `action` again while another program, mostly a virus scanner, has the file open.
template <typename Action>
bool patiently(Action action) {
  for (int i = 1; !action(); ++i) {
    const DWORD number = GetLastError();
    const bool is_shared = number == ERROR_SHARING_VIOLATION || number == ERROR_ACCESS_DENIED;
    if (!is_shared || i == kSharingTries) {
      SetLastError(number);
      return false;
    }
    Sleep(kSharingPause);
  }
  return true;
}

// Files can be renamed and removed while they are open, as elsewhere.
constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

class WindowsFile final : public DiskFile {
 public:
  WindowsFile(Handle file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  Result<void> append(std::string_view bytes) override {
    while (!bytes.empty()) {
      constexpr std::size_t kMost = 1U << 30;
      const auto size = static_cast<DWORD>(std::min(bytes.size(), kMost));
      DWORD count = 0;
      if (WriteFile(file_.raw(), bytes.data(), size, &count, nullptr) == 0) {
        return failure("cannot write to", path_, GetLastError());
      }
      bytes.remove_prefix(count);
    }
    return {};
  }

  Result<void> sync() override {
    if (FlushFileBuffers(file_.raw()) == 0) return failure("cannot sync", path_, GetLastError());
    return {};
  }

  Result<std::size_t> read(std::uint64_t offset, std::size_t size, std::string& out) override {
    const std::size_t before = out.size();
    out.resize(before + size);
    std::size_t done = 0;
    while (done < size) {
      constexpr std::size_t kMost = 1U << 30;
      const std::uint64_t at = offset + done;
      OVERLAPPED place{};
      place.Offset = static_cast<DWORD>(at & 0xffffffff);
      place.OffsetHigh = static_cast<DWORD>(at >> 32);
      DWORD count = 0;
      const auto wanted = static_cast<DWORD>(std::min(size - done, kMost));
      if (ReadFile(file_.raw(), out.data() + before + done, wanted, &count, &place) == 0 &&
          GetLastError() != ERROR_HANDLE_EOF) {
        const DWORD number = GetLastError();
        out.resize(before);
        return failure("cannot read", path_, number);
      }
      if (count == 0) break;
      done += count;
    }
    out.resize(before + done);
    return done;
  }

  Result<std::uint64_t> size() override {
    LARGE_INTEGER size{};
    if (GetFileSizeEx(file_.raw(), &size) == 0)
      return failure("cannot read", path_, GetLastError());
    return static_cast<std::uint64_t>(size.QuadPart);
  }

 private:
  Handle file_;
  std::string path_;
};

class WindowsLock final : public Disk::Lock {
 public:
  explicit WindowsLock(Handle file) : file_(std::move(file)) {}

 private:
  Handle file_;  // nobody else may write to it as long as this is open
};

// What a lock's file says of who holds it.
std::string holder_of(const std::wstring& path) {
  const Handle file(
      CreateFileW(path.c_str(), GENERIC_READ, kShareAll, nullptr, OPEN_EXISTING, 0, nullptr));
  std::array<char, 32> text{};
  DWORD count = 0;
  if (!file.is_open() ||
      ReadFile(file.raw(), text.data(), static_cast<DWORD>(text.size()), &count, nullptr) == 0) {
    return {};
  }
  const std::string_view number = std::string_view(text.data(), count);
  return base::parse_number(number) ? " (process " + std::string(number) + ")" : "";
}

class WindowsDisk final : public Disk {
 public:
  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override {
    // The folder's rights are inherited.
    Handle file(CreateFileW(wide(path).c_str(), GENERIC_WRITE, kShareAll, nullptr, CREATE_NEW,
                            FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
    if (!file.is_open()) return failure("cannot make", path, GetLastError());
    return std::unique_ptr<DiskFile>(std::make_unique<WindowsFile>(std::move(file), path));
  }

  Result<std::unique_ptr<DiskFile>> open(const std::string& path) override {
    HANDLE raw = INVALID_HANDLE_VALUE;
    const std::wstring name = wide(path);
    const bool is_open = patiently([&] {
      raw = CreateFileW(name.c_str(), GENERIC_READ, kShareAll, nullptr, OPEN_EXISTING,
                        FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
      return raw != INVALID_HANDLE_VALUE;
    });
    if (!is_open && is_missing(GetLastError())) return std::unique_ptr<DiskFile>();
    if (!is_open) return failure("cannot open", path, GetLastError());
    Handle file(raw);
    BY_HANDLE_FILE_INFORMATION about{};
    constexpr DWORD kOdd = FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DIRECTORY;
    if (GetFileInformationByHandle(file.raw(), &about) == 0) {
      return failure("cannot open", path, GetLastError());
    }
    if ((about.dwFileAttributes & kOdd) != 0) {
      return Error{Fault::storage, path + " is no regular file"};
    }
    return std::unique_ptr<DiskFile>(std::make_unique<WindowsFile>(std::move(file), path));
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    const std::wstring old_name = wide(from);
    const std::wstring new_name = wide(to);
    const bool is_done = patiently([&] {
      return MoveFileExW(old_name.c_str(), new_name.c_str(),
                         MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0;
    });
    if (!is_done) return failure("cannot rename", from, GetLastError());
    return {};
  }

  Result<void> remove(const std::string& path) override {
    const std::wstring name = wide(path);
    const bool is_done = patiently([&] { return DeleteFileW(name.c_str()) != 0; });
    if (!is_done && !is_missing(GetLastError())) {
      return failure("cannot remove", path, GetLastError());
    }
    return {};
  }

  // A folder is flushed through a handle that may write to it. File systems that know no such thing
  // say so: there, rename() has written through, and that is all that can be had.
  Result<void> sync_folder(const std::string& path) override {
    const Handle folder(CreateFileW(wide(path).c_str(), GENERIC_WRITE, kShareAll, nullptr,
                                    OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr));
    if (!folder.is_open()) return failure("cannot open", path, GetLastError());
    if (FlushFileBuffers(folder.raw()) != 0) return {};
    const DWORD number = GetLastError();
    const bool is_unknown = number == ERROR_ACCESS_DENIED || number == ERROR_INVALID_FUNCTION ||
                            number == ERROR_NOT_SUPPORTED;
    return is_unknown ? Result<void>{} : Result<void>{failure("cannot sync", path, number)};
  }

  std::vector<Result<void>> sync_all(const std::vector<DiskFile*>& files) override {
    return sync_in_parallel(files);
  }

  Result<void> make_folder(const std::string& path) override;
  Result<std::vector<Name>> list(const std::string& path) override;

  std::optional<std::uint64_t> free_space(const std::string& path) override {
    ULARGE_INTEGER space{};
    if (GetDiskFreeSpaceExW(wide(path).c_str(), &space, nullptr, nullptr) == 0) return std::nullopt;
    return space.QuadPart;
  }

  std::string concern(const std::string& path) override {
    // The root of the drive, C:\, says what the drive is.
    const std::string root = path.substr(0, 2) + "\\";
    if (path.starts_with("\\\\") || path.starts_with("//") ||
        GetDriveTypeA(root.c_str()) == DRIVE_REMOTE) {
      return path + " is on another machine: it may be gone just when it is needed";
    }
    return {};
  }

  // There is none that a change of the clock leaves alone: after a crash everything is in doubt.
  std::string boot_id() override { return {}; }

  Result<std::unique_ptr<Lock>> lock(const std::string& path) override {
    const std::wstring name = wide(path);
    Handle file(CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, nullptr,
                            OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT,
                            nullptr));
    if (!file.is_open() && GetLastError() == ERROR_SHARING_VIOLATION) {
      return Error{Fault::busy, path + " is held by another process" + holder_of(name)};
    }
    if (!file.is_open()) return failure("cannot open", path, GetLastError());
    const std::string text = std::to_string(GetCurrentProcessId());
    DWORD count = 0;
    // For people and holder_of alone: what goes wrong here does no harm.
    if (SetEndOfFile(file.raw()) != 0) {
      static_cast<void>(
          WriteFile(file.raw(), text.data(), static_cast<DWORD>(text.size()), &count, nullptr));
    }
    return std::unique_ptr<Lock>(std::make_unique<WindowsLock>(std::move(file)));
  }
};

Result<void> WindowsDisk::make_folder(const std::string& path) {
  const std::wstring name = wide(path);
  PSECURITY_DESCRIPTOR rights = nullptr;
  if (ConvertStringSecurityDescriptorToSecurityDescriptorW(kPrivate, SDDL_REVISION_1, &rights,
                                                           nullptr) == 0) {
    return failure("cannot make", path, GetLastError());
  }
  SECURITY_ATTRIBUTES attributes{sizeof(SECURITY_ATTRIBUTES), rights, FALSE};
  const bool is_made = CreateDirectoryW(name.c_str(), &attributes) != 0;
  const DWORD number = is_made ? ERROR_SUCCESS : GetLastError();
  LocalFree(rights);
  if (is_made) return {};
  if (number != ERROR_ALREADY_EXISTS) return failure("cannot make", path, number);
  const DWORD about = GetFileAttributesW(name.c_str());
  if (about == INVALID_FILE_ATTRIBUTES) return failure("cannot use", path, GetLastError());
  if ((about & FILE_ATTRIBUTE_DIRECTORY) == 0) return Error{Fault::storage, path + " is no folder"};
  if ((about & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
    return Error{Fault::storage, path + " is a link, not a folder"};
  }
  return {};
}

Result<std::vector<Disk::Name>> WindowsDisk::list(const std::string& path) {
  WIN32_FIND_DATAW entry{};
  const HANDLE search = FindFirstFileW(wide(path + "/*").c_str(), &entry);
  if (search == INVALID_HANDLE_VALUE) return failure("cannot list", path, GetLastError());
  std::vector<Name> names;
  constexpr DWORD kOdd = FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DIRECTORY;
  do {
    const std::string name = narrow(entry.cFileName);
    if (name == "." || name == "..") continue;
    const std::uint64_t size =
        static_cast<std::uint64_t>(entry.nFileSizeHigh) << 32 | entry.nFileSizeLow;
    names.push_back({name, size, size, (entry.dwFileAttributes & kOdd) == 0});
  } while (FindNextFileW(search, &entry) != 0);
  const DWORD number = GetLastError();
  FindClose(search);
  if (number != ERROR_NO_MORE_FILES) return failure("cannot list", path, number);
  return names;
}

}  // namespace

std::unique_ptr<Disk> system_disk() { return std::make_unique<WindowsDisk>(); }

}  // namespace spool
