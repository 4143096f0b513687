// How the demo looks: text and colour for conversations side by side, in any width.
//
// Pure: strings in, strings out, each ending in a line end. Peer text is made printable here, so it
// may be passed as it came.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "app/demo_exchange.h"

namespace app {

// What the screen can show.
struct Look {
  static constexpr std::size_t kLeastColumns = 40;
  static constexpr std::size_t kMostColumns = 120;  // wider ones are hard to read

  std::size_t columns = 80;
  bool has_colour = false;
  bool has_utf8 = false;
};

enum class Style { plain, strong, faint, good, question, transient, bad, sealed };

// Columns that UTF-8 text takes: combining characters none, East Asian wide ones two.
[[nodiscard]] std::size_t display_width(std::string_view text);

class DemoScreen {
 public:
  explicit DemoScreen(Look look);

  [[nodiscard]] std::size_t columns() const { return look_.columns; }

  // A headline over the whole width.
  [[nodiscard]] std::string headline(std::string_view text) const;
  // Wrapped text. `mark` stands before its first line, the others are indented by its width.
  [[nodiscard]] std::string paragraph(std::string_view text, Style style = Style::plain,
                                      std::string_view mark = "") const;
  // A command to copy: never cut nor wrapped, and so the only line that may be too wide.
  [[nodiscard]] std::string command(std::string_view text) const;
  // What the bars between the columns mean.
  [[nodiscard]] std::string legend() const;

  // Two conversations: what was said later never stands above what was said before, but for mail
  // data, which streams through both at once. `right` may be empty.
  [[nodiscard]] std::string side_by_side(std::string_view left_title, const Exchange& left,
                                         std::string_view right_title, const Exchange& right) const;
  // One conversation.
  [[nodiscard]] std::string one_column(const Exchange& exchange) const;

  // Text of a peer for this screen: printable, and in ASCII where it must be.
  [[nodiscard]] std::string showable(std::string_view text) const;

 private:
  // What stands in one row of one column.
  struct Cell {
    std::string text;
    Style style = Style::plain;
  };
  using Column = std::vector<Cell>;
  // Both columns while they are laid out: left, right.
  struct Table;

  [[nodiscard]] Column cells_of(const SpokenLine& line, std::size_t width) const;
  [[nodiscard]] std::vector<std::string> wrap(std::string_view text, std::size_t width,
                                              std::size_t hang, std::size_t most_rows) const;
  [[nodiscard]] std::string cut(std::string_view text, std::size_t width) const;
  [[nodiscard]] std::string paint(std::string_view text, Style style) const;
  [[nodiscard]] std::string_view bar(bool is_sealed) const;
  [[nodiscard]] std::string rule(std::size_t width) const;
  [[nodiscard]] std::string titles(std::string_view left, std::string_view right) const;
  [[nodiscard]] std::string row(const Cell& left, std::size_t left_width, const Cell& right,
                                bool is_sealed) const;

  Look look_;
};

}  // namespace app
