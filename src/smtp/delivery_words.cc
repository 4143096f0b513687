#include "smtp/delivery_words.h"

#include <algorithm>

#include "base/text.h"
#include "smtp/header_field.h"
#include "smtp/trace.h"

namespace smtp {

namespace {

std::string_view general_code(DeliveryAction action) {
  switch (action) {
    case DeliveryAction::failed: return "5.0.0";
    case DeliveryAction::delayed: return "4.0.0";
    case DeliveryAction::relayed: return "2.0.0";
  }
  return "5.0.0";
}

// The enhanced code at the start of a reply on one line, where it has one.
std::optional<EnhancedStatusCode> enhanced_of(const std::string& reply) {
  const auto code = base::parse_number(std::string_view(reply).substr(0, 3));
  if (!code || *code > 599 || reply.size() < 4) return std::nullopt;
  return Reply{static_cast<int>(*code), {reply.substr(4)}}.enhanced();
}

// Words of others may be longer than a line, and are cut then, but not inside a character.
std::size_t piece_size(std::string_view word, std::size_t most) {
  if (word.size() <= most) return word.size();
  std::size_t end = most;
  while (end > most - 4 && (static_cast<unsigned char>(word[end]) & 0xc0U) == 0x80U) --end;
  return end;
}

// `text` in lines, each behind `indent`; nothing in it can end one.
void append_paragraph(std::string& out, std::string_view indent, std::string_view text) {
  std::size_t length = 0;
  while (true) {
    text = base::trimmed(text);
    if (text.empty()) break;
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::size_t size = piece_size(text.substr(0, end), kGoodLine - indent.size());
    if (length > 0 && length + 1 + size > kGoodLine) {
      out.append("\r\n");
      length = 0;
    }
    out.append(length == 0 ? indent : " ");
    length += (length == 0 ? indent.size() : 1) + size;
    out.append(text.substr(0, size));
    text.remove_prefix(size);
  }
  out.append("\r\n");
}

bool is_any(const DeliveryReport& report, DeliveryAction action) {
  return std::any_of(report.recipients.begin(), report.recipients.end(),
                     [&](const RecipientReport& recipient) { return recipient.action == action; });
}

// RFC 3463 3: what the class of trouble means to whoever sent the mail.
std::string_view advice_on_failure(const RecipientReport& recipient) {
  if (recipient.has_expired) {
    return "It was tried for as long as it may be. When the server takes mail again, send the mail "
           "once more.";
  }
  const auto code = enhanced_of(recipient.reply).value_or(EnhancedStatusCode{});
  if (code.subject == 1) return "Is the address right? Correct it and send the mail again.";
  if (code.subject == 2 && code.detail == 2) {
    return "The mailbox is full. Reach the recipient in some other way, or try later.";
  }
  const bool is_too_big = (code.subject == 3 && code.detail == 4) ||
                          (code.subject == 2 && code.detail == 3) ||
                          recipient.reply.starts_with("552");
  if (is_too_big) return "The mail is too big for the server. Send less of it, or in parts.";
  if (code.subject == 7) {
    return "The server does not permit it. Ask whoever runs the server what this sender may send, "
           "and to whom.";
  }
  return "Ask whoever runs the server what its words mean, change what they tell you, and send the "
         "mail again.";
}

std::string_view advice_on(const RecipientReport& recipient) {
  switch (recipient.action) {
    case DeliveryAction::failed: return advice_on_failure(recipient);
    case DeliveryAction::delayed: return {};  // once for all of them
    case DeliveryAction::relayed:
      return "That server sends no reports when it has delivered mail. You need do nothing.";
  }
  return {};
}

void append_recipient(std::string& out, const RecipientReport& recipient) {
  append_paragraph(out, "  ", base::printable(recipient.command.forward_path));
  if (!recipient.reply.empty()) {
    const std::string who = recipient.smarthost.empty()
                                ? "smtpseal says: "
                                : base::printable(recipient.smarthost) + " said: ";
    append_paragraph(out, "    ", who + base::printable(recipient.reply));
  }
  const std::string_view advice = advice_on(recipient);
  if (!advice.empty()) append_paragraph(out, "    ", advice);
  out.append("\r\n");
}

void append_recipients(std::string& out, const DeliveryReport& report, DeliveryAction action,
                       std::string_view what) {
  if (!is_any(report, action)) return;
  append_paragraph(out, "", what);
  out.append("\r\n");
  std::size_t count = 0;
  for (const RecipientReport& recipient : report.recipients) {
    if (recipient.action != action) continue;
    if (++count <= kMaxRecipientsInWords) append_recipient(out, recipient);
  }
  if (count <= kMaxRecipientsInWords) return;
  append_paragraph(out, "  ",
                   "and " + std::to_string(count - kMaxRecipientsInWords) +
                       " more, which the next part of this mail lists");
  out.append("\r\n");
}

}  // namespace

std::string delivery_status_code(const RecipientReport& recipient) {
  if (recipient.action == DeliveryAction::failed && recipient.has_expired) return "4.4.7";
  const auto code = enhanced_of(recipient.reply);
  const std::string general(general_code(recipient.action));
  // What has failed may have done so over a reply that was meant for a time (RFC 3464 2.3.4).
  const bool fits =
      code && (code->status_class == static_cast<unsigned>(general[0] - '0') ||
               (recipient.action == DeliveryAction::failed && code->status_class == 4));
  if (!fits) return general;
  return std::to_string(code->status_class) + '.' + std::to_string(code->subject) + '.' +
         std::to_string(code->detail);
}

std::string delivery_subject(const DeliveryReport& report) {
  if (is_any(report, DeliveryAction::failed)) {
    const bool is_partly = report.has_other_recipients || is_any(report, DeliveryAction::delayed) ||
                           is_any(report, DeliveryAction::relayed);
    return is_partly ? "Your mail could not be delivered to everybody"
                     : "Your mail could not be delivered";
  }
  if (is_any(report, DeliveryAction::delayed)) return "Your mail is delayed, and still being tried";
  return "Your mail was passed on";
}

std::string delivery_words(const DeliveryReport& report) {
  std::string out;
  append_paragraph(out, "",
                   "This is smtpseal on " + base::printable(report.hostname) +
                       ", which carries the mail of applications and devices to a mail server.");
  out.append("\r\n");
  append_paragraph(out, "",
                   "It is about a mail from " + base::printable(report.mail.reverse_path) +
                       " that was handed in on " + format_date(report.arrival) + " and queued as " +
                       base::printable(report.mail_id) + ". Its header is at the end.");
  out.append("\r\n");
  append_recipients(out, report, DeliveryAction::failed,
                    "It could not be delivered to these recipients, and will not be tried again:");
  append_recipients(out, report, DeliveryAction::delayed,
                    "It could not yet be delivered to these recipients:");
  if (is_any(report, DeliveryAction::delayed)) {
    append_paragraph(
        out, "",
        "That is tried again" +
            (report.retry_until ? " until " + format_date(*report.retry_until) : std::string()) +
            ". You need do nothing: do not send the mail again.");
    out.append("\r\n");
  }
  append_recipients(out, report, DeliveryAction::relayed,
                    "It was taken by another server for these recipients:");
  if (report.has_other_recipients) {
    append_paragraph(out, "", "This says nothing of the mail's other recipients.");
  }
  while (out.ends_with("\r\n\r\n")) out.resize(out.size() - 2);
  return out;
}

}  // namespace smtp
