// See demo_folder.h.
#include "app/demo_folder.h"

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "platform/platform.h"

namespace app {

DemoFolder::~DemoFolder() {
  if (path_.empty()) return;
  std::error_code ignored;  // there is nobody left to tell
  std::filesystem::remove_all(path_, ignored);
}

base::Result<void> DemoFolder::make() {
  auto made = platform::make_private_folder("smtpseal-demo");
  if (!made) return made.error();
  path_ = std::move(made).value();
  return {};
}

base::Result<std::string> DemoFolder::write(std::string_view name, std::string_view content) {
  const std::filesystem::path path = std::filesystem::path(path_) / name;
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  if (!file) return base::Error{base::Fault::storage, "cannot write " + path.string()};
  return path.string();
}

}  // namespace app
