// Systems where a process cannot confine itself, or where smtpseal does not yet know how.
#include "platform/sandbox.h"

namespace platform {

void give_up_new_privileges() {}
base::Result<Confined> confine(const Confinement&) { return Confined::no; }
std::string real_path(const std::string& path) { return path; }

}  // namespace platform
