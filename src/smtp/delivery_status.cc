#include "smtp/delivery_status.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "smtp/delivery_words.h"
#include "smtp/header_field.h"
#include "smtp/quoted_printable.h"
#include "smtp/trace.h"

namespace smtp {

namespace {

// Longest address that stands in a field: lines have an end (RFC 5322 2.1.1), and no address that
// exists is longer (RFC 5321 4.5.3.1.3).
constexpr std::size_t kMaxShownAddress = 512;
constexpr std::size_t kMaxMessageId = 250;

std::string_view value_of(const std::vector<Parameter>& parameters, std::string_view keyword) {
  for (const Parameter& parameter : parameters) {
    if (parameter.keyword == keyword && parameter.value) return *parameter.value;
  }
  return {};
}

// Without the route that may stand before it, which nobody follows (RFC 5321 appendix C).
std::string without_route(const std::string& path) {
  if (!path.starts_with("<@")) return path;
  const std::size_t colon = path.find(':');
  // A route to nobody stays one: "<>" would be somebody else.
  const bool has_mailbox = colon != std::string::npos && colon + 2 < path.size();
  return has_mailbox ? '<' + path.substr(colon + 1) : path;
}

std::string without_brackets(const std::string& path) {
  const bool has_both = path.size() >= 2 && path.front() == '<' && path.back() == '>';
  return has_both ? path.substr(1, path.size() - 2) : path;
}

// Names of ours, as they may stand anywhere.
std::string plain_name(std::string_view name) {
  std::string out(name.substr(0, 255));
  std::replace_if(
      out.begin(), out.end(),
      [](char c) {
        return c <= ' ' || c > '~' ||
               std::string_view("()<>@,;\\\"/?=").find(c) != std::string::npos;
      },
      '-');
  return out;
}

std::string ascii_only(std::string_view text) {
  std::string out = base::printable(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return (c & '\x80') != 0; }, '?');
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// RFC 3461 4. What is no xtext stays as it is; the caller makes the outcome fit to be shown.
std::string decoded_xtext(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_coded = text[i] == '+' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                          hex_digit(text[i + 2]) >= 0;
    if (!is_coded) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
    i += 2;
  }
  return out;
}

// Printable ASCII, TAB and CRLF in lines that any server takes.
bool is_plain_text(std::string_view text) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\r\n") {
      length = 0;
      ++i;
      continue;
    }
    const bool is_kept = text[i] == '\t' || (text[i] >= ' ' && text[i] <= '~');
    if (!is_kept || ++length > kMaxLine) return false;
  }
  return true;
}

// The header of a mail, or as much of it as comes back, in whole lines.
std::string_view header_of(std::string_view mail) {
  if (mail.starts_with("\r\n")) return {};
  const std::size_t end = mail.find("\r\n\r\n");
  if (end != std::string_view::npos) mail = mail.substr(0, end + 2);
  if (mail.size() <= kMaxReturnedHeader) return mail;
  mail = mail.substr(0, kMaxReturnedHeader);
  const std::size_t last = mail.rfind("\r\n");
  return last == std::string_view::npos ? mail : mail.substr(0, last + 2);
}

// "<unique@host>" of the mail, where it is one beyond doubt; else empty.
std::string message_id_of(std::string_view header) {
  constexpr std::string_view kName = "message-id:";
  while (!header.empty()) {
    const std::size_t end = std::min(header.find("\r\n"), header.size());
    const std::string_view line = header.substr(0, end);
    header.remove_prefix(std::min(end + 2, header.size()));
    if (!base::istarts_with(line, kName)) continue;
    const std::string_view id = base::trimmed(line.substr(kName.size()));
    const bool is_bracketed =
        id.size() > 2 && id.size() <= kMaxMessageId && id.front() == '<' && id.back() == '>';
    if (!is_bracketed) return {};
    const std::string_view inner = id.substr(1, id.size() - 2);
    const bool is_clean = std::all_of(inner.begin(), inner.end(), [](char c) {
      return c > ' ' && c <= '~' && c != '<' && c != '>';
    });
    return is_clean && inner.find('@') != std::string_view::npos ? std::string(id) : std::string();
  }
  return {};
}

