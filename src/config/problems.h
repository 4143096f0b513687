// Everything that is found wrong, collected until nothing more can be found.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"

namespace config {

// Where something stands: "FILE:LINE", "--flag" or the name of a variable.
struct Place {
  std::string text;
  int line = 0;  // in the file; 0 for everything else

  [[nodiscard]] static Place in_file(const std::string& path, int file_line) {
    return Place{path + ':' + std::to_string(file_line), file_line};
  }
};

class ProblemList {
 public:
  // `message` is made printable here: it may quote what was given.
  void add(const Place& place, std::string_view message);
  // The same, for a warning of a weak level of TLS.
  void add_weak_tls(const Place& place, std::string_view message);

  [[nodiscard]] bool is_empty() const { return found_.empty(); }
  // In the order of the file's lines, then what stands in no line.
  [[nodiscard]] std::vector<Problem> take();

 private:
  std::vector<std::pair<int, Problem>> found_;
};

}  // namespace config
