#include "spool/envelope.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <variant>

#include "base/text.h"
#include "smtp/limits.h"
#include "spool/checksum.h"
#include "spool/hex.h"

namespace spool {

static_assert(kMaxEnvelopeRecipients >= smtp::kMaxRecipients);

namespace {

using base::Error;
using base::Fault;

constexpr std::string_view kTitle = "smtpseal-envelope";
constexpr std::string_view kVersion = "1";
constexpr std::string_view kEnd = "end";
// A client's line, whose address may have been replaced by a longer one of ours.
constexpr std::size_t kMaxKeptCommand = 2 * smtp::kMaxCommandLine;

bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '\\'; }

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(":");
  if (!value.empty()) out.append(" ");
  for (const char c : value) {
    if (is_plain(c)) {
      out.push_back(c);
    } else {
      out.append("\\x").append(format_hex(static_cast<unsigned char>(c), 2));
    }
  }
  out.append("\n");
}

void append_text(std::string& out, std::string_view name, std::string_view value) {
  append_line(out, name, value.substr(0, kMaxEnvelopeText));
}

void append_flag(std::string& out, std::string_view name, bool value) {
  append_line(out, name, value ? "yes" : "no");
}

// What append_line made of a value; nothing when it did not make this.
std::optional<std::string> unescaped(std::string_view text) {
  std::string value;
  value.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_plain(text[i])) {
      value.push_back(text[i]);
      continue;
    }
    if (!text.substr(i).starts_with("\\x")) return std::nullopt;
    const auto octet = parse_hex(text.substr(i + 2, 2), 2);
    if (!octet) return std::nullopt;
    value.push_back(static_cast<char>(*octet));
    i += 3;
  }
  return value;
}

// Everything any of our extensions allows: what was offered when the client said it is not known.
smtp::Extensions everything() {
  smtp::Extensions all;
  all.size = true;
  all.eight_bit_mime = true;
  all.binarymime = true;
  all.smtputf8 = true;
  all.dsn = true;
  all.auth_mechanisms = {"PLAIN"};
  return all;
}

// The last year all of which a WallTime, which counts nanoseconds, can say.
constexpr std::chrono::year kLastYear{2261};

