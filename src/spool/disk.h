// The few things the spool asks of a file system, so that tests can be one that fails at any step
// or loses what was not synced.
//
// All of it blocks. Paths are UTF-8, absolute. Errors are Fault::storage and name path and reason;
// is_full tells a full disk or quota from the rest.
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
  // Lets the system begin to write, without waiting: sync() of several files is cheaper then.
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
  // To read. Only a regular file, never through a symbolic link.
  [[nodiscard]] virtual base::Result<std::unique_ptr<DiskFile>> open(const std::string& path) = 0;
  // Replaces what is there.
  [[nodiscard]] virtual base::Result<void> rename(const std::string& from,
                                                  const std::string& to) = 0;
  [[nodiscard]] virtual base::Result<void> remove(const std::string& path) = 0;
  // Makes names that were created, renamed and removed in a folder survive a loss of power.
  [[nodiscard]] virtual base::Result<void> sync_folder(const std::string& path) = 0;
  // Makes it (0700) unless it exists; refuses one that others may write to, that is not this
  // user's, or a symbolic link.
  [[nodiscard]] virtual base::Result<void> make_folder(const std::string& path) = 0;

  struct Name {
    std::string name;
    std::uint64_t size = 0;
    bool is_file = false;  // a regular one
  };
  [[nodiscard]] virtual base::Result<std::vector<Name>> list(const std::string& path) = 0;
  // Octets that this user may still write there; nothing when the system does not say.
  [[nodiscard]] virtual std::optional<std::uint64_t> free_space(const std::string& path) = 0;

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

}  // namespace spool
