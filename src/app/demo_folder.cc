// See demo_folder.h.
#include "app/demo_folder.h"

#include <cstdio>
#include <utility>

#include "platform/platform.h"

namespace app {

DemoFolder::~DemoFolder() {
  // There is nobody left to tell.
  if (!path_.empty()) static_cast<void>(platform::remove_private_folder(path_));
}

base::Result<void> DemoFolder::make() {
  auto made = platform::make_private_folder("smtpseal-demo");
  if (!made) return made.error();
  path_ = std::move(made).value();
  return {};
}

base::Result<std::string> DemoFolder::write(std::string_view name, std::string_view content) {
  std::string path = path_ + "/" + std::string(name);
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  bool is_written = file != nullptr;
  if (is_written) {
    is_written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
    is_written = std::fclose(file) == 0 && is_written;
  }
  if (!is_written) return base::Error{base::Fault::storage, "cannot write " + path};
  return path;
}

}  // namespace app
