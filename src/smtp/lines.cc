#include "smtp/lines.h"

namespace smtp {

std::optional<Line> LineReader::next_line() {
  if (given_ > 0) {
    buffer_.consume(given_);
    given_ = 0;
  }
  const std::string_view bytes = buffer_.view();
  const std::size_t lf = bytes.find('\n', searched_);
  if (lf == std::string_view::npos) {
    if (skipped_ > 0 || bytes.size() > max_line_) {
      // Nothing of it is kept; its end is still to come.
      skipped_ += bytes.size();
      buffer_.clear();
    }
    searched_ = buffer_.size();
    return std::nullopt;
  }
  searched_ = 0;
  given_ = lf + 1;
  Line line;
  if (skipped_ > 0 || lf + 1 > max_line_) {
    skipped_ = 0;
    line.is_too_long = true;
    return line;
  }
  line.ends_in_bare_lf = lf == 0 || bytes[lf - 1] != '\r';
  line.text = bytes.substr(0, line.ends_in_bare_lf ? lf : lf - 1);
  line.has_bare_cr = line.text.find('\r') != std::string_view::npos;
  line.has_nul = line.text.find('\0') != std::string_view::npos;
  return line;
}

void LineReader::consume_rest(std::size_t count) {
  buffer_.consume(given_ + count);
  given_ = 0;
  searched_ = 0;
}

void LineReader::clear() {
  buffer_.clear();
  given_ = 0;
  searched_ = 0;
  skipped_ = 0;
}

}  // namespace smtp
