// Whether this machine's clock is right, as far as that can be told: certificates are judged by it.
// Pure.
//
// Evidence is the date that many smarthosts write into their greeting, and that no clock can say a
// day before smtpseal was made. Both are good enough for advice, and used for nothing else: dates
// of certificates are always judged by the clock itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/check_findings.h"
#include "base/instant.h"

namespace app {

// A date and time as RFC 5322 3.3 writes it, with its zone, found somewhere in `text`:
// "smtp.example.edu ESMTP Exim 4.96 Thu, 26 Nov 2026 16:09:07 +0000". Nothing when there is none.
[[nodiscard]] std::optional<base::WallTime> find_date(std::string_view text);

struct ClockEvidence {
  enum class Kind {
    none,
    confirmed,  // the smarthost's greeting says the same, nearly
    differs,    // it says another time
    too_early,  // before smtpseal was made
  };
  Kind kind = Kind::none;
  std::optional<base::WallTime> theirs;  // where the greeting says one
};

// Clocks this far apart are no longer taken for the same time.
inline constexpr std::chrono::minutes kClockTolerance{5};

[[nodiscard]] ClockEvidence judge_clock(const CheckFindings& findings);

}  // namespace app
