// Lines out of a stream of bytes (RFC 5321 2.3.8), for both roles.
//
// The one CRLF finder of the program. It never allocates beyond its limit, gives the same lines
// however the bytes are cut, and says of each line how it ended and whether it holds octets that
// no command or reply may hold.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace smtp {

struct Line {
  std::string_view text;  // without its ending; valid until the reader's next next_line,
                          // receive, consume_rest or clear
  bool ends_in_bare_lf = false;
  bool has_bare_cr = false;  // a CR that is not part of the CRLF ending
  bool has_nul = false;
  bool is_too_long = false;  // text is empty; the line was skipped up to its ending
};

class LineReader {
 public:
  // `max_line` counts the ending. A longer line is skipped and reported once, as too long.
  explicit LineReader(std::size_t max_line) : max_line_(max_line) {}

  void receive(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole line, or nothing until more bytes arrive. LF ends a line, with or without a CR
  // before it; what that means is the caller's policy.
  [[nodiscard]] std::optional<Line> next_line();

  // The AUTH exchange has another limit (RFC 4954 4).
  void set_max_line(std::size_t max_line) { max_line_ = max_line; }

  // Octets that were skipped of a line whose end has not come yet.
  [[nodiscard]] std::size_t skipped() const { return skipped_; }
  // Bytes received and not yet given out as lines.
  [[nodiscard]] std::string_view rest() const { return buffer_.view().substr(given_); }
  [[nodiscard]] bool is_empty() const { return rest().empty() && skipped_ == 0; }
  void consume_rest(std::size_t count);
  void clear();

 private:
  base::ByteQueue buffer_;
  std::size_t max_line_;
  std::size_t given_ = 0;     // front of the buffer: the line given out last, with its ending
  std::size_t searched_ = 0;  // prefix of the buffer known to hold no LF
  std::size_t skipped_ = 0;
};

}  // namespace smtp
