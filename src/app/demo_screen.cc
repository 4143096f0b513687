// See demo_screen.h.
#include "app/demo_screen.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <utility>

#include "base/text.h"

namespace app {

namespace {

constexpr std::size_t kMostReplyRows = 5;  // of one command or reply
constexpr std::size_t kMostDataRows = 2;   // of one line of mail data
constexpr std::size_t kGutter = 3;         // between the columns: a space, a bar, a space
constexpr std::size_t kMark = 2;           // "> " before a command
constexpr std::size_t kWidestText = 4096;  // peer text beyond is not looked at

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 1;
};

// The first code point of valid UTF-8.
CodePoint first_of(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t lead = at(0);
  if (lead < 0xc0) return {lead, 1};
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() < length) return {lead, 1};
  std::uint32_t value = lead & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) value = value << 6 | (at(i) & 0x3fU);
  return {value, length};
}

struct Range {
  std::uint32_t first, last;
};

template <std::size_t N>
bool is_in(std::uint32_t value, const std::array<Range, N>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return value >= range.first && value <= range.last;
  });
}

// Unicode's wide and zero-width characters, as coarsely as terminals agree on them.
constexpr std::array<Range, 11> kWide = {{{0x1100, 0x115f},
                                          {0x2e80, 0x303e},
                                          {0x3041, 0xa4cf},
                                          {0xac00, 0xd7a3},
                                          {0xf900, 0xfaff},
                                          {0xfe30, 0xfe6f},
                                          {0xff00, 0xff60},
                                          {0xffe0, 0xffe6},
                                          {0x1f300, 0x1f64f},
                                          {0x1f680, 0x1faff},
                                          {0x20000, 0x3fffd}}};
constexpr std::array<Range, 6> kZero = {{{0x0300, 0x036f},
                                         {0x0483, 0x0489},
                                         {0x1ab0, 0x1aff},
                                         {0x200b, 0x200d},
                                         {0x20d0, 0x20ff},
                                         {0xfe00, 0xfe0f}}};
// They turn the direction of a line around: a peer's text could rearrange ours.
constexpr std::array<Range, 4> kBidi = {
    {{0x061c, 0x061c}, {0x200e, 0x200f}, {0x202a, 0x202e}, {0x2066, 0x2069}}};

std::size_t width_of(std::uint32_t value) {
  if (is_in(value, kZero)) return 0;
  return is_in(value, kWide) ? 2 : 1;
}

// How many octets of `text` fit into `width` columns.
std::size_t fitting(std::string_view text, std::size_t width) {
  std::size_t used = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const CodePoint point = first_of(text.substr(at));
    used += width_of(point.value);
    if (used > width) break;
    at += point.length;
  }
  return at;
}

std::string_view without_spaces_before(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text;
}

std::string_view sequence_of(Style style) {
  switch (style) {
    case Style::plain: return "";
    case Style::strong: return "\x1b[1m";
    case Style::faint: return "\x1b[2m";
    case Style::good: return "\x1b[32m";
    case Style::question: return "\x1b[36m";
    case Style::transient: return "\x1b[33m";
    case Style::bad: return "\x1b[31m";
    case Style::sealed: return "\x1b[1;32m";
  }
  return "";
}

Style style_of(const SpokenLine& line) {
  switch (line.speaker) {
    case Speaker::tls: return Style::sealed;
    case Speaker::note: return Style::faint;
    case Speaker::client: return line.is_mail_data ? Style::faint : Style::plain;
    case Speaker::server: break;
  }
  switch (line.text.empty() ? '5' : line.text.front()) {
    case '2': return Style::good;
    case '3': return Style::question;
    case '4': return Style::transient;
    default: return Style::bad;
  }
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const CodePoint point = first_of(text);
    width += width_of(point.value);
    text.remove_prefix(point.length);
  }
  return width;
}

DemoScreen::DemoScreen(Look look) : look_(look) {
  look_.columns = std::clamp(look_.columns, Look::kLeastColumns, Look::kMostColumns);
}

