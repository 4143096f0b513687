// What the program tells its operator: one line a fact, `<id> <event> key=value ...`.
//
// Here are only the vocabulary and the interface of a sink; where lines go and how they look is
// the app's business. Never pass a password, a token or mail data. Values are made printable by
// the sink, so peer text may be passed as it came.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace base {

enum class LogLevel { error, warn, info, debug };

[[nodiscard]] constexpr std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::error: return "error";
    case LogLevel::warn: return "warn";
    case LogLevel::info: return "info";
    case LogLevel::debug: return "debug";
  }
  return "info";
}

struct LogField {
  std::string_view key;  // empty: there is nothing to say here, and the field is left out
  std::string value;
  // So that JSON can write it without quotes.
  bool is_number = false;
  bool is_boolean = false;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, bool v) : key(k), value(v ? "yes" : "no"), is_boolean(true) {}
  template <typename Number>
  requires std::is_integral_v<Number> LogField(std::string_view k, Number v)
      : key(k), value(std::to_string(v)), is_number(true) {}

  // One that is not written where there is nothing to say.
  [[nodiscard]] static LogField if_any(std::string_view k, std::string v) {
    const std::string_view written = v.empty() ? std::string_view() : k;
    return LogField(written, std::move(v));
  }
};

using LogFields = std::initializer_list<LogField>;

// Where lines go. `id` is the session or connection ("-" for the process as a whole).
class LogSink {
 public:
  virtual ~LogSink() = default;
  [[nodiscard]] virtual bool is_enabled(LogLevel level) const = 0;
  virtual void write(LogLevel level, std::string_view id, std::string_view event,
                     LogFields fields) = 0;

  // From now on lines of this thread wait for flush(), so that those of one turn are one write, and
  // no client waits for its reply longer because of them. gather(false) is the end of that.
  virtual void gather(bool) {}
  virtual void flush() {}

  void error(std::string_view id, std::string_view event, LogFields fields = {}) {
    log(LogLevel::error, id, event, fields);
  }
  void warn(std::string_view id, std::string_view event, LogFields fields = {}) {
    log(LogLevel::warn, id, event, fields);
  }
  void info(std::string_view id, std::string_view event, LogFields fields = {}) {
    log(LogLevel::info, id, event, fields);
  }
  void debug(std::string_view id, std::string_view event, LogFields fields = {}) {
    log(LogLevel::debug, id, event, fields);
  }

 private:
  void log(LogLevel level, std::string_view id, std::string_view event, LogFields fields) {
    if (is_enabled(level)) write(level, id, event, fields);
  }
};

// A sink that keeps nothing.
class NullLog final : public LogSink {
 public:
  [[nodiscard]] bool is_enabled(LogLevel) const override { return false; }
  void write(LogLevel, std::string_view, std::string_view, LogFields) override {}
};

}  // namespace base
