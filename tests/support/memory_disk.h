// A disk in memory that fails when it is told to, and forgets what was not synced when it loses
// power.
//
// Every call that may change something, or that may fail, is a step, and steps are counted: a test
// learns how many there are by running once, and then lets each of them fail, or be the last.
// After a loss of power every change of a name since its folder was synced is kept or lost by
// itself, and of a file that was not synced any part may be there: chance decides, from a seed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "spool/disk.h"

namespace support {

class MemoryDisk final : public spool::Disk {
 public:
  enum class Trouble {
    once,     // the step fails, all others do not: a fault that passes
    from_on,  // the step and every one behind it fail: the disk is gone, or the process is dead
  };
  // Counts from 1, from now on.
  void fail_at(std::uint64_t step, Trouble trouble, base::Fault fault = base::Fault::storage);
  void fail_no_more();
  // Steps since the last fail_at() or fail_no_more().
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

  // What is not durable is kept or lost by chance, piece by piece; locks and boot_id change.
  void lose_power(std::uint64_t seed);
  // The process died: what it told the system stays.
  void kill_process();

  // What is there, for tests to look at and to change.
  [[nodiscard]] std::map<std::string, std::string> files() const;   // path to content
  void write(const std::string& path, const std::string& content);  // durably
  void erase(const std::string& path);                              // durably
  void make_odd(const std::string& path);  // something there that is no regular file

  base::Result<std::unique_ptr<spool::DiskFile>> create(const std::string& path) override;
  base::Result<std::unique_ptr<spool::DiskFile>> open(const std::string& path) override;
  base::Result<void> rename(const std::string& from, const std::string& to) override;
  base::Result<void> remove(const std::string& path) override;
  base::Result<void> sync_folder(const std::string& path) override;
  base::Result<void> make_folder(const std::string& path) override;
  base::Result<std::vector<Name>> list(const std::string& path) override;
  std::optional<std::uint64_t> free_space(const std::string& path) override;
  std::string concern(const std::string& path) override;
  std::string boot_id() override;
  base::Result<std::unique_ptr<Lock>> lock(const std::string& path) override;

 private:
  friend class MemoryFile;
  class MemoryLock;

  // A file without its name. A copy of what was synced last stands beside what is there.
  struct Node {
    std::string content;
    std::string synced;
    bool is_odd = false;
    bool is_sync_broken = false;  // a sync failed: another one would lie
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  // A change of names that no sync has made durable.
  struct Change {
    std::string from;            // "" for a new name
    std::string to;              // "" for one that was removed
    std::shared_ptr<Node> node;  // under its new name
  };

  // Counts one; the error if it is to fail.
  [[nodiscard]] std::optional<base::Error> step(const std::string& what);
  [[nodiscard]] static std::string folder_of(const std::string& path);
  static void apply(Names& names, const Change& change);

  Names names_;    // as the system shows them
  Names durable_;  // as they are after a loss of power, if all of pending_ is lost
  std::vector<Change> pending_;
  std::vector<std::string> folders_;
  std::vector<std::string> locked_;
  std::uint64_t steps_ = 0;
  std::uint64_t fail_at_ = 0;
  Trouble trouble_ = Trouble::once;
  base::Fault fault_ = base::Fault::storage;
  unsigned boots_ = 1;
};

}  // namespace support
