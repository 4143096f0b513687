#include "spool/names.h"

#include <array>

#include "spool/hex.h"

namespace spool {

namespace {

constexpr std::string_view kAll = "all";

struct VerbName {
  Verb verb;
  std::string_view name;
};
constexpr std::array kVerbs = {VerbName{Verb::retry, "retry"}, VerbName{Verb::hold, "hold"},
                               VerbName{Verb::drop, "drop"}};

}  // namespace

std::string join(std::string_view folder, std::string_view name) {
  return std::string(folder).append("/").append(name);
}

std::optional<FileName> parse_file_name(std::string_view name) {
  const std::string_view id = name.substr(0, kIdDigits);
  const std::string_view suffix = name.substr(id.size());
  if (!is_id(id) || (suffix != kMail && suffix != kEnvelope && suffix != kSending)) {
    return std::nullopt;
  }
  return FileName{id, suffix};
}

std::string format_request(const Request& request) {
  std::string name;
  for (const VerbName& known : kVerbs) {
    if (known.verb == request.verb) name = known.name;
  }
  return name.append("-").append(request.id.empty() ? kAll : request.id);
}

std::optional<Request> parse_request(std::string_view name) {
  for (const VerbName& known : kVerbs) {
    if (!name.starts_with(known.name) || !name.substr(known.name.size()).starts_with('-')) continue;
    const std::string_view id = name.substr(known.name.size() + 1);
    if (id == kAll && known.verb == Verb::retry) return Request{Verb::retry, ""};
    if (is_id(id)) return Request{known.verb, std::string(id)};
  }
  return std::nullopt;
}

}  // namespace spool
