// spool/envelope: whatever others said, an envelope is lines of printable ASCII that begin with
// words of ours, reads back as what it was, and not at all once an octet of it is another.
//
// The input: an octet that says which. Even: a file. Odd: an octet of flags, then lines: smarthost,
// client, last error, MAIL, and by threes RCPT, an outcome, what was replied.
#include "spool/envelope.h"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <variant>

#include "base/text.h"
#include "fuzz/target.h"
#include "smtp/command.h"

namespace {

constexpr std::string_view kNames[] = {
    "smtpseal-envelope",
    "id",
    "since",
    "smarthost",
    "client",
    "size",
    "checksum",
    "held",
    "attempts",
    "last-error",
    "in-doubt",
    "mail",
    "rcpt",
    "reply",
    "outcome",
    "sender-warned",
    "notification",
    "end",
};

smtp::Extensions everything() {
  smtp::Extensions all;
  all.size = all.eight_bit_mime = all.chunking = all.binarymime = all.smtputf8 = all.dsn = true;
  all.auth_mechanisms = {"PLAIN"};
  return all;
}

bool is_same(const spool::Envelope& a, const spool::Envelope& b) {
  const bool is_same_head =
      a.id == b.id && a.since == b.since && a.smarthost == b.smarthost && a.client == b.client &&
      a.size == b.size && a.checksum == b.checksum && a.attempts == b.attempts &&
      a.last_error == b.last_error && a.is_held == b.is_held && a.is_in_doubt == b.is_in_doubt &&
      a.is_sender_warned == b.is_sender_warned && a.is_notification == b.is_notification;
  return is_same_head && smtp::format(a.mail) == smtp::format(b.mail) &&
         a.mail.is_utf8 == b.mail.is_utf8 && a.mail.is_binary == b.mail.is_binary &&
         a.mail.size == b.mail.size &&
         std::equal(a.recipients.begin(), a.recipients.end(), b.recipients.begin(),
                    b.recipients.end(), [](const auto& one, const auto& other) {
                      return smtp::format(one.command) == smtp::format(other.command) &&
                             one.outcome == other.outcome && one.reply == other.reply;
                    });
}

void expect_lines_of_ours(std::string_view text, std::size_t recipients) {
  constexpr std::size_t kLinesOfHead = 14;
  std::size_t lines = 0;
  FUZZ_EXPECT(text.ends_with('\n'));
  for (; !text.empty(); ++lines) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    for (const char c : line) FUZZ_EXPECT(c >= ' ' && c <= '~');
    const std::string_view name = line.substr(0, line.find(':'));
    FUZZ_EXPECT_SAYING(std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames),
                       line);
  }
  FUZZ_EXPECT(lines == kLinesOfHead + 3 * recipients + 1);
}

void try_file(std::string_view text) {
  const auto envelope = spool::parse_envelope(text);
  if (!envelope) {
    FUZZ_EXPECT(envelope.error().fault == base::Fault::storage);
    FUZZ_EXPECT(base::printable(envelope.error().detail, 4096) == envelope.error().detail);
    return;
  }
  FUZZ_EXPECT(!envelope->recipients.empty() && spool::is_id(envelope->id));
  const std::string written = spool::format(*envelope);
  expect_lines_of_ours(written, envelope->recipients.size());
  const auto again = spool::parse_envelope(written);
  FUZZ_EXPECT_SAYING(again.is_ok(), written);
  FUZZ_EXPECT_SAYING(spool::format(*again) == written, written);
}

spool::Envelope made_of(fuzz::Input& input) {
  spool::Envelope envelope;
  const unsigned bits = input.byte();
  envelope.id = "00065f2b9c1d4a00";
  envelope.since = base::WallTime{} + std::chrono::milliseconds(bits * 1234567ULL);
  envelope.size = (bits & 1U) != 0 ? std::numeric_limits<std::uint64_t>::max() : bits;
  envelope.checksum = bits * 0x01234567U;
  envelope.attempts = bits;
  envelope.is_held = (bits & 2U) != 0;
  envelope.is_in_doubt = (bits & 4U) != 0;
  envelope.is_sender_warned = (bits & 8U) != 0;
  envelope.is_notification = (bits & 16U) != 0;
  envelope.smarthost = input.line();
  envelope.client = input.line().substr(0, spool::kMaxEnvelopeText);
  envelope.last_error = input.line().substr(0, spool::kMaxEnvelopeText);
  auto mail = smtp::parse_mail(input.line(), everything(), smtp::Syntax::tolerant);
  if (auto* command = std::get_if<smtp::MailCommand>(&mail)) envelope.mail = std::move(*command);
  while (!input.is_over() && envelope.recipients.size() < spool::kMaxEnvelopeRecipients) {
    auto rcpt =
        smtp::parse_rcpt(input.line(), everything(), envelope.mail.is_utf8, smtp::Syntax::tolerant);
    spool::Recipient recipient;
    recipient.outcome = static_cast<spool::Outcome>(input.below(3));
    recipient.reply = input.line().substr(0, spool::kMaxEnvelopeText);
    auto* command = std::get_if<smtp::RcptCommand>(&rcpt);
    if (command == nullptr) continue;
    recipient.command = std::move(*command);
    envelope.recipients.push_back(std::move(recipient));
  }
  return envelope;
}

}  // namespace

FUZZ_TARGET(envelope) {
  if (!input.flag()) return try_file(input.rest());
  const unsigned where = input.byte() * 256 + input.byte();
  const auto other = static_cast<char>(input.byte());
  const spool::Envelope envelope = made_of(input);
  if (envelope.mail.reverse_path.empty() || envelope.recipients.empty()) return;
  std::string text = spool::format(envelope);
  expect_lines_of_ours(text, envelope.recipients.size());
  const auto read = spool::parse_envelope(text);
  FUZZ_EXPECT_SAYING(read.is_ok(), text);
  FUZZ_EXPECT_SAYING(is_same(envelope, *read), text);
  char& octet = text[where % text.size()];
  if (octet == other) return;
  octet = other;
  FUZZ_EXPECT_SAYING(!spool::parse_envelope(text).is_ok(), text);
}
