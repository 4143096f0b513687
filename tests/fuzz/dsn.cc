// smtp/delivery_status: whatever addresses, replies and mail a notice tells of, it is one mail to
// the sender, in lines that any server takes, of three parts; and no words of others stand where
// names of fields do.
//
// The input: an octet of flags, then lines: what follows MAIL; by threes what follows RCPT, a
// reply, a host; an empty line; the mail.
#include <algorithm>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/text.h"
#include "fuzz/target.h"
#include "smtp/delivery_status.h"
#include "smtp/header_field.h"

namespace {

smtp::Extensions everything() {
  smtp::Extensions all;
  all.size = all.eight_bit_mime = all.chunking = all.binarymime = all.smtputf8 = all.dsn = true;
  all.auth_mechanisms = {"PLAIN"};
  return all;
}

using Names = std::vector<std::string_view>;

// Takes a header off the front of `text`, up to and with its empty line.
std::string_view take_header(std::string_view& text) {
  const std::size_t end = text.find("\r\n\r\n");
  FUZZ_EXPECT(end != std::string_view::npos);
  const std::string_view header = text.substr(0, end + 2);
  text.remove_prefix(end + 4);
  return header;
}

// Every line is a field with one of these names, or goes on with one; `once`: none is there twice.
std::vector<std::string> expect_fields(std::string_view header, const Names& names, bool is_once) {
  std::vector<std::string> seen;
  while (!header.empty()) {
    const std::size_t end = header.find("\r\n");
    FUZZ_EXPECT(end != std::string_view::npos);
    const std::string_view line = header.substr(0, end);
    header.remove_prefix(end + 2);
    if (line.starts_with(' ') || line.starts_with('\t')) {
      FUZZ_EXPECT(!seen.empty());
      continue;
    }
    const std::string_view name = line.substr(0, line.find(':'));
    FUZZ_EXPECT_SAYING(std::find(names.begin(), names.end(), name) != names.end(), line);
    const bool is_new = std::find(seen.begin(), seen.end(), name) == seen.end();
    FUZZ_EXPECT_SAYING(is_new || !is_once, line);
    seen.emplace_back(name);
  }
  return seen;
}

void expect_lines(const std::string& text, bool is_utf8) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "\r\n") == 0) {
      length = 0;
      ++i;
      continue;
    }
    const bool is_control =
        (static_cast<unsigned char>(text[i]) < ' ' && text[i] != '\t') || text[i] == '\x7f';
    FUZZ_EXPECT(!is_control && ++length <= smtp::kMaxLine);
  }
  FUZZ_EXPECT(is_utf8 ? base::is_utf8(text) : base::is_ascii(text));
}

const Names kFields = {
    "Date",        "From",           "To",           "Subject",    "Message-ID",
    "In-Reply-To", "Auto-Submitted", "MIME-Version", "References", "Content-Type"};
const Names kPartFields = {"Content-Type", "Content-Transfer-Encoding"};
const Names kStatusFields = {
    "Original-Envelope-Id", "Reporting-MTA",   "Arrival-Date", "Original-Recipient",
    "Final-Recipient",      "Action",          "Status",       "Remote-MTA",
    "Diagnostic-Code",      "Will-Retry-Until"};

// The parts between lines of "--BOUNDARY", as a reader of MIME has them.
std::vector<std::string_view> parts_of(std::string_view body, const std::string& boundary) {
  const std::string mark = "\r\n--" + boundary;
  std::vector<std::string_view> parts;
  std::size_t begin = std::string_view::npos;
  bool is_closed = false;
  for (std::size_t at = 0; (at = body.find(mark, at)) != std::string_view::npos;) {
    if (begin != std::string_view::npos) parts.push_back(body.substr(begin, at - begin));
    FUZZ_EXPECT(!is_closed);
    at += mark.size();
    is_closed = body.substr(at).starts_with("--");
    begin = at + 2;
  }
  FUZZ_EXPECT(is_closed && body.substr(begin) == "\r\n");
  return parts;
}