// RFC 3339 5.6, of format_time's length and shape alone.
std::optional<base::WallTime> parse_time(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00.000Z";
  if (text.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == '0' ? !is_digit : text[i] != kShape[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t length) {
    return static_cast<int>(base::parse_number(text.substr(at, length)).value_or(0));
  };
  const std::chrono::year_month_day date{std::chrono::year{number(0, 4)},
                                         std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                         std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  const int hour = number(11, 2);
  const int minute = number(14, 2);
  const int second = number(17, 2);
  if (!date.ok() || date.year() < std::chrono::year{1970} || date.year() > kLastYear || hour > 23 ||
      minute > 59 || second > 59) {
    return std::nullopt;
  }
  return std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
         std::chrono::seconds{second} + std::chrono::milliseconds{number(20, 3)};
}

// Takes an envelope line by line: every value is checked by who asks for it, the first that is
// wrong is what is told.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool is_ok() const { return !error_; }
  [[nodiscard]] const Error& error() const { return *error_; }
  [[nodiscard]] bool is_at_end() const { return rest_.empty(); }
  [[nodiscard]] bool is_next(std::string_view name) const {
    return rest_.starts_with(name) && rest_.substr(name.size()).starts_with(':');
  }

  // The value of the next line, which has to have this name; "" after an error.
  std::string take(std::string_view name) {
    if (error_) return {};
    ++line_;
    const std::size_t length = rest_.find('\n');
    if (length == std::string_view::npos) {
      refuse(rest_.empty() ? "the file ends before its end line" : "a line without an end");
      return {};
    }
    if (!is_next(name)) {
      refuse("'" + std::string(name) + ":' is expected here");
      return {};
    }
    std::string_view value = rest_.substr(0, length).substr(name.size() + 1);
    rest_.remove_prefix(length + 1);
    if (value.empty()) return {};
    auto plain = value.starts_with(' ') ? unescaped(value.substr(1)) : std::nullopt;
    if (!plain) refuse("what stands behind '" + std::string(name) + ":' is not as we write it");
    return std::move(plain).value_or("");
  }

  bool take_flag(std::string_view name) {
    const std::string value = take(name);
    if (value != "yes" && value != "no") refuse("yes or no is expected here");
    return value == "yes";
  }

  std::uint64_t take_number(std::string_view name, std::uint64_t most) {
    const auto value = base::parse_number(take(name));
    if (!value || *value > most) refuse("a number is expected here");
    return value.value_or(0);
  }

  // Of the line that was taken last.
  void refuse(const std::string& why) {
    if (error_) return;
    error_ = Error{Fault::storage, "line " + std::to_string(line_) + ": " + why};
  }

 private:
  std::string_view rest_;
  unsigned line_ = 0;
  std::optional<Error> error_;
};

// The argument of a command that was written as one line; "" when it is none.
std::string_view argument_of(std::string_view line, std::string_view verb) {
  if (line.size() > kMaxKeptCommand || !line.starts_with(verb)) return {};
  return line.substr(verb.size());
}

smtp::MailCommand take_mail(Reader& reader) {
  const std::string line = reader.take("mail");
  auto mail = smtp::parse_mail(argument_of(line, "MAIL "), everything(), smtp::Syntax::tolerant);
  if (auto* command = std::get_if<smtp::MailCommand>(&mail)) return std::move(*command);
  reader.refuse("that is no MAIL command");
  return {};
}

Recipient take_recipient(Reader& reader, bool is_utf8) {
  Recipient recipient;
  const std::string line = reader.take("rcpt");
  auto rcpt =
      smtp::parse_rcpt(argument_of(line, "RCPT "), everything(), is_utf8, smtp::Syntax::tolerant);
  if (auto* command = std::get_if<smtp::RcptCommand>(&rcpt)) {
    recipient.command = std::move(*command);
  } else {
    reader.refuse("that is no RCPT command");
  }
  const std::string outcome = reader.take("outcome");
  if (outcome == to_string(Outcome::delivered)) {
    recipient.outcome = Outcome::delivered;
  } else if (outcome == to_string(Outcome::failed)) {
    recipient.outcome = Outcome::failed;
  } else if (outcome != to_string(Outcome::pending)) {
    reader.refuse("pending, delivered or failed is expected here");
  }
  recipient.reply = reader.take("reply");
  return recipient;
}

void take_head(Reader& reader, Envelope& envelope) {
  if (reader.take(kTitle) != kVersion) reader.refuse("this smtpseal knows version 1 alone");
  envelope.id = reader.take("id");
  if (!is_id(envelope.id)) reader.refuse("16 lower-case hexadecimal digits are expected here");
  const auto since = parse_time(reader.take("since"));
  if (!since) reader.refuse("a time as 2026-11-26T23:20:00.123Z is expected here");
  envelope.since = since.value_or(base::WallTime{});
  envelope.smarthost = reader.take("smarthost");
  envelope.client = reader.take("client");
  envelope.size = reader.take_number("size", std::numeric_limits<std::uint64_t>::max());
  const auto checksum = parse_hex(reader.take("checksum"), kChecksumDigits);
  if (!checksum) reader.refuse("8 lower-case hexadecimal digits are expected here");
  envelope.checksum = static_cast<std::uint32_t>(checksum.value_or(0));
  envelope.attempts = static_cast<unsigned>(
      reader.take_number("attempts", std::numeric_limits<std::uint32_t>::max()));
  envelope.last_error = reader.take("last-error");
  envelope.is_held = reader.take_flag("held");
  envelope.is_in_doubt = reader.take_flag("in-doubt");
  envelope.is_sender_warned = reader.take_flag("sender-warned");
  envelope.is_notification = reader.take_flag("notification");
  envelope.mail = take_mail(reader);
}

// The checksum of everything above the last line, as that line has it. nullopt: there is no line.
std::optional<std::string> checksum_above_end(std::string_view text) {
  const std::string_view mark = "\nend:";
  const std::size_t at = text.rfind(mark);
  if (at == std::string_view::npos) return std::nullopt;
  return format_hex(crc32c(text.substr(0, at + 1)), kChecksumDigits);
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::pending: return "pending";
    case Outcome::delivered: return "delivered";
    case Outcome::failed: return "failed";
  }
  return "pending";
}

