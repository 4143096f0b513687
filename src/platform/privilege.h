// Which user this process is, and becoming another that may do less.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace platform {

struct User {
  std::string name;  // empty for a number that has no name
  unsigned id = 0;
  unsigned group = 0;

  [[nodiscard]] bool is_root() const { return id == 0; }
};

// "NAME", "NAME:GROUP", "1000" or "1000:1000". Without a group the user's own. Fault::config,
// beginning with what does not exist.
[[nodiscard]] base::Result<User> find_user(std::string_view text);

// Whether this process may do everything; never on Windows.
[[nodiscard]] bool is_root();
[[nodiscard]] bool is_this_user(const User& user);
[[nodiscard]] User this_user();

// Makes this process the user's for good, with the groups of this user and no other, and no way
// back. To be called before there are threads. Fault::local when that is refused.
[[nodiscard]] base::Result<void> become(const User& user);

// Gives the file of a Unix socket to a user; does nothing to what is no socket.
// Fault::local when that is refused.
[[nodiscard]] base::Result<void> give_socket_to(const User& user, const std::string& path);

// Makes a folder that is this user's and that nobody else can enter. One that is there is left as
// it is. Fault::storage when it cannot be made.
[[nodiscard]] base::Result<void> make_folder_of(const User& user, const std::string& path);

// Whether this process can read a file, or what a folder holds. A file that is not there counts as
// one that can: that is another trouble.
[[nodiscard]] bool may_read(const std::string& path);

// Files that are made from now on are this user's alone.
void keep_new_files_private();

}  // namespace platform
