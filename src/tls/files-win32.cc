// Windows: see files.h.
#include <filesystem>
#include <system_error>

#include "tls/files.h"

namespace tls {

namespace fs = std::filesystem;

FileFacts facts_of_file(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  switch (status.type()) {
    case fs::file_type::not_found: return {FileKind::none, 0, 0};
    case fs::file_type::none: return {FileKind::unknown, 0, 0};
    case fs::file_type::directory: return {FileKind::folder, 0, 0};
    case fs::file_type::regular: break;
    default: return {FileKind::other, 0, 0};
  }
  const std::uintmax_t size = fs::file_size(path, error);
  return {FileKind::regular, error ? 0 : static_cast<std::uint64_t>(size), 0};
}

base::Result<std::vector<std::string>> names_in_folder(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) return base::Error{base::Fault::config, error.message()};
  return names;
}

}  // namespace tls
