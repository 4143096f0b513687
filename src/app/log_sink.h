// Where log lines go and how they look: text for people, JSON for machines, over spdlog.
#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "config/config.h"

namespace app {

enum class LogStyle {
  text,      // "2026-11-24T14:13:38.123Z info  00a3f1 transaction from=<a@b> ..."
  journald,  // "<6>00a3f1 transaction ...": systemd adds the time and reads the priority
  json,      // one object a line: time, level, id, event, and a member per field
};

// One line, without its end. Values with spaces, quotes or control characters are quoted.
[[nodiscard]] std::string format_log_line(LogStyle style, const std::string& time,
                                          base::LogLevel level, std::string_view id,
                                          std::string_view event, base::LogFields fields);

// May be written to from any thread; a line is written in one piece.
class Log : public base::LogSink {
 public:
  // Lines above this level are not written.
  virtual void set_level(base::LogLevel level) = 0;
};

// Fault::storage when the file cannot be opened.
[[nodiscard]] base::Result<std::unique_ptr<Log>> make_log(const config::General& general);

}  // namespace app
