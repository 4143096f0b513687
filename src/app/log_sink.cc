// See log_sink.h.
#include "app/log_sink.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

#include "app/format.h"
#include "base/text.h"
#include "platform/platform.h"

namespace app {

namespace {

// sd-daemon(3): syslog levels as a prefix.
std::string_view priority_of(base::LogLevel level) {
  switch (level) {
    case base::LogLevel::error: return "<3>";
    case base::LogLevel::warn: return "<4>";
    case base::LogLevel::info: return "<6>";
    case base::LogLevel::debug: return "<7>";
  }
  return "<6>";
}

bool needs_quotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \"=") != std::string_view::npos;
}

void append_value(std::string& line, std::string_view raw) {
  const std::string value = base::printable(raw);
  if (!needs_quotes(value)) {
    line.append(value);
    return;
  }
  line.push_back('"');
  for (const char c : value) {
    if (c == '"' || c == '\\') line.push_back('\\');
    line.push_back(c);
  }
  line.push_back('"');
}

std::string format_json(const std::string& time, base::LogLevel level, std::string_view id,
                        std::string_view event, base::LogFields fields) {
  nlohmann::ordered_json line;
  line["time"] = time;
  line["level"] = base::to_string(level);
  line["id"] = id;
  line["event"] = event;
  for (const base::LogField& field : fields) {
    if (field.key.empty()) continue;
    std::string key(field.key);
    std::replace(key.begin(), key.end(), '-', '_');
    if (field.is_number) {
      line[key] = std::strtoll(field.value.c_str(), nullptr, 10);
    } else if (field.is_boolean) {
      line[key] = field.value == "yes";
    } else {
      line[key] = base::printable(field.value);
    }
  }
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Lines come here as they are to be written. spdlog's own sinks would bring its formatter of
// patterns along, and that fmt's of numbers and the mathematics library.
class StreamSink final : public spdlog::sinks::sink {
 public:
  struct Close {
    void operator()(std::FILE* stream) const {
      if (stream != stderr) static_cast<void>(std::fclose(stream));
    }
  };
  using Stream = std::unique_ptr<std::FILE, Close>;

  explicit StreamSink(Stream stream) : stream_(std::move(stream)) {}

  // Nobody can be told when writing fails.
  void log(const spdlog::details::log_msg& message) override {
    std::string line(message.payload.data(), message.payload.size());
    line.push_back('\n');
    static_cast<void>(std::fwrite(line.data(), 1, line.size(), stream_.get()));
  }
  void flush() override { static_cast<void>(std::fflush(stream_.get())); }
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  Stream stream_;  // stdio locks it: threads share it
};

class SpdLog final : public Log {
 public:
  SpdLog(std::shared_ptr<spdlog::logger> logger, LogStyle style, base::LogLevel level)
      : logger_(std::move(logger)), style_(style), level_(level) {
    logger_->set_level(spdlog::level::trace);
    logger_->flush_on(spdlog::level::trace);
  }

  [[nodiscard]] bool is_enabled(base::LogLevel level) const override {
    return level <= level_.load(std::memory_order_relaxed);
  }

  void write(base::LogLevel level, std::string_view id, std::string_view event,
             base::LogFields fields) override {
    const std::string time = style_ == LogStyle::journald
                                 ? std::string()
                                 : format_timestamp(std::chrono::system_clock::now());
    const std::string line = format_log_line(style_, time, level, id, event, fields);
    // What is wrong is said at once, behind what came before it: that a mail is in doubt must be
    // known even if this process dies in the next moment.
    if (!gathered().is_on || level <= base::LogLevel::warn) {
      flush();
      logger_->log(spdlog::level::info, line);
      return;
    }
    if (!gathered().lines.empty()) gathered().lines.push_back('\n');
    gathered().lines.append(line);
    if (gathered().lines.size() > kMostGathered) flush();
  }

  void gather(bool is_gathering) override {
    flush();
    gathered().is_on = is_gathering;
  }

  void flush() override {
    std::string& lines = gathered().lines;
    if (lines.empty()) return;
    logger_->log(spdlog::level::info, lines);
    lines.clear();
  }

  void set_level(base::LogLevel level) override { level_.store(level, std::memory_order_relaxed); }

 private:
  // A turn with thousands of clients is to keep no more lines than this.
  static constexpr std::size_t kMostGathered = 65536;

  // Of each thread its own: threads share the sink, and no lock but its.
  struct Gathered {
    bool is_on = false;
    std::string lines;
  };
  [[nodiscard]] static Gathered& gathered() {
    thread_local Gathered of_this_thread;
    return of_this_thread;
  }

  std::shared_ptr<spdlog::logger> logger_;
  LogStyle style_;
  std::atomic<base::LogLevel> level_;
};

LogStyle style_of(const config::General& general) {
  if (general.log_format == config::LogFormat::json) return LogStyle::json;
  const bool is_journal =
      general.log_target == config::LogTargetKind::stderr_stream && platform::is_stderr_journal();
  return is_journal ? LogStyle::journald : LogStyle::text;
}

}  // namespace

std::string format_log_line(LogStyle style, const std::string& time, base::LogLevel level,
                            std::string_view id, std::string_view event, base::LogFields fields) {
  if (style == LogStyle::json) return format_json(time, level, id, event, fields);
  std::string line;
  if (style == LogStyle::journald) {
    line.append(priority_of(level));
  } else {
    std::string name(base::to_string(level));
    name.resize(5, ' ');
    line.append(time).append(" ").append(name).append(" ");
  }
  line.append(id).append(" ").append(event);
  for (const base::LogField& field : fields) {
    if (field.key.empty()) continue;
    line.append(" ").append(field.key).append("=");
    append_value(line, field.value);
  }
  return line;
}

base::Result<std::unique_ptr<Log>> make_log(const config::General& general) {
  const bool is_file = general.log_target == config::LogTargetKind::file;
  StreamSink::Stream stream(is_file ? std::fopen(general.log_file.c_str(), "ab") : stderr);
  if (!stream) {
    return base::Error{base::Fault::storage, "cannot open the log file " + general.log_file + ": " +
                                                 std::generic_category().message(errno)};
  }
  auto logger =
      std::make_shared<spdlog::logger>("smtpseal", std::make_shared<StreamSink>(std::move(stream)));
  return std::unique_ptr<Log>(
      std::make_unique<SpdLog>(std::move(logger), style_of(general), general.log_level));
}

}  // namespace app
