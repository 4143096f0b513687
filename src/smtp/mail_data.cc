#include "smtp/mail_data.h"

#include <algorithm>
#include <bit>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/text.h"

namespace smtp {

namespace {

bool is_special(char c) { return c == '\r' || c == '\n' || c == '\0'; }

#ifdef __SSE2__
// Octets looked at in one go, and which of them are special: a bit each, the first one lowest.
constexpr std::size_t kBlock = 16;

unsigned specials_of(const char* block) {
  const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block));
  const __m128i line_ends = _mm_or_si128(_mm_cmpeq_epi8(octets, _mm_set1_epi8('\r')),
                                         _mm_cmpeq_epi8(octets, _mm_set1_epi8('\n')));
  const __m128i nuls = _mm_cmpeq_epi8(octets, _mm_setzero_si128());
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(line_ends, nuls)));
}
#endif

// Where the first special octet from `at` on stands; bytes.size() when there is none.
std::size_t find_special(std::string_view bytes, std::size_t at) {
#ifdef __SSE2__
  for (; bytes.size() - at >= kBlock; at += kBlock) {
    const unsigned specials = specials_of(bytes.data() + at);
    if (specials != 0) return at + static_cast<std::size_t>(std::countr_zero(specials));
  }
#endif
  while (at < bytes.size() && !is_special(bytes[at])) ++at;
  return at;
}

// Whether a line ends at `at` with CRLF and the next begins with an octet that means nothing there:
// then what comes in is what goes out.
bool is_plain_line_end(std::string_view bytes, std::size_t at) {
  if (bytes.size() - at < 3 || bytes[at] != '\r' || bytes[at + 1] != '\n') return false;
  return bytes[at + 2] != '.' && !is_special(bytes[at + 2]);
}

}  // namespace

std::size_t MailDataDecoder::receive(std::string_view bytes, std::string& out) {
  const std::size_t before = out.size();
  std::size_t taken = 0;
  while (taken < bytes.size() && state_ != State::ended) {
    const char c = bytes[taken];
    if (c == '\0') {
      take_nul(out);
      ++taken;
      continue;
    }
    switch (state_) {
      case State::line_start:
        if (c == '.') {
          state_ = State::dot;
          ++taken;
        } else {
          state_ = State::text;
        }
        break;
      case State::bare_start:
        is_lone_dot_ = c == '.';
        if (is_lone_dot_) {
          out.push_back(c);
          ++taken;
        }
        state_ = State::text;
        break;
      case State::dot:
        ++taken;
        if (c == '\r') {
          state_ = State::dot_cr;
        } else if (c == '\n') {
          // CRLF "." LF: a line of one dot that some would take for the end.
          out.push_back('.');
          has_false_end_ = true;
          end_line(out, true);
        } else {
          // The first dot was stuffing (4.5.2), whatever stands behind it.
          out.push_back(c);
          state_ = State::text;
        }
        break;
      case State::dot_cr:
        if (c == '\n') {
          ++taken;
          state_ = State::ended;
        } else {
          out.push_back('.');
          has_false_end_ = true;
          end_line(out, true);
        }
        break;
      case State::text:
        if (is_lone_dot_ && c == '.') {
          ++taken;  // a doubled dot behind a bare line end: stuffing (see mail_data.h)
          is_lone_dot_ = false;
        } else {
          taken += receive_text(bytes.substr(taken), out);
        }
        break;
      case State::cr:
        if (c == '\n') {
          ++taken;
          end_line(out, false);
        } else {
          end_line(out, true);
        }
        break;
      case State::ended: break;
    }
  }
  size_ += out.size() - before;
  return taken;
}

// Left out of what is given on, but never as if it had not been there: CR NUL LF is no line end and
// NUL "." no dot at the start of a line.
void MailDataDecoder::take_nul(std::string& out) {
  has_nul_ = true;
  if (state_ == State::dot_cr) out.push_back('.');
  if (state_ == State::dot_cr || state_ == State::cr) end_line(out, true);
  is_lone_dot_ = false;
  state_ = State::text;
}

// Runs of ordinary octets and plain line ends, up to and including the octet that ends such a run
// or the input.
std::size_t MailDataDecoder::receive_text(std::string_view bytes, std::string& out) {
  std::size_t length = find_special(bytes, 0);
  if (length > 0) is_lone_dot_ = false;
  while (!is_lone_dot_ && length < bytes.size() && is_plain_line_end(bytes, length)) {
    length = find_special(bytes, length + 3);
  }
  out.append(bytes.substr(0, length));
  if (length == bytes.size()) return length;
  const char c = bytes[length];
  if (c == '\0') return length;
  if (c == '\r') {
    state_ = State::cr;
  } else {
    end_line(out, true);
  }
  return length + 1;
}

void MailDataDecoder::end_line(std::string& out, bool is_bare) {
  out.append("\r\n");
  if (is_bare) has_bare_line_ends_ = true;
  if (is_lone_dot_) has_false_end_ = true;
  is_lone_dot_ = false;
  state_ = is_bare ? State::bare_start : State::line_start;
}

void ChunkDecoder::receive(std::string_view bytes, std::string& out) {
  if (is_binary_) {
    out.append(bytes);
    return;
  }
  while (!bytes.empty()) {
    if (std::exchange(is_after_cr_, false)) {
      const bool is_whole = bytes.front() == '\n';
      end_line(out, !is_whole);
      if (is_whole) bytes.remove_prefix(1);
      continue;
    }
    const std::size_t length = find_special(bytes, 0);
    out.append(bytes.substr(0, length));
    bytes.remove_prefix(length);
    if (bytes.empty()) return;
    switch (bytes.front()) {
      case '\r': is_after_cr_ = true; break;
      case '\n': end_line(out, true); break;
      default: has_nul_ = true; break;
    }
    bytes.remove_prefix(1);
  }
}

void ChunkDecoder::end(std::string& out) {
  if (std::exchange(is_after_cr_, false)) end_line(out, true);
}

void ChunkDecoder::end_line(std::string& out, bool is_bare) {
  out.append("\r\n");
  if (is_bare) has_bare_line_ends_ = true;
}

void MailDataEncoder::send(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    if (is_line_start_ && bytes.front() == '.') out.push_back('.');
    const std::size_t lf = bytes.find('\n');
    const std::size_t length = lf == std::string_view::npos ? bytes.size() : lf + 1;
    out.append(bytes.substr(0, length));
    is_line_start_ = lf != std::string_view::npos;
    bytes.remove_prefix(length);
  }
}

void MailDataEncoder::end(std::string& out) { out.append(is_line_start_ ? ".\r\n" : "\r\n.\r\n"); }

void HeaderScanner::receive(std::string_view bytes) {
  for (const char c : bytes) {
    if (is_over_) return;
    if (c == '\r') continue;
    if (c == '\n') {
      if (is_line_empty_) {
        end_field();
        is_over_ = true;
        return;
      }
      is_line_start_ = true;
      is_line_empty_ = true;
      continue;
    }
    if (is_line_start_ && c != ' ' && c != '\t') end_field();
    is_line_start_ = false;
    is_line_empty_ = false;
    if (field_.size() < kMaxScannedField) field_.push_back(c);
  }
}

void HeaderScanner::end_field() {
  const std::size_t colon = field_.find(':');
  const std::string_view name =
      base::trimmed(std::string_view(field_).substr(0, std::min(colon, field_.size())));
  if (colon != std::string::npos && base::iequals(name, "Received")) {
    ++hops_;
    if (field_.find(own_mark_) != std::string::npos) ++own_hops_;
  }
  field_.clear();
}

}  // namespace smtp
