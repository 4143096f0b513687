// See check_clock.h.
#include "app/check_clock.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace app {

namespace {

using std::chrono::minutes;

// No clock that is right says an earlier day than that of smtpseal's first version.
constexpr base::WallTime kFirstVersion = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24);

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// RFC 5322 4.3: names of zones that are still met, as minutes east of Greenwich.
constexpr std::array<std::pair<std::string_view, int>, 11> kZones = {{
    {"GMT", 0},
    {"UT", 0},
    {"UTC", 0},
    {"EST", -5 * 60},
    {"EDT", -4 * 60},
    {"CST", -6 * 60},
    {"CDT", -5 * 60},
    {"MST", -7 * 60},
    {"MDT", -6 * 60},
    {"PST", -8 * 60},
    {"PDT", -7 * 60},
}};

// More words than a greeting has.
constexpr std::size_t kMaxWords = 200;

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (words.size() < kMaxWords) {
    const std::size_t begin = text.find_first_not_of(" \t,;()");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(" \t,;()"), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

// Decimal digits, `least` to `most` of them, and nothing else.
std::optional<int> number(std::string_view text, std::size_t least, std::size_t most) {
  if (text.size() < least || text.size() > most) return std::nullopt;
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = code == std::errc() && end == text.data() + text.size() && text[0] != '-';
  return is_number ? std::optional(value) : std::nullopt;
}

// "+0130", "GMT"
std::optional<minutes> zone_of(std::string_view text) {
  const auto named = std::find_if(kZones.begin(), kZones.end(),
                                  [&](const auto& zone) { return zone.first == text; });
  if (named != kZones.end()) return minutes(named->second);
  if (text.size() != 5 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const auto hours = number(text.substr(1, 2), 2, 2), rest = number(text.substr(3), 2, 2);
  if (!hours || !rest || *rest > 59) return std::nullopt;
  const minutes east(*hours * 60 + *rest);
  return text[0] == '-' ? -east : east;
}

// "16:09:07", "16:09"
std::optional<std::chrono::seconds> time_of(std::string_view text) {
  const bool has_seconds = text.size() == 8 && text[5] == ':';
  if ((text.size() != 5 && !has_seconds) || text[2] != ':') return std::nullopt;
  const auto hour = number(text.substr(0, 2), 2, 2), minute = number(text.substr(3, 2), 2, 2);
  const auto second = has_seconds ? number(text.substr(6), 2, 2) : std::optional(0);
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  return std::chrono::seconds(*hour * 3600 + *minute * 60 + *second);
}

// Day, month, year, time and zone.
std::optional<base::WallTime> read_date(const std::string_view* words) {
  const auto day = number(words[0], 1, 2), year = number(words[2], 4, 4);
  const auto month = std::find(kMonths.begin(), kMonths.end(), words[1]);
  const auto time = time_of(words[3]);
  const auto zone = zone_of(words[4]);
  if (!day || !year || month == kMonths.end() || !time || !zone) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(unsigned(month - kMonths.begin()) + 1),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return base::WallTime(std::chrono::sys_days(date)) + *time - *zone;
}

std::optional<base::WallTime> date_in_greeting(const CheckConversation& held) {
  if (held.exchanges.empty() || !held.exchanges.front().reply) return std::nullopt;
  if (!held.exchanges.front().sent.empty()) return std::nullopt;
  return find_date(held.exchanges.front().reply->summary());
}

}  // namespace

std::optional<base::WallTime> find_date(std::string_view text) {
  constexpr std::size_t kParts = 5;
  const std::vector<std::string_view> words = words_of(text);
  for (std::size_t i = 0; i + kParts <= words.size(); ++i) {
    if (const auto date = read_date(&words[i])) return date;
  }
  return std::nullopt;
}

ClockEvidence judge_clock(const CheckFindings& findings) {
  ClockEvidence evidence;
  auto theirs = date_in_greeting(findings.conversation);
  // With implicit TLS the greeting is behind the certificate.
  if (!theirs && findings.second_look) theirs = date_in_greeting(*findings.second_look);
  if (theirs) {
    const auto apart = findings.now > *theirs ? findings.now - *theirs : *theirs - findings.now;
    evidence.kind =
        apart > kClockTolerance ? ClockEvidence::Kind::differs : ClockEvidence::Kind::confirmed;
    evidence.theirs = *theirs;
  }
  if (findings.now < kFirstVersion) evidence.kind = ClockEvidence::Kind::too_early;
  return evidence;
}

}  // namespace app
