// See memory_disk.h.
#include "support/memory_disk.h"

#include <algorithm>

namespace support {

using base::Error;
using base::Fault;
using base::Result;
using spool::DiskFile;

class MemoryFile final : public DiskFile {
 public:
  MemoryFile(MemoryDisk& disk, std::shared_ptr<MemoryDisk::Node> node, std::string path)
      : disk_(disk), node_(std::move(node)), path_(std::move(path)) {}

  Result<void> append(std::string_view bytes) override {
    if (auto error = disk_.step("append " + path_)) {
      node_->content.append(bytes.substr(0, bytes.size() / 2));  // as much as there was room for
      return *error;
    }
    node_->content.append(bytes);
    return {};
  }

  Result<void> sync() override {
    if (auto error = disk_.step("sync " + path_)) {
      node_->is_sync_broken = true;
      return *error;
    }
    // The system has dropped what it could not write, and would say that all is well.
    if (!node_->is_sync_broken) node_->synced = node_->content;
    return {};
  }

  Result<std::size_t> read(std::uint64_t offset, std::size_t size, std::string& out) override {
    const std::string& content = node_->content;
    const auto from = static_cast<std::size_t>(std::min<std::uint64_t>(offset, content.size()));
    const std::size_t count = std::min(size, content.size() - from);
    out.append(content, from, count);
    return count;
  }

  Result<std::uint64_t> size() override { return std::uint64_t{node_->content.size()}; }

