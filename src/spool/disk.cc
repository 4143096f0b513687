#include "spool/disk.h"

#include "spool/sync_in_parallel.h"

namespace spool {

std::vector<base::Result<void>> Disk::sync_all(const std::vector<DiskFile*>& files) {
  return sync_in_turn(files);
}

base::Result<std::optional<std::string>> read_file(Disk& disk, const std::string& path,
                                                   std::size_t most) {
  auto file = disk.open(path);
  if (!file) return file.error();
  if (!*file) return std::optional<std::string>{};
  const auto size = (*file)->size();
  if (!size) return size.error();
  if (*size > most) {
    return base::Error{base::Fault::storage, path + " is bigger than such a file can be"};
  }
  std::string text;
  // It may have grown since: one octet more than there should be tells.
  const auto count = (*file)->read(0, static_cast<std::size_t>(*size) + 1, text);
  if (!count) return count.error();
  if (*count != *size) {
    return base::Error{base::Fault::storage, path + " changed while it was read"};
  }
  return std::optional<std::string>{std::move(text)};
}

}  // namespace spool
