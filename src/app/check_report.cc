// The report as text: see check_report.h.
#include "app/check_report.h"

#include <algorithm>
#include <array>

namespace app {

namespace {

// Status, two spaces, label, two spaces.
constexpr std::size_t kLabelColumn = 6;
constexpr std::size_t kLabelWidth = 13;
constexpr std::size_t kDetailColumn = kLabelColumn + kLabelWidth + 2;
constexpr std::string_view kArrow = "-> ";

constexpr std::array<std::pair<std::string_view, std::string_view>, 22> kLabels = {{
    {"configuration", "configuration"},
    {"dns", "DNS"},
    {"connect", "connect"},
    {"greeting", "greeting"},
    {"ehlo", "EHLO"},
    {"starttls", "STARTTLS"},
    {"tls", "TLS"},
    {"certificate", "certificate"},
    {"pin", "pin"},
    {"trust", "trust"},
    {"name", "name"},
    {"ehlo-tls", "EHLO in TLS"},
    {"auth", "AUTH"},
    {"login", "login"},
    {"mail-from", "MAIL FROM"},
    {"rcpt-to", "RCPT TO"},
    {"rset", "RSET"},
    {"clock", "clock"},
    {"resumption", "resumption"},
    {"alternative", "also tried"},
    {"listener", "listener"},
    {"quit", "QUIT"},
}};

std::string_view label_of(std::string_view step) {
  for (const auto& [name, label] : kLabels) {
    if (name == step) return label;
  }
  return step;
}

// Columns that UTF-8 text takes, as far as counting characters goes.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string coloured(CheckStatus status, bool has_colour) {
  const std::string word(to_string(status));
  if (!has_colour) return word;
  std::string_view code = "2";  // faint
  if (status == CheckStatus::pass) code = "32";
  if (status == CheckStatus::warn) code = "33";
  if (status == CheckStatus::fail) code = "1;31";
  return "\x1b[" + std::string(code) + "m" + word + "\x1b[0m";
}

std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  const std::size_t taken = width_of(text);
  if (taken < width) out.append(width - taken, ' ');
  return out;
}

std::string first_line(CheckStatus status, std::string_view label, std::string_view detail,
                       bool has_colour) {
  return coloured(status, has_colour) + "  " + padded(label, kLabelWidth) + "  " +
         wrap_text(detail, kDetailColumn) + "\n";
}

std::string format_step(const CheckStep& step, bool has_advice, bool has_colour) {
  std::string detail = step.detail;
  if (!step.address.empty()) detail = step.address + ": " + detail;
  std::string out = first_line(step.status, label_of(step.step), detail, has_colour);
  const std::string margin(kDetailColumn, ' ');
  for (const std::string& line : step.more) {
    out.append(margin).append(wrap_text(line, kDetailColumn)).append("\n");
  }
  if (has_advice && !step.advice.empty()) {
    out.append(margin).append(kArrow);
    out.append(wrap_text(step.advice, kDetailColumn + kArrow.size())).append("\n");
  }
  return out;
}

bool is_unreached(const CheckStep& step) {
  return step.status == CheckStatus::skip && step.detail == kNotReached;
}

// Up to the next space; what stands in `back quotes` is to be copied, and stays in one piece.
std::string_view first_word(std::string_view text) {
  std::size_t end = text.find(' ');
  const std::size_t quote = text.find('`');
  if (quote < end) {
    const std::size_t closing = text.find('`', quote + 1);
    if (closing != std::string_view::npos) end = text.find(' ', closing);
  }
  return text.substr(0, end);
}

}  // namespace

std::string_view to_string(CheckStatus status) {
  switch (status) {
    case CheckStatus::pass: return "PASS";
    case CheckStatus::warn: return "WARN";
    case CheckStatus::fail: return "FAIL";
    case CheckStatus::skip: return "SKIP";
  }
  return "SKIP";
}

const CheckStep* CheckReport::first_failure() const {
  const auto found = std::find_if(steps.begin(), steps.end(), [](const CheckStep& step) {
    return step.status == CheckStatus::fail;
  });
  return found == steps.end() ? nullptr : &*found;
}

const CheckStep* CheckReport::path_failure() const {
  const auto found = std::find_if(steps.begin(), steps.end(), [](const CheckStep& step) {
    constexpr std::array<std::string_view, 5> kBeyond = {"login", "mail-from", "rcpt-to", "rset",
                                                         "listener"};
    return step.status == CheckStatus::fail &&
           std::find(kBeyond.begin(), kBeyond.end(), step.step) == kBeyond.end();
  });
  return found == steps.end() ? nullptr : &*found;
}

ExitStatus CheckReport::exit_status() const {
  const CheckStep* failure = first_failure();
  if (failure == nullptr) return ExitStatus::ok;
  // A password that is wrong is a permission that is refused, not a service that is not there.
  const bool is_login_refused =
      failure->step == "login" && failure->fault == base::Fault::peer_refused;
  if (is_login_refused) return ExitStatus::refused;
  return exit_status_of(failure->fault.value_or(base::Fault::local));
}

std::string wrap_text(std::string_view text, std::size_t indent, std::size_t columns) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
    text.remove_prefix(begin);
    const std::string_view word = first_word(text);
    if (word.empty()) break;
    text.remove_prefix(word.size());
    const bool is_first = column == indent;
    if (!is_first && column + 1 + width_of(word) > columns) {
      out.append("\n").append(indent, ' ');
      column = indent;
    } else if (!is_first) {
      out.push_back(' ');
      ++column;
    }
    out.append(word);
    column += width_of(word);
  }
  return out;
}

std::string format_steps(std::span<const CheckStep> steps, bool has_colour) {
  std::string out;
  std::string unreached;
  std::string_view latest_advice;
  for (const CheckStep& step : steps) {
    if (!is_unreached(step)) {
      // Once is enough for a row of addresses that fail alike.
      out.append(format_step(step, step.advice != latest_advice, has_colour));
      latest_advice = step.advice;
      continue;
    }
    unreached.append(unreached.empty() ? "" : ", ").append(label_of(step.step));
  }
  if (!unreached.empty()) {
    out.append(first_line(CheckStatus::skip, "the rest",
                          std::string(kNotReached) + ": " + unreached, has_colour));
  }
  return out;
}

std::string format_conclusion(const CheckReport& report, bool has_colour) {
  const CheckStatus status = report.is_ok() ? CheckStatus::pass : CheckStatus::fail;
  std::string word(report.is_ok() ? "OK" : "FAILED");
  std::string out = "\n";
  const std::size_t indent = word.size() + 2;
  if (has_colour) {
    word = (status == CheckStatus::pass ? "\x1b[1;32m" : "\x1b[1;31m") + word + "\x1b[0m";
  }
  out.append(word).append("  ").append(wrap_text(report.summary, indent)).append("\n");
  if (report.configuration.empty()) return out;
  out.append("\n").append(report.configuration_title).append("\n\n");
  for (const std::string& line : report.configuration) {
    out.append("  ").append(line).append("\n");
  }
  return out;
}

}  // namespace app