std::string DemoScreen::showable(std::string_view text) const {
  std::string clean;
  for (const char c : text.substr(0, kWidestText)) {
    if (c == '\t') {
      clean.append("  ");
    } else {
      clean.push_back(c);
    }
  }
  clean = base::printable(clean, kWidestText);
  std::string out;
  for (std::string_view rest = clean; !rest.empty();) {
    const CodePoint point = first_of(rest);
    const bool is_shown = point.value < 0x80 || (look_.has_utf8 && !is_in(point.value, kBidi));
    out.append(is_shown ? rest.substr(0, point.length) : std::string_view("?"));
    rest.remove_prefix(point.length);
  }
  return out;
}

std::string DemoScreen::cut(std::string_view text, std::size_t width) const {
  if (display_width(text) <= width) return std::string(text);
  const std::string_view dots = look_.has_utf8 ? "…" : "...";
  const std::size_t room = width > display_width(dots) ? width - display_width(dots) : 0;
  return std::string(text.substr(0, fitting(text, room))) + std::string(dots);
}

// Broken at spaces where there is one in the last two thirds of a row, else anywhere. Rows after
// the first begin with `hang` spaces; what does not fit into `most_rows` is cut.
std::vector<std::string> DemoScreen::wrap(std::string_view text, std::size_t width,
                                          std::size_t hang, std::size_t most_rows) const {
  std::vector<std::string> rows;
  while (true) {
    const std::string indent(rows.empty() ? 0 : hang, ' ');
    const std::size_t room = width - indent.size();
    if (display_width(text) <= room) {
      rows.push_back(indent + std::string(text));
      return rows;
    }
    if (rows.size() + 1 == most_rows) {
      rows.push_back(indent + cut(text, room));
      return rows;
    }
    // One character at least, however narrow the row.
    std::size_t count = std::max(fitting(text, room), first_of(text).length);
    const std::size_t space = text.substr(0, count + 1).rfind(' ');
    if (space != std::string_view::npos && space > 0 && space >= count / 3) count = space;
    rows.push_back(indent + std::string(text.substr(0, count)));
    text = without_spaces_before(text.substr(count));
  }
}

std::string DemoScreen::paint(std::string_view text, Style style) const {
  const std::string_view sequence = sequence_of(style);
  if (!look_.has_colour || sequence.empty() || text.empty()) return std::string(text);
  return std::string(sequence) + std::string(text) + "\x1b[0m";
}

std::string DemoScreen::headline(std::string_view text) const {
  const std::string shown = cut(showable(text), look_.columns - 1) + " ";
  return paint(shown, Style::strong) +
         paint(rule(look_.columns - display_width(shown)), Style::faint) + "\n";
}

std::string DemoScreen::paragraph(std::string_view text, Style style, std::string_view mark) const {
  std::string out;
  const std::size_t hang = display_width(mark);
  // No more rows than characters.
  const std::string shown = std::string(mark) + showable(text);
  for (const std::string& row : wrap(shown, look_.columns, hang, shown.size() + 1)) {
    out.append(paint(row, style)).append("\n");
  }
  return out;
}

std::string DemoScreen::command(std::string_view text) const {
  return paint("  " + showable(text), Style::strong) + "\n";
}

std::string DemoScreen::legend() const {
  return paragraph("On the right " + std::string(bar(false)) +
                   " stands before what anybody on the way can read, " + std::string(bar(true)) +
                   " before what is encrypted.");
}

std::string DemoScreen::rule(std::size_t width) const {
  std::string out;
  for (std::size_t i = 0; i < width; ++i) out.append(look_.has_utf8 ? "─" : "-");
  return out;
}

std::string_view DemoScreen::bar(bool is_sealed) const {
  if (is_sealed) return look_.has_utf8 ? "║" : "#";
  return look_.has_utf8 ? "│" : "|";
}