// RFC 3464 2.3.1; RFC 6533 3.
void append_final_recipient(std::string& out, const RcptCommand& command) {
  const std::string address = without_brackets(without_route(command.forward_path));
  out.append("Final-Recipient: ").append(base::is_ascii(address) ? "rfc822; " : "utf-8; ");
  out.append(base::printable(address, kMaxShownAddress)).append("\r\n");
}

void append_original_recipient(std::string& out, const RcptCommand& command) {
  const std::string_view value = value_of(command.parameters, "ORCPT");
  const std::size_t semicolon = value.find(';');
  if (semicolon == std::string_view::npos) return;
  const std::string address = decoded_xtext(value.substr(semicolon + 1));
  out.append("Original-Recipient: ").append(plain_name(value.substr(0, semicolon))).append("; ");
  out.append(base::printable(address, kMaxShownAddress)).append("\r\n");
}

std::string_view action_word(DeliveryAction action) {
  switch (action) {
    case DeliveryAction::failed: return "failed";
    case DeliveryAction::delayed: return "delayed";
    case DeliveryAction::relayed: return "relayed";
  }
  return "failed";
}

void append_recipient(std::string& out, const DeliveryReport& report,
                      const RecipientReport& recipient) {
  out.append("\r\n");
  append_original_recipient(out, recipient.command);
  append_final_recipient(out, recipient.command);
  append_field(out, "Action", action_word(recipient.action));
  append_field(out, "Status", delivery_status_code(recipient));
  const bool is_theirs = !recipient.smarthost.empty();
  if (is_theirs) append_field(out, "Remote-MTA", "dns; " + plain_name(recipient.smarthost));
  if (!recipient.reply.empty()) {
    append_field(out, "Diagnostic-Code",
                 (is_theirs ? "smtp; " : "X-smtpseal; ") + ascii_only(recipient.reply));
  }
  if (recipient.action == DeliveryAction::delayed && report.retry_until) {
    append_field(out, "Will-Retry-Until", format_date(*report.retry_until));
  }
}

std::string machine_words(const DeliveryReport& report) {
  std::string out;
  const std::string_view envelope_id = value_of(report.mail.parameters, "ENVID");
  if (!envelope_id.empty()) {
    append_field(out, "Original-Envelope-Id", ascii_only(decoded_xtext(envelope_id)));
  }
  append_field(out, "Reporting-MTA", "dns; " + plain_name(report.hostname));
  append_field(out, "Arrival-Date", format_date(report.arrival));
  for (const RecipientReport& recipient : report.recipients)
    append_recipient(out, report, recipient);
  return out;
}

struct Part {
  std::string type;
  std::string content;
  bool is_encoded = false;
};

Part part_of(std::string type, std::string_view content) {
  Part part{std::move(type), {}, !is_plain_text(content)};
  if (part.is_encoded) {
    append_quoted_printable(part.content, content);
  } else {
    part.content = content;
  }
  return part;
}

// RET=FULL asks for all of a mail that failed (RFC 3461 4.3). A part that is a mail cannot be
// encoded (RFC 2046 5.2.1): what is not plain text comes back as its header.
Part original_part(const DeliveryReport& report, std::string_view header) {
  const bool is_asked = base::iequals(value_of(report.mail.parameters, "RET"), "FULL");
  const bool has_failed =
      std::any_of(report.recipients.begin(), report.recipients.end(),
                  [](const auto& recipient) { return recipient.action == DeliveryAction::failed; });
  const bool is_whole =
      report.original.size() == report.original_size && report.original.size() <= kMaxReturnedMail;
  if (is_asked && has_failed && is_whole && is_plain_text(report.original)) {
    return part_of("message/rfc822", report.original);
  }
  // RFC 6533 5.
  const bool is_global = !base::is_ascii(header) && base::is_utf8(header);
  return part_of(is_global ? "message/global-headers" : "text/rfc822-headers", header);
}

