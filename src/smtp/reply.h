// Replies (RFC 5321 4.2): what a server answers a command with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "smtp/limits.h"
#include "smtp/lines.h"

namespace smtp {

// class.subject.detail of RFC 3463, as it stands at the start of a reply's text (RFC 2034).
struct EnhancedStatusCode {
  unsigned status_class = 0;  // 2, 4 or 5
  unsigned subject = 0;
  unsigned detail = 0;

  friend bool operator==(const EnhancedStatusCode&, const EnhancedStatusCode&) = default;
};

struct Reply {
  int code = 0;                    // 200 to 599
  std::vector<std::string> lines;  // the text of each line, without code and CRLF; never empty

  // A one-line reply; `enhanced` ("4.4.1") may be empty (greeting, EHLO, 354).
  [[nodiscard]] static Reply make(int code, std::string_view enhanced, std::string_view text);

  [[nodiscard]] bool is_positive() const { return code >= 200 && code < 300; }
  [[nodiscard]] bool is_intermediate() const { return code >= 300 && code < 400; }
  [[nodiscard]] bool is_transient() const { return code >= 400 && code < 500; }
  [[nodiscard]] bool is_permanent() const { return code >= 500; }

  // The enhanced code of the last line, if it has one whose class agrees with the reply's code.
  [[nodiscard]] std::optional<EnhancedStatusCode> enhanced() const;
  // Code and all text on one line, printable, for logs: `550 5.1.1 no such user`.
  [[nodiscard]] std::string summary() const;

  friend bool operator==(const Reply&, const Reply&) = default;
};

// On the wire: every line ended by CRLF, "-" after the code of all but the last. Octets no reply
// may hold (controls but TAB) go out as '?', so no reply can be split in two.
void append_reply(std::string& out, const Reply& reply);
[[nodiscard]] std::string format(const Reply& reply);

struct NeedMore {
  friend bool operator==(const NeedMore&, const NeedMore&) = default;
};
struct MalformedReply {
  std::string why;
};

// Replies out of a stream of bytes, strictly: three digits from 200 to 599 whose second is at most
// 5, then SP, "-" or the end of the line; all codes of one reply equal (4.2.1); bounded by
// kMaxReplyLine, kMaxReplyLines and kMaxReplySize. After MalformedReply nothing more comes out.
class ReplyParser {
 public:
  ReplyParser() : lines_(kMaxReplyLine) {}

  void receive(std::string_view bytes) { lines_.receive(bytes); }
  [[nodiscard]] std::variant<NeedMore, Reply, MalformedReply> next();

  // Whether a line ended by LF alone is accepted (decision: not before TLS, yes after it).
  void allow_bare_lf(bool is_allowed) { is_bare_lf_allowed_ = is_allowed; }
  // A challenge to AUTH may be longer than other replies (RFC 4954 4).
  void allow_long_line(bool is_allowed) {
    lines_.set_max_line(is_allowed ? kMaxAuthLine : kMaxReplyLine);
  }
  // No byte is held, neither of a line nor of a reply whose last line is missing.
  [[nodiscard]] bool is_empty() const { return lines_.is_empty() && partial_.lines.empty(); }
  void clear();

 private:
  [[nodiscard]] std::optional<MalformedReply> take(const Line& line, bool& is_last);
  [[nodiscard]] MalformedReply fail(std::string why);

  LineReader lines_;
  Reply partial_;
  std::size_t partial_size_ = 0;
  bool is_bare_lf_allowed_ = true;
  bool has_failed_ = false;
};

}  // namespace smtp
