#include "config/rate.h"

#include <chrono>
#include <utility>

#include "base/text.h"
#include "config/values.h"

namespace config {
namespace {

// Each place in a span costs a few octets.
constexpr std::uint64_t kMostPlaces = 100'000;
constexpr base::Duration kLongestSpan = std::chrono::hours(24);

base::Error wrong(std::string detail) {
  return base::Error{base::Fault::config, std::move(detail)};
}

}  // namespace

base::Result<relay::Rate> parse_rate(std::string_view text) {
  if (text == "0") return relay::Rate{};
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return wrong("expected mails in a span of time, such as 30/1m (thirty in any minute)");
  }
  const auto count = parse_number_in(base::trimmed(text.substr(0, slash)), 1, kMostPlaces);
  if (!count) return wrong("before the slash: " + count.error().detail);
  const auto per = parse_duration(base::trimmed(text.substr(slash + 1)));
  if (!per) return wrong("after the slash: " + per.error().detail);
  if (*per <= base::Duration::zero() || *per > kLongestSpan) {
    return wrong("after the slash: expected something up to " + format_duration(kLongestSpan));
  }
  return relay::Rate{static_cast<unsigned>(*count), *per};
}

std::string format_rate(const relay::Rate& rate) {
  if (!rate.is_limit()) return "0";
  return std::to_string(rate.count) + "/" + format_duration(rate.per);
}

}  // namespace config
