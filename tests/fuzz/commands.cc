// smtp/lines and smtp/command: lines come out the same however they are cut; what is accepted is
// written to the smarthost as a line that means the same by a plainer reading, and reads itself
// back; what is refused is refused in a line of ours.
//
// The input: an octet of options, then what a client sends.
#include <string>
#include <variant>
#include <vector>

#include "base/text.h"
#include "fuzz/cuts.h"
#include "fuzz/target.h"
#include "smtp/command.h"
#include "smtp/limits.h"
#include "smtp/lines.h"

namespace {

struct ReadLine {
  std::string text;
  bool ends_in_bare_lf = false, has_bare_cr = false, has_nul = false, is_too_long = false;
  friend bool operator==(const ReadLine&, const ReadLine&) = default;
};

constexpr std::size_t kShortLine = 200;  // so that a fuzzer gets past it

std::vector<ReadLine> lines_of(std::string_view bytes, std::size_t step) {
  smtp::LineReader reader(kShortLine);
  std::vector<ReadLine> lines;
  fuzz::cut(bytes, step, [&](std::string_view piece) {
    reader.receive(piece);
    while (const auto line = reader.next_line()) {
      FUZZ_EXPECT(line->text.size() < kShortLine);
      FUZZ_EXPECT(line->text.find('\n') == std::string_view::npos);
      FUZZ_EXPECT(line->has_nul == (line->text.find('\0') != std::string_view::npos));
      FUZZ_EXPECT(line->has_bare_cr == (line->text.find('\r') != std::string_view::npos));
      lines.push_back({std::string(line->text), line->ends_in_bare_lf, line->has_bare_cr,
                       line->has_nul, line->is_too_long});
    }
    FUZZ_EXPECT(reader.rest().size() <= kShortLine);
  });
  return lines;
}

// RFC 5321 4.1.2 once more, for what may leave us: "<", a path whose quoted strings are closed,
// ">", and keywords with values behind single spaces.
bool is_fit_for_the_wire(std::string_view line, std::string_view verb) {
  for (const char c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  if (!base::is_utf8(line) || !line.starts_with(verb)) return false;
  std::size_t at = verb.size();
  if (at >= line.size() || line[at++] != '<') return false;
  bool is_quoted = false;
  while (at < line.size() && (is_quoted || line[at] != '>')) {
    if (is_quoted && line[at] == '\\')
      ++at;
    else if (line[at] == '"')
      is_quoted = !is_quoted;
    else if (!is_quoted && (line[at] == ' ' || line[at] == '<'))
      return false;
    ++at;
  }
  if (at >= line.size()) return false;
  ++at;
  while (at < line.size()) {
    if (line[at++] != ' ') return false;
    const std::size_t end = std::min(line.find(' ', at), line.size());
    const std::string_view word = line.substr(at, end - at);
    if (word.empty() || word.front() == '=') return false;
    at = end;
  }
  return true;
}

void expect_refusal(const smtp::Reply& reply) {
  FUZZ_EXPECT(reply.code >= 500 && reply.code < 600 && reply.lines.size() == 1);
  const std::string text = smtp::format(reply);
  FUZZ_EXPECT(text.size() < smtp::kMaxReplyLine);
  FUZZ_EXPECT(text.find_first_of("\r\n") == text.size() - 2);
}

// Options of a parse, from an octet.
struct Manner {
  explicit Manner(unsigned bits)
      : syntax((bits & 1U) != 0 ? smtp::Syntax::strict : smtp::Syntax::tolerant) {
    offered.pipelining = true;
    offered.size = (bits & 2U) == 0;
    offered.max_size = 1000000;
    offered.eight_bit_mime = (bits & 4U) == 0;
    offered.smtputf8 = (bits & 8U) == 0;
    offered.dsn = (bits & 16U) == 0;
    offered.chunking = offered.binarymime = (bits & 32U) == 0;
    if ((bits & 64U) == 0) offered.auth_mechanisms = {"PLAIN"};
    is_utf8 = offered.smtputf8 && (bits & 128U) == 0;
  }
  smtp::Extensions offered;
  smtp::Syntax syntax;
  bool is_utf8 = false;
};

void try_mail(std::string_view argument, const Manner& manner) {
  const auto parsed = smtp::parse_mail(argument, manner.offered, manner.syntax);
  if (const auto* refusal = std::get_if<smtp::Reply>(&parsed)) return expect_refusal(*refusal);
  const auto& mail = std::get<smtp::MailCommand>(parsed);
  const std::string line = smtp::format(mail);
  FUZZ_EXPECT_SAYING(is_fit_for_the_wire(line, "MAIL FROM:"), line);
  FUZZ_EXPECT(mail.is_utf8 || base::is_ascii(mail.reverse_path));
  FUZZ_EXPECT(line.size() < smtp::kMaxCommandLine || argument.size() > smtp::kMaxCommandLine - 16);
  const auto again =
      smtp::parse_mail(smtp::split_command(line).argument, manner.offered, manner.syntax);
  const auto* same = std::get_if<smtp::MailCommand>(&again);
  FUZZ_EXPECT_SAYING(same != nullptr, line);
  FUZZ_EXPECT(same->reverse_path == mail.reverse_path && same->parameters == mail.parameters);
  FUZZ_EXPECT(same->size == mail.size && same->is_utf8 == mail.is_utf8);
  FUZZ_EXPECT(same->is_binary == mail.is_binary && same->is_eight_bit == mail.is_eight_bit);
  FUZZ_EXPECT(smtp::format(*same) == line);
  if (manner.syntax == smtp::Syntax::strict) FUZZ_EXPECT(mail.tolerated.is_empty());
}

void try_rcpt(std::string_view argument, const Manner& manner) {
  const auto parsed = smtp::parse_rcpt(argument, manner.offered, manner.is_utf8, manner.syntax);
  if (const auto* refusal = std::get_if<smtp::Reply>(&parsed)) return expect_refusal(*refusal);
  const auto& rcpt = std::get<smtp::RcptCommand>(parsed);
  const std::string line = smtp::format(rcpt);
  FUZZ_EXPECT_SAYING(is_fit_for_the_wire(line, "RCPT TO:"), line);
  FUZZ_EXPECT(manner.is_utf8 || base::is_ascii(rcpt.forward_path));
  FUZZ_EXPECT(rcpt.forward_path.size() > 2);
  const auto again = smtp::parse_rcpt(smtp::split_command(line).argument, manner.offered,
                                      manner.is_utf8, manner.syntax);
  const auto* same = std::get_if<smtp::RcptCommand>(&again);
  FUZZ_EXPECT_SAYING(same != nullptr, line);
  FUZZ_EXPECT(same->forward_path == rcpt.forward_path && same->parameters == rcpt.parameters);
  FUZZ_EXPECT(smtp::format(*same) == line);
  if (manner.syntax == smtp::Syntax::strict) FUZZ_EXPECT(rcpt.tolerated.is_empty());
}

void try_hello(std::string_view argument, const Manner& manner) {
  const auto parsed = smtp::parse_hello(argument, manner.syntax);
  if (const auto* refusal = std::get_if<smtp::Reply>(&parsed)) return expect_refusal(*refusal);
  const std::string& name = std::get<smtp::HelloCommand>(parsed).name;
  FUZZ_EXPECT(name.size() <= 255);
  for (const char c : name) FUZZ_EXPECT(c > 0x20 && c < 0x7f && c != '(' && c != ')');
}

}  // namespace

FUZZ_TARGET(commands) {
  const Manner manner(input.byte());
  const std::string_view bytes = input.rest();
  const std::vector<ReadLine> lines = lines_of(bytes, 0);
  for (const std::size_t step : fuzz::kSteps) FUZZ_EXPECT(lines_of(bytes, step) == lines);
  for (const ReadLine& line : lines) {
    // The session refuses what holds these.
    if (line.has_nul || line.has_bare_cr || line.is_too_long) continue;
    const smtp::SplitCommand split = smtp::split_command(line.text);
    switch (split.verb) {
      case smtp::Verb::mail: try_mail(split.argument, manner); break;
      case smtp::Verb::rcpt: try_rcpt(split.argument, manner); break;
      case smtp::Verb::helo:
      case smtp::Verb::ehlo: try_hello(split.argument, manner); break;
      default: break;
    }
  }
  // What no line reader lets through must do no harm either.
  try_mail(bytes, manner);
  try_rcpt(bytes, manner);
  try_hello(bytes, manner);
}
