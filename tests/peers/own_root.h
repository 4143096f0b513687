// Programs that are not installed: their packages are unpacked (contrib/fetch-peers), and they run
// in a file system of their own (own_root.sh), with users, paths and configuration as they like
// them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

namespace support {

// Why what was unpacked as build/peers/`name` cannot run here, or nothing. `title` is for people.
[[nodiscard]] std::optional<std::string> why_not_unpacked(const std::string& name,
                                                          const std::string& title);
// Of its package.
[[nodiscard]] std::string unpacked_version(const std::string& name);

// Its part of the file system is `work`'s folder "root", and `work` itself is seen where it is.
void write_below(const TempDir& work, const std::string& path, const std::string& content);
// Accounts of these names besides root, at home in `home`; addresses and names of this machine.
void write_system_files(const TempDir& work, const std::vector<std::string>& users,
                        const std::string& home);
// What starts `command` in there.
[[nodiscard]] Process::Start in_own_root(const std::string& name, const TempDir& work,
                                         const std::vector<std::string>& command);

}  // namespace support
