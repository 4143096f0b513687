// See temp_dir.h.
#include "support/temp_dir.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/patience.h"

namespace support {

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "smtpseal-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw Failure("no temporary directory: " + name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;  // nothing can be done about it here
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::path(std::string_view name) const { return path_ + "/" + std::string(name); }

std::string TempDir::write(std::string_view name, std::string_view content) const {
  const std::string file = path(name);
  write_file(file, content);
  return file;
}

void write_file(const std::string& path, std::string_view content) {
  const std::string fresh = path + ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << content;
  out.close();
  if (!out || std::rename(fresh.c_str(), path.c_str()) != 0) throw Failure("cannot write " + path);
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in) throw Failure("cannot read " + path);
  return content.str();
}

}  // namespace support
