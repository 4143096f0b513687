// config: any file is either a whole configuration, which written out is itself, or is told with
// lines of it and printable words what is wrong.
//
// The input: a configuration file.
#include "config/config.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>

#include "base/text.h"
#include "config/ini_file.h"
#include "config/problems.h"
#include "fuzz/target.h"

namespace {

// Rewritten for each input; removed at the end.
class ConfigFile {
 public:
  ConfigFile() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    path_ = (std::filesystem::temp_directory_path() /
             ("smtpseal-fuzz-" + std::to_string(now) + ".conf"))
                .string();
  }
  ~ConfigFile() { std::remove(path_.c_str()); }
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;

  void write(std::string_view text) const {
    std::FILE* const file = std::fopen(path_.c_str(), "wb");
    FUZZ_EXPECT(file != nullptr);
    FUZZ_EXPECT(std::fwrite(text.data(), 1, text.size(), file) == text.size());
    FUZZ_EXPECT(std::fclose(file) == 0);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

config::LoadResult load(const ConfigFile& file, std::string_view text) {
  file.write(text);
  config::Sources sources;
  sources.file = file.path();
  sources.host_fqdn = "host.example.edu";
  return config::load(sources);
}

void expect_told(const config::Problem& problem, const std::string& path, std::size_t lines) {
  const std::string text = problem.to_string();
  FUZZ_EXPECT_SAYING(base::printable(text, text.size()) == text, text);
  FUZZ_EXPECT_SAYING(!problem.message.empty() && problem.where.starts_with(path), text);
  if (!problem.is_in_line) return;
  FUZZ_EXPECT_SAYING(problem.where.size() > path.size() && problem.where[path.size()] == ':', text);
  const auto line = base::parse_number(std::string_view(problem.where).substr(path.size() + 1));
  FUZZ_EXPECT_SAYING(line && *line >= 1 && *line <= lines, text);
}

}  // namespace

FUZZ_TARGET(config) {
  static const ConfigFile file;
  const std::string_view text = input.rest();
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  const config::LoadResult result = load(file, text);
  FUZZ_EXPECT(result.loaded.has_value() == result.problems.empty());
  for (const auto* list : {&result.problems, &result.warnings}) {
    for (const config::Problem& problem : *list) expect_told(problem, file.path(), lines);
  }
  if (!result.loaded) return;
  const config::Loaded& loaded = *result.loaded;
  for (const config::Problem& problem : loaded.unavailable) {
    expect_told(problem, file.path(), lines);
  }
  for (const config::EffectiveValue& each : loaded.values) {
    FUZZ_EXPECT(config::why_not_a_value(each.value).empty());
  }
  const std::string written = config::format_values(loaded);
  const config::LoadResult again = load(file, written);
  const std::string first_problem =
      again.problems.empty() ? std::string() : again.problems.front().to_string();
  FUZZ_EXPECT_SAYING(again.loaded.has_value(), first_problem + "\n" + written);
  FUZZ_EXPECT_SAYING(again.loaded->config == loaded.config, written);
}
