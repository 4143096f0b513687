// Everything that is found wrong, collected until nothing more can be found.
#include "config/problems.h"

#include <limits>

#include "base/text.h"

namespace config {
namespace {

// A list of three hundred networks need not be repeated in full.
constexpr std::size_t kMaxMessage = 600;

int order_of(int line) { return line > 0 ? line : std::numeric_limits<int>::max(); }

}  // namespace

void ProblemList::add(const Place& place, std::string_view message) {
  found_.emplace_back(place.line,
                      Problem{base::printable(place.text, kMaxMessage),
                              base::printable(message, kMaxMessage), place.line > 0, false});
}

void ProblemList::add_weak_tls(const Place& place, std::string_view message) {
  add(place, message);
  found_.back().second.is_weak_tls = true;
}

std::vector<Problem> ProblemList::take() {
  std::stable_sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) {
    return order_of(a.first) < order_of(b.first);
  });
  std::vector<Problem> problems;
  for (auto& [line, problem] : found_) problems.push_back(std::move(problem));
  found_.clear();
  return problems;
}

}  // namespace config
