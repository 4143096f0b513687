// A private temporary folder that is gone when its owner is.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace app {

class DemoFolder {
 public:
  DemoFolder() = default;
  ~DemoFolder();  // removes it with all that is in it
  DemoFolder(const DemoFolder&) = delete;
  DemoFolder& operator=(const DemoFolder&) = delete;

  // Fault::storage when it cannot be made.
  [[nodiscard]] base::Result<void> make();
  // Writes a file into it and returns its path. Fault::storage.
  [[nodiscard]] base::Result<std::string> write(std::string_view name, std::string_view content);

 private:
  std::string path_;
};

}  // namespace app
