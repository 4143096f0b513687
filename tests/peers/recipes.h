// The recipes in contrib/recipes: tests use what they tell people to type.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace support {

struct RecipeBlock {
  std::string file;  // "java.md"
  std::size_t line = 0;
  std::string language;  // what stands behind the opening fence
  std::string text;
};
// All that stands between fences, of all recipes.
[[nodiscard]] const std::vector<RecipeBlock>& recipe_blocks();

// Block number `number` (from 0) of this language in this file, with `port` for every 25 and 2525
// in it. Throws Failure when there is none, or no port to replace.
[[nodiscard]] std::string recipe_block(std::string_view file, std::string_view language,
                                       const std::string& port, std::size_t number = 0);

}  // namespace support
