// A directory of one's own that is gone when the test is.
#pragma once

#include <string>
#include <string_view>

namespace support {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // The path of something in it.
  [[nodiscard]] std::string path(std::string_view name) const;
  // Writes a file (replacing it) and returns its path.
  std::string write(std::string_view name, std::string_view content) const;

 private:
  std::string path_;
};

// Replaces a file in one step: nobody ever sees half of it.
void write_file(const std::string& path, std::string_view content);
// The whole file. Throws Failure when it cannot be read.
[[nodiscard]] std::string read_file(const std::string& path);

}  // namespace support
