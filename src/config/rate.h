// A rate as it is written: "30/1m", thirty in any minute; "0" is none to keep to.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "relay/rate_policy.h"

namespace config {

[[nodiscard]] base::Result<relay::Rate> parse_rate(std::string_view text);
[[nodiscard]] std::string format_rate(const relay::Rate& rate);

}  // namespace config
