// A configuration file as sections of keys and texts, each with its line.
#include "config/ini_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include <ini.h>

#include "base/text.h"

// inih with any other options would lose parts of a file without a word.
static_assert(INI_HANDLER_LINENO && INI_CALL_HANDLER_ON_NEW_SECTION && INI_ALLOW_BOM);
static_assert(!INI_ALLOW_INLINE_COMMENTS && !INI_ALLOW_MULTILINE && !INI_ALLOW_NO_VALUE);
static_assert(!INI_STOP_ON_FIRST_ERROR);
static_assert(INI_MAX_LINE >= config::kMaxLine + 3);  // room for CR, LF and NUL

namespace config {
namespace {

using base::Error;
using base::Fault;
using base::Result;

// inih keeps 49 characters of a heading and drops the rest.
constexpr std::size_t kMaxHeading = 49;

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

Error unreadable(const std::string& reason) {
  return Error{Fault::config, "cannot be read: " + reason};
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

// What inih takes for space at the ends of a line.
std::string_view without_ends(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t first = line.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kSpace) - first + 1);
}

// Looks at every line before inih does.
class LineCheck {
 public:
  LineCheck(const std::string& path, ProblemList& problems) : path_(path), problems_(problems) {}

  void check(std::string_view text) {
    int number = 0;
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      check_line(text.substr(0, end), ++number);
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
    }
  }

  [[nodiscard]] bool is_bad(int line) const { return bad_.count(line) > 0; }
  // Whether a heading that could not be read stands after line `from` and before line `to`.
  [[nodiscard]] bool is_heading_lost(int from, int to) const {
    const auto heading = lost_headings_.upper_bound(from);
    return heading != lost_headings_.end() && *heading < to;
  }
  // Whether any line was refused: what is missing may stand there.
  [[nodiscard]] bool has_bad() const { return !bad_.empty(); }

 private:
  void check_line(std::string_view line, int number) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > kMaxLine) {
      return refuse(number, "the line has " + std::to_string(line.size()) +
                                " characters, at most " + std::to_string(kMaxLine) +
                                " are allowed");
    }
    const std::string_view content = without_ends(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') return;
    if (content.front() == '[') return check_heading(content, number);
    check_entry(content, number);
  }

  void check_heading(std::string_view content, int number) {
    const std::size_t close = content.find(']');
    std::string why = why_not_a_value(content);
    if (close == std::string_view::npos) {
      why = "the heading has no closing ]";
    } else if (close + 1 != content.size()) {
      why = "nothing may follow the heading's ] (comments stand on lines of their own)";
    } else if (close - 1 > kMaxHeading) {
      why = "the heading is too long, at most " + std::to_string(kMaxHeading) +
            " characters are allowed";
    }
    if (why.empty()) return;
    lost_headings_.insert(number);
    refuse(number, why);
  }

  void check_entry(std::string_view content, int number) {
    const std::string why = why_not_a_value(content);
    if (!why.empty()) return refuse(number, why);
    // inih takes the first of these for the separator: "listen 127.0.0.1:25" would be a key.
    const std::size_t separator = content.find_first_of("=:");
    const std::string_view key = without_ends(content.substr(0, separator));
    if (separator == std::string_view::npos || key.empty() ||
        key.find_first_of(" \t") != std::string_view::npos) {
      refuse(number, "expected KEY = VALUE, [SECTION] or a comment");
    }
  }

  void refuse(int number, std::string_view message) {
    bad_.insert(number);
    problems_.add(Place::in_file(path_, number), message);
  }

  const std::string& path_;
  ProblemList& problems_;
  std::set<int> bad_;
  std::set<int> lost_headings_;
};

// What inih's callbacks fill. Nothing may be thrown through inih: it is C.
struct Parse {
  const LineCheck* lines = nullptr;
  const std::string* path = nullptr;
  ProblemList* problems = nullptr;
  IniFile file;
  bool is_out_of_memory = false;
};

void on_entry(Parse& parse, const char* section, const char* key, const char* value, int line) {
  if (parse.lines->is_bad(line)) return;
  if (key == nullptr) {
    parse.file.sections.push_back(IniSection{std::string(without_ends(section)), line, {}});
    return;
  }
  const int since = parse.file.sections.empty() ? 0 : parse.file.sections.back().line;
  if (parse.lines->is_heading_lost(since, line)) return;
  if (parse.file.sections.empty()) {
    parse.problems->add(Place::in_file(*parse.path, line),
                        std::string(key) +
                            " stands before the first section: expected [smtpseal], "
                            "[listener] or [smarthost] above it");
    return;
  }
  parse.file.sections.back().entries.push_back(IniEntry{key, value, line});
}

int handle(void* user, const char* section, const char* key, const char* value, int line) noexcept {
  Parse& parse = *static_cast<Parse*>(user);
  try {
    on_entry(parse, section, key, value, line);
  } catch (...) {
    parse.is_out_of_memory = true;  // nothing else is thrown there
  }
  return 1;
}

// The first thing that makes the bytes no text at all; 0 when there is none.
int find_nul(std::string_view text) {
  const std::size_t nul = text.find('\0');
  if (nul == std::string_view::npos) return 0;
  return 1 + static_cast<int>(
                 std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(nul), '\n'));
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) return unreadable(std::strerror(errno));
  std::string text;
  std::array<char, 4096> block{};
  errno = 0;
  while (text.size() <= kMaxFileSize) {
    const std::size_t size = std::fread(block.data(), 1, block.size(), file.get());
    if (std::ferror(file.get()) != 0) return unreadable(std::strerror(errno));
    if (size == 0) return text;
    text.append(block.data(), size);
  }
  return Error{Fault::config, "is larger than 1 MiB: this is no configuration file"};
}

std::string why_not_a_value(std::string_view value) {
  if (value.size() > kMaxLine) return "the text is too long";
  const auto control = std::find_if(value.begin(), value.end(), is_control);
  if (control != value.end()) {
    return "a control character (" + std::to_string(static_cast<unsigned char>(*control)) +
           ") stands in the text";
  }
  if (!base::is_utf8(value)) return "the text is not UTF-8";
  return {};
}

IniFile parse_ini(std::string_view text, const std::string& path, ProblemList& problems) {
  IniFile nothing;
  nothing.is_complete = false;
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    problems.add(Place::in_file(path, 1), "the file is UTF-16: save it as UTF-8");
    return nothing;
  }
  if (const int line = find_nul(text); line > 0) {
    problems.add(Place::in_file(path, line), "a NUL byte: this is no text file");
    return nothing;
  }
  if (text.starts_with(kUtf8Mark)) text.remove_prefix(kUtf8Mark.size());

  LineCheck lines(path, problems);
  lines.check(text);
  Parse parse;
  parse.lines = &lines;
  parse.path = &path;
  parse.problems = &problems;
  parse.file.is_complete = !lines.has_bad();
  const int failed = ini_parse_string_length(text.data(), text.size(), &handle, &parse);
  // A line that inih refused and that passed the checks above must not go unnoticed.
  if (failed > 0 && !lines.is_bad(failed)) {
    problems.add(Place::in_file(path, failed), "expected KEY = VALUE, [SECTION] or a comment");
  }
  if (failed < 0 || parse.is_out_of_memory) problems.add(Place{path, 0}, "not enough memory");
  return std::move(parse.file);
}

}  // namespace config