DemoScreen::Column DemoScreen::cells_of(const SpokenLine& line, std::size_t width) const {
  std::string text = showable(line.text);
  std::string_view mark = "";
  std::size_t hang = 2 * kMark;
  switch (line.speaker) {
    case Speaker::client: mark = line.is_mail_data ? "  " : "> "; break;
    case Speaker::server:
      mark = "< ";
      hang = kMark + 4;  // under the text, not under the code
      break;
    case Speaker::tls:
      mark = look_.has_utf8 ? "\U0001F512 " : "[TLS] ";
      hang = display_width(mark);
      break;
    case Speaker::note:
      mark = line.is_mail_data ? "  " : "";
      hang = kMark / 2;
      break;
  }
  if (text.empty()) mark = "";  // an empty line of mail data
  const std::size_t most = line.is_mail_data ? kMostDataRows : kMostReplyRows;
  Column cells;
  for (std::string& row : wrap(std::string(mark) + text, width, hang, most)) {
    cells.push_back({std::move(row), style_of(line)});
  }
  return cells;
}

std::string DemoScreen::row(const Cell& left, std::size_t left_width, const Cell& right,
                            bool is_sealed) const {
  std::string out = paint(left.text, left.style);
  out.append(left_width - display_width(left.text), ' ');
  out.append(" ").append(paint(bar(is_sealed), is_sealed ? Style::good : Style::faint));
  if (!right.text.empty()) out.append(" ").append(paint(right.text, right.style));
  return out + "\n";
}

std::string DemoScreen::titles(std::string_view left, std::string_view right) const {
  const std::size_t left_width = (look_.columns - kGutter) / 2;
  const std::size_t right_width = look_.columns - kGutter - left_width;
  const std::string cross = look_.has_utf8 ? "─┼─" : "-+-";
  return row({cut(left, left_width), Style::strong}, left_width,
             {cut(right, right_width), Style::strong}, false) +
         paint(rule(left_width) + cross + rule(right_width), Style::faint) + "\n";
}

struct DemoScreen::Table {
  std::array<Column, 2> columns;
  std::array<std::size_t, 2> last_said{};  // row of the last command or reply
  std::array<std::size_t, 2> last_data{};  // row of the last line of mail data
  std::array<bool, 2> had_data{};
  std::size_t sealed_from = static_cast<std::size_t>(-1);

  void add(std::size_t side, const SpokenLine& line, Column cells) {
    Column& column = columns[side];
    const std::size_t other = 1 - side;
    std::size_t row = column.size();
    if (!line.is_mail_data) {
      row = std::max(row, last_said[other]);
      if (had_data[side]) row = std::max(row, last_data[other] + (had_data[other] ? 1 : 0));
    }
    column.resize(row);
    if (side == 1 && line.is_encrypted) sealed_from = std::min(sealed_from, row);
    std::move(cells.begin(), cells.end(), std::back_inserter(column));
    (line.is_mail_data ? last_data : last_said)[side] = column.size() - 1;
    had_data[side] = had_data[side] || line.is_mail_data;
  }
};

std::string DemoScreen::side_by_side(std::string_view left_title, const Exchange& left,
                                     std::string_view right_title, const Exchange& right) const {
  const std::size_t left_width = (look_.columns - kGutter) / 2;
  const std::size_t right_width = look_.columns - kGutter - left_width;
  Table table;
  auto next_left = left.lines.begin();
  auto next_right = right.lines.begin();
  while (next_left != left.lines.end() || next_right != right.lines.end()) {
    const bool is_left = next_right == right.lines.end() ||
                         (next_left != left.lines.end() && next_left->order < next_right->order);
    const SpokenLine& line = is_left ? *next_left++ : *next_right++;
    table.add(is_left ? 0 : 1, line, cells_of(line, is_left ? left_width : right_width));
  }
  if (!right.lines.empty() && right.lines.front().is_encrypted) table.sealed_from = 0;

  auto& [left_column, right_column] = table.columns;
  const std::size_t rows = std::max(left_column.size(), right_column.size());
  left_column.resize(rows);
  right_column.resize(rows);
  std::string out = titles(left_title, right_title);
  for (std::size_t i = 0; i < rows; ++i) {
    out.append(row(left_column[i], left_width, right_column[i], i >= table.sealed_from));
  }
  return out;
}

std::string DemoScreen::one_column(const Exchange& exchange) const {
  std::string out;
  for (const SpokenLine& line : exchange.lines) {
    for (const Cell& cell : cells_of(line, look_.columns - kMark)) {
      if (!cell.text.empty()) out.append(kMark, ' ').append(paint(cell.text, cell.style));
      out.append("\n");
    }
  }
  return out;
}

}  // namespace app
