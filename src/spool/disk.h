// The few things the spool asks of a file system, so that tests can be one that fails at any step
// or loses what was not synced.
//
// All of it blocks. Paths are UTF-8, absolute. Errors name path and reason: Fault::busy when the
// disk or a quota is full, which passes once there is room (the client is told 452 4.3.1, not 451
// 4.3.0, and a person need not look for a broken disk), Fault::local when this process has
// no descriptor or memory left, which passes, too, Fault::storage for everything else.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spool {

class DiskFile {
 public:
  virtual ~DiskFile() = default;  // closes
  // All of it, at the end of the file.
  [[nodiscard]] virtual base::Result<void> append(std::string_view bytes) = 0;
  // What was appended survives a loss of power. After an error it never does: no second try.
  [[nodiscard]] virtual base::Result<void> sync() = 0;
  // Lets the system begin to write, without waiting: sync() is cheaper then.
  virtual void start_writing() {}
  // At most `size` octets from `offset` on, appended to `out`; fewer only at the end of the file.
  [[nodiscard]] virtual base::Result<std::size_t> read(std::uint64_t offset, std::size_t size,
                                                       std::string& out) = 0;
  [[nodiscard]] virtual base::Result<std::uint64_t> size() = 0;
};

class Disk {
 public:
  virtual ~Disk() = default;

  // Makes a new file that only this user may read; it is an error if it exists.
  [[nodiscard]] virtual base::Result<std::unique_ptr<DiskFile>> create(const std::string& path) = 0;
  // To read; null when there is none. Only a regular file, never through a symbolic link.
  [[nodiscard]] virtual base::Result<std::unique_ptr<DiskFile>> open(const std::string& path) = 0;
  // Replaces what is there.
  [[nodiscard]] virtual base::Result<void> rename(const std::string& from,
                                                  const std::string& to) = 0;
  // Done, too, when there is none.
  [[nodiscard]] virtual base::Result<void> remove(const std::string& path) = 0;
  // Makes names that were created, renamed and removed in a folder survive a loss of power.
  [[nodiscard]] virtual base::Result<void> sync_folder(const std::string& path) = 0;
  // DiskFile::sync of each: at the same time, where many together cost hardly more than one.
  [[nodiscard]] virtual std::vector<base::Result<void>> sync_all(
      const std::vector<DiskFile*>& files);
  // Makes it (0700) unless it exists; refuses one that others may write to, that is not this
  // user's, or a symbolic link.
  [[nodiscard]] virtual base::Result<void> make_folder(const std::string& path) = 0;

  struct Name {
    std::string name;
    std::uint64_t size = 0;
    std::uint64_t taken = 0;  // of the disk: less than its size where there are holes, never more
    bool is_file = false;     // a regular one
  };
  // Without "." and "..", in no order.
  [[nodiscard]] virtual base::Result<std::vector<Name>> list(const std::string& path) = 0;
  // Octets that this user may still write there; nothing when the system does not say.
  [[nodiscard]] virtual std::optional<std::uint64_t> free_space(const std::string& path) = 0;
  // Why what is kept there may be less safe than it should be, for the log; "" when that is not so.
  [[nodiscard]] virtual std::string concern(const std::string& path) = 0;
  // Another one after every start of the machine; "" when the system does not say.
  [[nodiscard]] virtual std::string boot_id() = 0;

  class Lock {
   public:
    virtual ~Lock() = default;  // lets go
  };
  // For this process alone, until the lock dies. Fault::busy when another process holds it, with
  // its id where that is known.
  [[nodiscard]] virtual base::Result<std::unique_ptr<Lock>> lock(const std::string& path) = 0;
};

// The real one, of this system.
[[nodiscard]] std::unique_ptr<Disk> system_disk();

// All of a file, at most `most` octets (an error when it is bigger); nothing when there is none.
[[nodiscard]] base::Result<std::optional<std::string>> read_file(Disk& disk,
                                                                 const std::string& path,
                                                                 std::size_t most);

}  // namespace spool