void expect_notice(const smtp::DeliveryNotification& notice, std::size_t recipients) {
  expect_lines(notice.text, notice.mail.is_utf8);
  std::string_view body = notice.text;
  const std::string_view header = take_header(body);
  const auto names = expect_fields(header, kFields, true);
  for (const char* const needed : {"Date", "From", "To", "Subject", "Message-ID"}) {
    FUZZ_EXPECT(std::find(names.begin(), names.end(), needed) != names.end());
  }
  const std::size_t at = header.find("boundary=\"") + 10;
  const std::string boundary(header.substr(at, header.find('"', at) - at));
  // The header's empty line may be the line end of the first mark.
  std::string framed = "\r\n";
  framed.append(body);
  const auto parts = parts_of(framed, boundary);
  FUZZ_EXPECT(parts.size() == 3);
  for (std::string_view part : parts) {
    expect_fields(take_header(part), kPartFields, true);
  }
  std::string_view status = parts[1];
  const std::string_view kind = take_header(status);
  // What is encoded cannot be read on by its lines.
  if (kind.find("quoted-printable") != std::string_view::npos) return;
  std::size_t groups = 0;
  for (std::string rest(status); !rest.empty(); ++groups) {
    const std::size_t end = rest.find("\r\n\r\n");
    const std::string group = rest.substr(0, end == std::string::npos ? end : end + 2);
    rest.erase(0, end == std::string::npos ? rest.size() : end + 4);
    expect_fields(group, kStatusFields, true);
  }
  FUZZ_EXPECT(groups == recipients + 1);
}

}  // namespace

FUZZ_TARGET(dsn) {
  const unsigned bits = input.byte();
  smtp::DeliveryReport report;
  report.hostname = "seal.test";
  report.id = "00065f2b9c1d4a01";
  report.mail_id = "00065f2b9c1d4a00";
  report.arrival = report.now = base::WallTime{} + std::chrono::hours(490000);
  if ((bits & 1U) != 0) report.retry_until = report.now + std::chrono::hours(5);
  report.has_other_recipients = (bits & 2U) != 0;
  auto mail = smtp::parse_mail(input.line(), everything(), smtp::Syntax::tolerant);
  auto* sender = std::get_if<smtp::MailCommand>(&mail);
  if (sender == nullptr || sender->reverse_path == "<>") return;
  report.mail = std::move(*sender);
  for (std::string_view line = input.line(); !line.empty(); line = input.line()) {
    smtp::RecipientReport recipient;
    recipient.action = (bits & 4U) != 0 ? smtp::DeliveryAction::delayed
                                        : static_cast<smtp::DeliveryAction>(line.size() % 3);
    recipient.reply = input.line();
    recipient.smarthost = input.line();
    recipient.has_expired = (bits & 8U) != 0;
    auto rcpt = smtp::parse_rcpt(line, everything(), report.mail.is_utf8, smtp::Syntax::tolerant);
    auto* command = std::get_if<smtp::RcptCommand>(&rcpt);
    if (command == nullptr) continue;
    recipient.command = std::move(*command);
    (void)smtp::is_sender_told(report.mail, recipient.command, recipient.action);
    report.recipients.push_back(std::move(recipient));
  }
  if (report.recipients.empty()) return;
  report.original = input.rest();
  report.original_size = report.original.size() + ((bits & 16U) != 0 ? 100 : 0);
  const smtp::DeliveryNotification notice = smtp::make_delivery_notification(report);
  FUZZ_EXPECT(notice.mail.reverse_path == "<>");
  const std::string to = smtp::format(notice.rcpt);
  const auto sent = smtp::parse_rcpt(smtp::split_command(to).argument, everything(),
                                     notice.mail.is_utf8, smtp::Syntax::tolerant);
  FUZZ_EXPECT_SAYING(std::holds_alternative<smtp::RcptCommand>(sent), to);
  expect_notice(notice, report.recipients.size());
}
