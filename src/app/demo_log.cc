// See demo_log.h.
#include "app/demo_log.h"

#include <algorithm>

#include "app/log_sink.h"

namespace app {

namespace {

constexpr std::size_t kMaxTransactions = 32;
constexpr std::size_t kMaxTroubles = 8;

std::string field(base::LogFields fields, std::string_view key) {
  for (const base::LogField& one : fields) {
    if (one.key == key) return one.value;
  }
  return {};
}

}  // namespace

bool DemoLog::is_enabled(base::LogLevel level) const { return level != base::LogLevel::debug; }

void DemoLog::write(base::LogLevel level, std::string_view id, std::string_view event,
                    base::LogFields fields) {
  if (event == "smarthost-open") {
    opened_ = Opened{field(fields, "verify"), field(fields, "name")};
  } else if (event == "transaction") {
    transactions_.push_back({field(fields, "reply"), field(fields, "tls")});
    if (transactions_.size() > kMaxTransactions) transactions_.pop_front();
  }
  if (level == base::LogLevel::warn || level == base::LogLevel::error) {
    troubles_.push_back(format_log_line(LogStyle::text, "smtpseal", level, id, event, fields));
    if (troubles_.size() > kMaxTroubles) troubles_.pop_front();
  }
}

const DemoLog::Transaction* DemoLog::find_transaction(std::string_view reply) const {
  const auto found = std::find_if(transactions_.rbegin(), transactions_.rend(),
                                  [&](const Transaction& one) { return one.reply == reply; });
  return found == transactions_.rend() ? nullptr : &*found;
}

}  // namespace app
