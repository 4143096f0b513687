// What this process can still do once it runs, whoever takes it over.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace platform {

// No program that this process or one of its children runs gains a privilege by it (setuid root).
// To be called before there are threads. Nothing happens where a system has no such thing.
void give_up_new_privileges();

struct Confinement {
  // Files, and folders with all that is in them. What is not there is passed over.
  std::vector<std::string> readable;
  std::vector<std::string> writable;  // folders; readable, too
};

enum class Confined {
  yes,
  no,  // this system cannot do it, or was built or started without it
};

// From now on this process opens, makes and removes nothing but that, and runs no program. What is
// open stays open; connections are not concerned. There is no way back. To be called before there
// are threads. Fault::local when it is possible and fails.
[[nodiscard]] base::Result<Confined> confine(const Confinement& confinement);

// Where a path leads in the end: absolute and without symbolic links. As it is when that is
// nowhere.
[[nodiscard]] std::string real_path(const std::string& path);

}  // namespace platform
