// smtp/reply: replies come out the same however they are cut, as a plainer reading has them, within
// their bounds; written again they are fit for a client and read back as what they were.
//
// The input: an octet of options, then what a smarthost sends.
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/text.h"
#include "fuzz/cuts.h"
#include "fuzz/target.h"
#include "smtp/reply.h"

namespace {

struct Heard {
  std::vector<smtp::Reply> replies;
  bool is_malformed = false;
  friend bool operator==(const Heard&, const Heard&) = default;
};

struct Manner {
  bool allows_bare_lf = false;
  bool allows_long_line = false;
};

Heard hear(std::string_view bytes, std::size_t step, const Manner& manner) {
  smtp::ReplyParser parser;
  parser.allow_bare_lf(manner.allows_bare_lf);
  parser.allow_long_line(manner.allows_long_line);
  Heard heard;
  fuzz::cut(bytes, step, [&](std::string_view piece) {
    parser.receive(piece);
    for (;;) {
      auto next = parser.next();
      if (std::holds_alternative<smtp::NeedMore>(next)) break;
      if (auto* reply = std::get_if<smtp::Reply>(&next)) {
        FUZZ_EXPECT(!heard.is_malformed);
        heard.replies.push_back(std::move(*reply));
      } else {
        FUZZ_EXPECT(!heard.is_malformed);
        heard.is_malformed = true;
      }
    }
  });
  return heard;
}

// RFC 5321 4.2 by the letter, with the same bounds.
class Model {
 public:
  explicit Model(const Manner& manner) : manner_(manner) {}

  Heard read(std::string_view bytes) {
    while (!heard_.is_malformed) {
      const std::size_t lf = bytes.find('\n');
      const std::size_t limit = manner_.allows_long_line ? smtp::kMaxAuthLine : smtp::kMaxReplyLine;
      if (lf == std::string_view::npos) {
        if (bytes.size() > limit) heard_.is_malformed = true;
        break;
      }
      if (lf + 1 > limit || !take(bytes.substr(0, lf))) heard_.is_malformed = true;
      bytes.remove_prefix(lf + 1);
    }
    return heard_;
  }

 private:
  bool take(std::string_view line) {
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    } else if (!manner_.allows_bare_lf) {
      return false;
    }
    if (line.size() < 3 || line[0] < '2' || line[0] > '5' || line[1] < '0' || line[1] > '5' ||
        line[2] < '0' || line[2] > '9') {
      return false;
    }
    const char separator = line.size() > 3 ? line[3] : ' ';
    if (separator != ' ' && separator != '-') return false;
    const int code = std::stoi(std::string(line.substr(0, 3)));
    if (!open_.lines.empty() && open_.code != code) return false;
    size_ += line.size() + 2;
    if (open_.lines.size() == smtp::kMaxReplyLines || size_ > smtp::kMaxReplySize) return false;
    open_.code = code;
    std::string text(line.size() > 3 ? line.substr(4) : "");
    for (char& c : text) {
      if (c == '\0' || c == '\r') c = '?';
    }
    open_.lines.push_back(text);
    if (separator == '-') return true;
    heard_.replies.push_back(open_);
    open_ = {};
    size_ = 0;
    return true;
  }

  Manner manner_;
  Heard heard_;
  smtp::Reply open_;
  std::size_t size_ = 0;
};

void expect_fit_for_a_client(const smtp::Reply& reply) {
  const std::string wire = smtp::format(reply);
  std::size_t lines = 0;
  for (std::size_t at = 0; at < wire.size(); ++lines) {
    const std::size_t end = wire.find("\r\n", at);
    FUZZ_EXPECT(end != std::string::npos && end - at >= 3);
    const std::string_view line = std::string_view(wire).substr(at, end - at);
    FUZZ_EXPECT(line.substr(0, 3) == std::to_string(reply.code));
    for (const char c : line) {
      FUZZ_EXPECT(c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
    }
    FUZZ_EXPECT(base::is_utf8(line));
    at = end + 2;
  }
  FUZZ_EXPECT(lines == reply.lines.size());
  // Once cleaned, it is read as what it is and written as it was.
  const Heard again = hear(wire, 0, {false, true});
  FUZZ_EXPECT(!again.is_malformed && again.replies.size() == 1);
  FUZZ_EXPECT(smtp::format(again.replies[0]) == wire);
}

}  // namespace

FUZZ_TARGET(replies) {
  const Manner manner{input.flag(), input.flag()};
  const std::string_view bytes = input.rest();
  const Heard heard = hear(bytes, 0, manner);
  for (const std::size_t step : fuzz::kSteps) FUZZ_EXPECT(hear(bytes, step, manner) == heard);
  FUZZ_EXPECT(Model(manner).read(bytes) == heard);
  for (const smtp::Reply& reply : heard.replies) {
    expect_fit_for_a_client(reply);
    const std::string summary = reply.summary();
    FUZZ_EXPECT(summary == base::printable(summary));
    if (const auto enhanced = reply.enhanced()) {
      FUZZ_EXPECT(enhanced->status_class == static_cast<unsigned>(reply.code / 100));
    }
  }
}
