// smtp/header_rewriter, mailbox_list, sender: however the mail is cut, it leaves with one From, and
// no field that names its sender names anybody who is not authorised; the body is as it was.
//
// The input: an octet of options, then a message, as a client sends it in one chunk.
#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "fuzz/cuts.h"
#include "fuzz/target.h"
#include "smtp/header_field.h"
#include "smtp/header_rewriter.h"
#include "smtp/limits.h"
#include "smtp/mail_data.h"
#include "smtp/mailbox_list.h"
#include "smtp/sender.h"

namespace {

struct Rewritten {
  std::string text;
  std::string refusal;
  friend bool operator==(const Rewritten&, const Rewritten&) = default;
};

Rewritten rewrite(const smtp::SenderOptions& options, std::string_view message, std::size_t step) {
  smtp::HeaderRewriter rewriter(options);
  Rewritten result;
  fuzz::cut(message, step, [&](std::string_view piece) {
    if (!result.refusal.empty()) return;
    const std::size_t taken = rewriter.receive(piece, result.text);
    if (rewriter.refusal()) {
      result.refusal = rewriter.refusal()->summary();
      return;
    }
    FUZZ_EXPECT(taken == piece.size() || rewriter.is_header_over());
    result.text.append(piece.substr(taken));
  });
  if (result.refusal.empty()) rewriter.end(result.text);
  // How much went out before the refusal is nobody's business.
  if (!result.refusal.empty()) result.text.clear();
  return result;
}

struct Field {
  std::string name;   // lower case
  std::string value;  // unfolded
};

// RFC 5322 2.2, as a server that looks for the sender may read it.
std::vector<Field> header_of(std::string_view message) {
  std::vector<Field> fields;
  while (!message.empty()) {
    const std::size_t end = message.find("\r\n");
    const std::string_view line = message.substr(0, end);
    message.remove_prefix(end == std::string_view::npos ? message.size() : end + 2);
    if (line.empty()) break;
    if (line.front() == ' ' || line.front() == '\t') {
      if (!fields.empty()) fields.back().value.append(line);
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    fields.push_back(
        {base::lowered(base::trimmed(line.substr(0, colon))), std::string(line.substr(colon + 1))});
  }
  return fields;
}

// What is left of a field without quoted strings and comments: whom it can name.
std::string bare(std::string_view value) {
  std::string out;
  int depth = 0;
  bool is_quoted = false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '\\' && (is_quoted || depth > 0)) {
      ++i;
    } else if (is_quoted) {
      is_quoted = c != '"';
    } else if (c == '(') {
      ++depth;
    } else if (depth > 0) {
      depth -= c == ')' ? 1 : 0;
    } else if (c == '"') {
      is_quoted = true;
    } else {
      out.push_back(c);
    }
  }
  return out;
}

void expect_authorised(const smtp::SenderOptions& options, const Field& field) {
  const smtp::MailboxList list = smtp::parse_mailboxes(field.value);
  FUZZ_EXPECT_SAYING(list.is_well_formed && !list.mailboxes.empty(), field.value);
  for (const smtp::Mailbox& mailbox : list.mailboxes) {
    FUZZ_EXPECT_SAYING(smtp::may_stay(options, options.header_from, mailbox.address), field.value);
  }
  // And by a plainer reading.
  const std::string rest = base::lowered(bare(field.value));
  const auto count = std::count(rest.begin(), rest.end(), '@');
  if (options.header_from == smtp::SenderMode::force) {
    FUZZ_EXPECT_SAYING(rest.find("app@example.edu") != std::string::npos, field.value);
  }
  FUZZ_EXPECT_SAYING(count <= static_cast<std::ptrdiff_t>(list.mailboxes.size()), field.value);
}

void expect_rewritten(const smtp::SenderOptions& options, std::string_view message,
                      const std::string& text) {
  int froms = 0;
  for (const Field& field : header_of(text)) {
    if (field.name == "from") ++froms;
    if (field.name == "from" || field.name == "sender" || field.name == "resent-from" ||
        field.name == "resent-sender") {
      expect_authorised(options, field);
    }
  }
  FUZZ_EXPECT(froms == 1);
  // Behind the first empty line, at the latest, everything is body.
  if (message.starts_with("\r\n")) {
    FUZZ_EXPECT(text.ends_with(message));
  } else if (const std::size_t end = message.find("\r\n\r\n"); end != std::string_view::npos) {
    FUZZ_EXPECT(text.ends_with(message.substr(end)));
  }
}

void try_field(std::string_view value) {
  const smtp::MailboxList list = smtp::parse_mailboxes(value);
  for (const smtp::Mailbox& mailbox : list.mailboxes) {
    if (!mailbox.address.empty()) FUZZ_EXPECT(smtp::split_address(mailbox.address).has_value());
    for (const std::string& text : {mailbox.name, mailbox.address}) {
      FUZZ_EXPECT(text.find_first_of(std::string("\r\n\0", 3)) == std::string::npos);
    }
  }
  std::string field;
  smtp::append_field(field, "X-Original-From", value);
  FUZZ_EXPECT(field.ends_with("\r\n"));
  for (std::size_t at = 0; at < field.size();) {
    const std::size_t end = field.find("\r\n", at);
    FUZZ_EXPECT(end != std::string::npos && end - at <= smtp::kMaxLine);
    if (at > 0) FUZZ_EXPECT(field[at] == ' ' || field[at] == '\t');
    at = end + 2;
  }
}

}  // namespace

FUZZ_TARGET(header_rewriting) {
  const unsigned bits = input.byte();
  smtp::SenderOptions options;
  options.address = "app@example.edu";
  options.header_from =
      (bits & 1U) != 0 ? smtp::SenderMode::if_unauthorized : smtp::SenderMode::force;
  options.authorized = {"boss@example.edu", "@lab.example.edu"};
  const std::string_view raw = input.rest();
  smtp::ChunkDecoder decoder((bits & 2U) != 0);
  std::string message;
  decoder.receive(raw, message);
  decoder.end(message);
  const Rewritten whole = rewrite(options, message, 0);
  for (const std::size_t step : fuzz::kSteps) FUZZ_EXPECT(rewrite(options, message, step) == whole);
  if (whole.refusal.empty()) expect_rewritten(options, message, whole.text);
  try_field(raw);
}