 private:
  MemoryDisk& disk_;
  std::shared_ptr<MemoryDisk::Node> node_;
  std::string path_;
};

class MemoryDisk::MemoryLock final : public spool::Disk::Lock {
 public:
  MemoryLock(MemoryDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  ~MemoryLock() override { std::erase(disk_.locked_, path_); }

 private:
  MemoryDisk& disk_;
  std::string path_;
};

void MemoryDisk::fail_at(std::uint64_t step, Trouble trouble, Fault fault) {
  steps_ = 0;
  fail_at_ = step;
  trouble_ = trouble;
  fault_ = fault;
}

void MemoryDisk::fail_no_more() { fail_at(0, Trouble::once); }

std::optional<Error> MemoryDisk::step(const std::string& what) {
  ++steps_;
  if (fail_at_ == 0 || steps_ < fail_at_) return std::nullopt;
  if (steps_ > fail_at_ && trouble_ == Trouble::once) return std::nullopt;
  return Error{fault_, "cannot " + what + ": told to fail"};
}

std::string MemoryDisk::folder_of(const std::string& path) {
  return path.substr(0, path.find_last_of('/'));
}

void MemoryDisk::apply(Names& names, const Change& change) {
  if (!change.from.empty()) names.erase(change.from);
  if (!change.to.empty()) names[change.to] = change.node;
}

void MemoryDisk::lose_power(std::uint64_t seed) {
  std::mt19937_64 chance(seed);
  const auto is_kept = [&] { return (chance() & 1) != 0; };
  for (const Change& change : pending_) {
    if (is_kept()) apply(durable_, change);
  }
  pending_.clear();
  names_ = durable_;
  for (auto& [path, node] : names_) {
    if (node->content == node->synced) continue;
    // Some of what was appended, and of that, perhaps zeros where the data never arrived.
    const std::size_t before = std::min(node->synced.size(), node->content.size());
    std::string after = node->content.substr(0, before);
    const std::size_t fresh = node->content.size() - before;
    const std::size_t kept = fresh == 0 ? 0 : chance() % (fresh + 1);
    after += is_kept() ? node->content.substr(before, kept) : std::string(kept, '\0');
    node->content = node->synced = after;
  }
  locked_.clear();
  ++boots_;
  fail_no_more();
}

void MemoryDisk::kill_process() {
  locked_.clear();
  fail_no_more();
}

std::map<std::string, std::string> MemoryDisk::files() const {
  std::map<std::string, std::string> files;
  for (const auto& [path, node] : names_) files[path] = node->content;
  return files;
}

void MemoryDisk::write(const std::string& path, const std::string& content) {
  auto node = std::make_shared<Node>();
  node->content = node->synced = content;
  names_[path] = durable_[path] = node;
}

void MemoryDisk::erase(const std::string& path) {
  names_.erase(path);
  durable_.erase(path);
}

void MemoryDisk::make_odd(const std::string& path) {
  write(path, "");
  names_[path]->is_odd = true;
}

Result<std::unique_ptr<DiskFile>> MemoryDisk::create(const std::string& path) {
  if (auto error = step("make " + path)) return *error;
  if (names_.contains(path)) return Error{Fault::storage, path + " exists"};
  pending_.push_back({"", path, std::make_shared<Node>()});
  apply(names_, pending_.back());
  return std::unique_ptr<DiskFile>(std::make_unique<MemoryFile>(*this, pending_.back().node, path));
}

Result<std::unique_ptr<DiskFile>> MemoryDisk::open(const std::string& path) {
  if (auto error = step("open " + path)) return *error;
  const auto found = names_.find(path);
  if (found == names_.end()) return std::unique_ptr<DiskFile>();
  if (found->second->is_odd) return Error{Fault::storage, path + " is no regular file"};
  return std::unique_ptr<DiskFile>(std::make_unique<MemoryFile>(*this, found->second, path));
}

Result<void> MemoryDisk::rename(const std::string& from, const std::string& to) {
  if (auto error = step("rename " + from)) return *error;
  const auto found = names_.find(from);
  if (found == names_.end()) return Error{Fault::storage, from + " does not exist"};
  pending_.push_back({from, to, found->second});
  apply(names_, pending_.back());
  return {};
}

Result<void> MemoryDisk::remove(const std::string& path) {
  if (auto error = step("remove " + path)) return *error;
  if (!names_.contains(path)) return {};
  pending_.push_back({path, "", nullptr});
  apply(names_, pending_.back());
  return {};
}

Result<void> MemoryDisk::sync_folder(const std::string& path) {
  if (auto error = step("sync folder " + path)) return *error;
  std::vector<Change> others;
  for (Change& change : pending_) {
    const bool is_here = folder_of(change.from) == path || folder_of(change.to) == path;
    if (is_here) apply(durable_, change);
    if (!is_here) others.push_back(std::move(change));
  }
  pending_ = std::move(others);
  return {};
}

Result<void> MemoryDisk::make_folder(const std::string& path) {
  if (auto error = step("make folder " + path)) return *error;
  if (std::find(folders_.begin(), folders_.end(), path) == folders_.end()) folders_.push_back(path);
  return {};
}

Result<std::vector<spool::Disk::Name>> MemoryDisk::list(const std::string& path) {
  if (auto error = step("list " + path)) return *error;
  if (std::find(folders_.begin(), folders_.end(), path) == folders_.end()) {
    return Error{Fault::storage, path + " does not exist"};
  }
  std::vector<Name> names;
  // Backwards: nobody may rely on an order.
  for (auto entry = names_.rbegin(); entry != names_.rend(); ++entry) {
    if (folder_of(entry->first) != path) continue;
    const std::uint64_t size = entry->second->content.size();
    names.push_back({entry->first.substr(path.size() + 1), size, size, !entry->second->is_odd});
  }
  return names;
}

std::optional<std::uint64_t> MemoryDisk::free_space(const std::string&) { return 1'000'000; }

std::string MemoryDisk::concern(const std::string&) { return {}; }

std::string MemoryDisk::boot_id() { return "boot-" + std::to_string(boots_); }

Result<std::unique_ptr<spool::Disk::Lock>> MemoryDisk::lock(const std::string& path) {
  if (auto error = step("lock " + path)) return *error;
  if (std::find(locked_.begin(), locked_.end(), path) != locked_.end()) {
    return Error{Fault::busy, path + " is held by another process"};
  }
  locked_.push_back(path);
  return std::unique_ptr<Lock>(std::make_unique<MemoryLock>(*this, path));
}

}  // namespace support
