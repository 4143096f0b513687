// What both systems have in common: see command.h.
#include "platform/command.h"

#include "base/text.h"

namespace platform {

std::string with_words_of_command(std::string what, std::string_view errors) {
  constexpr std::size_t kShownOutput = 200;
  const std::string_view said = errors.substr(0, errors.find_last_not_of(" \t\r\n") + 1);
  if (!said.empty()) what += ": " + base::printable(said, kShownOutput);
  return what;
}

}  // namespace platform