std::vector<Part> parts_of(const DeliveryReport& report, std::string_view header) {
  const std::string words = delivery_words(report);
  const std::string status = machine_words(report);
  std::vector<Part> parts;
  parts.push_back(part_of(
      base::is_ascii(words) ? "text/plain; charset=us-ascii" : "text/plain; charset=utf-8", words));
  parts.push_back(
      part_of(base::is_ascii(status) ? "message/delivery-status" : "message/global-delivery-status",
              status));
  parts.push_back(original_part(report, header));
  return parts;
}

// One that occurs nowhere in what it divides: whoever wrote that cannot begin a part.
std::string boundary_for(const std::vector<Part>& parts, const std::string& id) {
  for (unsigned i = 0;; ++i) {
    std::string boundary = "=_" + id.substr(0, 32) + '_' + std::to_string(i);
    const bool occurs = std::any_of(parts.begin(), parts.end(), [&](const Part& part) {
      return part.content.find(boundary) != std::string::npos;
    });
    if (!occurs) return boundary;
  }
}

void append_header(std::string& out, const DeliveryReport& report, const std::string& path,
                   const std::string& message_id) {
  const std::string hostname = plain_name(report.hostname);
  append_field(out, "Date", format_date(report.now));
  append_field(out, "From", "smtpseal <MAILER-DAEMON@" + hostname + ">");
  const bool is_shown = path.size() <= kMaxShownAddress;
  out.append("To: ").append(is_shown ? base::printable(path) : "undisclosed-recipients:;");
  out.append("\r\n");
  append_field(out, "Subject", delivery_subject(report));
  append_field(out, "Message-ID", '<' + plain_name(report.id) + ".status@" + hostname + '>');
  if (!message_id.empty()) {
    append_field(out, "In-Reply-To", message_id);
    append_field(out, "References", message_id);
  }
  append_field(out, "Auto-Submitted", "auto-replied");
  append_field(out, "MIME-Version", "1.0");
}

}  // namespace

bool is_sender_told(const MailCommand& mail, const RcptCommand& rcpt, DeliveryAction action) {
  if (mail.reverse_path == "<>") return false;
  const std::string_view notify = value_of(rcpt.parameters, "NOTIFY");
  if (notify.empty()) return action != DeliveryAction::relayed;
  std::string_view wanted = "FAILURE";
  if (action == DeliveryAction::delayed) wanted = "DELAY";
  if (action == DeliveryAction::relayed) wanted = "SUCCESS";
  const std::vector<std::string_view> words = base::split(notify, ',');
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return base::iequals(word, wanted); });
}

DeliveryNotification make_delivery_notification(const DeliveryReport& report) {
  DeliveryNotification notification;
  const std::string path = without_route(report.mail.reverse_path);
  notification.mail.reverse_path = "<>";
  notification.mail.is_utf8 = !base::is_ascii(path);
  if (notification.mail.is_utf8) notification.mail.parameters.push_back({"SMTPUTF8", {}});
  notification.rcpt.forward_path = path;

  const std::string_view header = header_of(report.original);
  const std::vector<Part> parts = parts_of(report, header);
  const std::string boundary = boundary_for(parts, plain_name(report.id));
  std::string& out = notification.text;
  append_header(out, report, path, message_id_of(header));
  append_field(out, "Content-Type",
               "multipart/report; report-type=delivery-status; boundary=\"" + boundary + '"');
  for (const Part& part : parts) {
    out.append("\r\n--").append(boundary).append("\r\n");
    append_field(out, "Content-Type", part.type);
    if (part.is_encoded) append_field(out, "Content-Transfer-Encoding", "quoted-printable");
    out.append("\r\n").append(part.content);
  }
  out.append("\r\n--").append(boundary).append("--\r\n");
  return notification;
}

}  // namespace smtp
