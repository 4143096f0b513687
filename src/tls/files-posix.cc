// Unix: see files.h.
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>

#include <dirent.h>
#include <sys/stat.h>

#include "tls/files.h"

namespace tls {

namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { static_cast<void>(closedir(folder)); }
};

FileKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::regular;
  return S_ISDIR(mode) ? FileKind::folder : FileKind::other;
}

}  // namespace

FileFacts facts_of_file(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    const bool is_none = errno == ENOENT || errno == ENOTDIR;
    return {is_none ? FileKind::none : FileKind::unknown, 0, 0};
  }
  return {kind_of(status.st_mode), static_cast<std::uint64_t>(status.st_size),
          static_cast<unsigned>(status.st_mode & 07777U)};
}

base::Result<std::vector<std::string>> names_in_folder(const std::string& path) {
  const std::unique_ptr<DIR, CloseFolder> folder(opendir(path.c_str()));
  if (!folder) return base::Error{base::Fault::config, std::generic_category().message(errno)};
  std::vector<std::string> names;
  while (true) {
    errno = 0;  // it alone says whether readdir ended or failed
    const dirent* const entry = readdir(folder.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return base::Error{base::Fault::config, std::generic_category().message(errno)};
  return names;
}

}  // namespace tls