std::size_t Envelope::pending() const {
  return static_cast<std::size_t>(std::count_if(
      recipients.begin(), recipients.end(),
      [](const Recipient& recipient) { return recipient.outcome == Outcome::pending; }));
}

bool is_id(std::string_view text) { return parse_hex(text, kIdDigits).has_value(); }

std::string format_time(base::WallTime time) {
  using namespace std::chrono;
  // What can be read again; a clock that is that wrong is not worth a refusal.
  constexpr sys_days kFirst{year{1970} / January / 1};
  constexpr sys_days kLast{kLastYear / December / 31};
  const auto whole = std::clamp(floor<milliseconds>(time), time_point_cast<milliseconds>(kFirst),
                                time_point_cast<milliseconds>(kLast));
  const sys_days day = floor<days>(whole);
  const year_month_day date{day};
  const hh_mm_ss clock{whole - day};
  const auto digits = [](long long value, std::size_t count) {
    const std::string text = std::to_string(value);
    return text.size() < count ? std::string(count - text.size(), '0') + text : text;
  };
  return digits(static_cast<int>(date.year()), 4) + "-" +
         digits(static_cast<unsigned>(date.month()), 2) + "-" +
         digits(static_cast<unsigned>(date.day()), 2) + "T" + digits(clock.hours().count(), 2) +
         ":" + digits(clock.minutes().count(), 2) + ":" + digits(clock.seconds().count(), 2) + "." +
         digits(clock.subseconds().count(), 3) + "Z";
}

std::string format(const Envelope& envelope) {
  std::string out;
  append_line(out, kTitle, kVersion);
  append_line(out, "id", envelope.id);
  append_line(out, "since", format_time(envelope.since));
  append_line(out, "smarthost", envelope.smarthost);
  append_text(out, "client", envelope.client);
  append_line(out, "size", std::to_string(envelope.size));
  append_line(out, "checksum", format_hex(envelope.checksum, kChecksumDigits));
  append_line(out, "attempts", std::to_string(envelope.attempts));
  append_text(out, "last-error", envelope.last_error);
  append_flag(out, "held", envelope.is_held);
  append_flag(out, "in-doubt", envelope.is_in_doubt);
  append_flag(out, "sender-warned", envelope.is_sender_warned);
  append_flag(out, "notification", envelope.is_notification);
  append_line(out, "mail", smtp::format(envelope.mail));
  for (const Recipient& recipient : envelope.recipients) {
    append_line(out, "rcpt", smtp::format(recipient.command));
    append_line(out, "outcome", to_string(recipient.outcome));
    append_text(out, "reply", recipient.reply);
  }
  append_line(out, kEnd, format_hex(crc32c(out), kChecksumDigits));
  return out;
}

base::Result<Envelope> parse_envelope(std::string_view text) {
  if (text.size() > kMaxEnvelopeFile) {
    return Error{Fault::storage, "it is bigger than an envelope can be"};
  }
  Reader reader(text);
  Envelope envelope;
  take_head(reader, envelope);
  do {
    if (envelope.recipients.size() == kMaxEnvelopeRecipients) reader.refuse("too many recipients");
    envelope.recipients.push_back(take_recipient(reader, envelope.mail.is_utf8));
  } while (reader.is_ok() && reader.is_next("rcpt"));
  const std::string checksum = reader.take(kEnd);
  if (!reader.is_at_end()) reader.refuse("nothing may stand behind the end line");
  if (!checksum.empty() && checksum != checksum_above_end(text)) {
    reader.refuse(
        "the file was damaged, or edited: whoever edits it deletes the number behind 'end:'");
  }
  if (!reader.is_ok()) return reader.error();
  return envelope;
}

}  // namespace spool
