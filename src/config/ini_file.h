// A configuration file as sections of keys and texts, each with its line.
//
// inih does the parsing; everything it would pass over or cut in silence (over-long lines, a
// heading without its bracket, text after a heading, NUL, bytes that are no text) is found here
// first and reported, and none of it reaches the result. Knows the form only, no section and no
// key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/problems.h"

namespace config {

// No configuration is this large; a mail spool given by mistake is.
inline constexpr std::size_t kMaxFileSize = 1024 * 1024;
// A line without its end.
inline constexpr std::size_t kMaxLine = 4096;

struct IniEntry {
  std::string key;
  std::string value;  // trimmed
  int line = 0;
};

struct IniSection {
  std::string heading;  // between the brackets, trimmed
  int line = 0;
  std::vector<IniEntry> entries;
};

struct IniFile {
  std::vector<IniSection> sections;
  bool is_complete = true;  // nothing was lost to an error
};

// The bytes of a file of at most kMaxFileSize. Error: Fault::config with the system's reason.
[[nodiscard]] base::Result<std::string> read_file(const std::string& path);

// What is wrong goes to `problems` with `path` in its place. `text` is a whole file; a byte order
// mark and CRLF line ends are accepted.
[[nodiscard]] IniFile parse_ini(std::string_view text, const std::string& path,
                                ProblemList& problems);

// Why `value` could not stand in a file (control characters, not UTF-8, too long); empty when it
// can.
[[nodiscard]] std::string why_not_a_value(std::string_view value);

}  // namespace config
