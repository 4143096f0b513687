// Windows: see privilege.h. The service manager decides whose the process is.
#include "platform/privilege.h"

namespace platform {

base::Result<User> find_user(std::string_view) {
  return base::Error{base::Fault::config,
                     "the user is the service's on Windows: smtpseal cannot become another"};
}

bool is_root() { return false; }
bool is_this_user(const User&) { return true; }
User this_user() { return {}; }
base::Result<void> become(const User&) { return {}; }
base::Result<void> give_socket_to(const User&, const std::string&) { return {}; }

// Whoever starts the service makes it.
base::Result<void> make_folder_of(const User&, const std::string&) { return {}; }

// What cannot be read is told when it is read: nothing happens in between.
bool may_read(const std::string&) { return true; }
void keep_new_files_private() {}

}  // namespace platform
