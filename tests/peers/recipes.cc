// See recipes.h.
#include "peers/recipes.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <sstream>

#include "support/patience.h"
#include "support/temp_dir.h"

namespace support {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kFence = "```";

void read_blocks(const fs::path& path, std::vector<RecipeBlock>& blocks) {
  std::istringstream lines(read_file(path.string()));
  bool is_inside = false;
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.starts_with(kFence)) {
      is_inside = !is_inside;
      if (is_inside) {
        blocks.push_back({path.filename().string(), number, line.substr(kFence.size()), {}});
      }
    } else if (is_inside) {
      blocks.back().text += line + "\n";
    }
  }
  if (is_inside) throw Failure("a fence is open at the end of " + path.string());
}

}  // namespace

const std::vector<RecipeBlock>& recipe_blocks() {
  static const std::vector<RecipeBlock> kBlocks = [] {
    const char* folder = std::getenv("SEAL_RECIPES");
    if (folder == nullptr) throw Failure("SEAL_RECIPES does not say where the recipes are");
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    std::vector<RecipeBlock> blocks;
    for (const fs::path& path : paths) read_blocks(path, blocks);
    return blocks;
  }();
  return kBlocks;
}

std::string recipe_block(std::string_view file, std::string_view language, const std::string& port,
                         std::size_t number) {
  for (const RecipeBlock& block : recipe_blocks()) {
    if (block.file != file || block.language != language || number-- > 0) continue;
    const std::regex kPort("\\b(25|2525)\\b");
    if (!std::regex_search(block.text, kPort)) throw Failure("no port in " + block.text);
    return std::regex_replace(block.text, kPort, port);
  }
  throw Failure("no such block of " + std::string(language) + " in " + std::string(file));
}

}  // namespace support
