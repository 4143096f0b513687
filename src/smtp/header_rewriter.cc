#include "smtp/header_rewriter.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "smtp/header_field.h"
#include "smtp/limits.h"

namespace smtp {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t'; }
// RFC 5322 3.6.8.
bool is_name_octet(char c) { return c > ' ' && c <= '~' && c != ':'; }

// "From a@b Tue Nov 24 14:13:38 2026", RFC 4155. Somebody may begin a mail with "From", but hardly
// one without a header and with such a date in its first line.
bool is_mbox_line(std::string_view line) {
  constexpr std::string_view kDays = "Mon Tue Wed Thu Fri Sat Sun";
  constexpr std::string_view kMonths = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
  constexpr std::size_t kWord = 3;
  for (std::size_t at = line.find(' '); at != std::string_view::npos; at = line.find(' ', at + 1)) {
    const std::string_view day = line.substr(at, kWord + 2);  // " Tue "
    const std::string_view month = line.substr(std::min(at + kWord + 2, line.size()), kWord + 1);
    if (day.size() < kWord + 2 || month.size() < kWord + 1) return false;
    if (day.back() == ' ' && month.back() == ' ' &&
        kDays.find(day.substr(1, kWord)) % (kWord + 1) == 0 &&
        kMonths.find(month.substr(0, kWord)) % (kWord + 1) == 0) {
      return true;
    }
  }
  return false;
}

std::string named(const std::string& name, const std::string& address) {
  return name.empty() ? address : name + " <" + address + ">";
}

// Whether every word fits a line: one that is cut would not be what it was.
bool is_foldable(std::string_view name) {
  while (!name.empty()) {
    const std::size_t end = std::min(name.find(' '), name.size());
    if (end > kMaxLine - 4) return false;
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return true;
}

// The name by which a field's first author goes, who gives way to another address.
std::string display_name(const MailboxList& list) {
  const auto& all = list.mailboxes;
  auto found = std::find_if(all.begin(), all.end(),
                            [](const Mailbox& mailbox) { return !mailbox.address.empty(); });
  if (found == all.end()) found = all.begin();
  return found != all.end() && is_foldable(found->name) ? found->name : std::string();
}

// Those who can be written to; nothing when it is the new sender alone.
std::string reply_to(const MailboxList& list, std::string_view sender) {
  std::string text;
  bool is_another = false;
  for (const Mailbox& mailbox : list.mailboxes) {
    if (mailbox.address.empty()) continue;
    is_another |= !base::iequals(mailbox.address, sender);
    if (!text.empty()) text.append(", ");
    text += is_foldable(mailbox.name) ? named(mailbox.name, mailbox.address) : mailbox.address;
  }
  return is_another ? text : std::string();
}

}  // namespace

std::size_t HeaderRewriter::receive(std::string_view bytes, std::string& out) {
  std::size_t taken = 0;
  while (taken < bytes.size() && state_ != State::over && !refusal_) {
    const char c = bytes[taken];
    if (is_stray(c)) {
      refuse("the header holds NUL, or CR or LF alone");
      break;
    }
    if (!take(c, out)) break;
    is_after_cr_ = c == '\r';
    ++taken;
  }
  return taken;
}

bool HeaderRewriter::is_stray(char c) const { return c == '\0' || (c == '\n') != is_after_cr_; }

bool HeaderRewriter::take(char c, std::string& out) {
  switch (state_) {
    case State::line_start: return take_line_start(c, out);
    case State::name: return take_name(c, out);
    case State::mbox_line: take_mbox_line(c, out); return true;
    case State::value: take_value(c, out); return true;
    case State::empty_line: end_header(out); return true;
    case State::over: break;
  }
  return false;
}

bool HeaderRewriter::take_line_start(char c, std::string& out) {
  if (is_space(c) && field_ != Field::none) {
    state_ = State::value;
    take_value(c, out);
    return true;
  }
  end_field(out);
  if (c == '\r') {
    state_ = State::empty_line;
    return true;
  }
  state_ = State::name;
  return take_name(c, out);
}

// White space before the colon is obsolete (RFC 5322 4.5), and understood by everybody.
bool HeaderRewriter::take_name(char c, std::string& out) {
  const bool has_ended = !line_.empty() && is_space(line_.back());
  if (c == ':' && !line_.empty()) {
    begin_field(out);
    return true;
  }
  const bool may_go_on = has_ended ? is_space(c) : is_name_octet(c) || is_space(c);
  if (may_go_on && !(is_space(c) && line_.empty()) && line_.size() < kMaxLine) {
    line_.push_back(c);
    return true;
  }
  if (is_first_line_ && line_ == "From " && c != '\r') {
    state_ = State::mbox_line;
    line_.push_back(c);
    return true;
  }
  end_header(out);
  return false;
}

void HeaderRewriter::take_mbox_line(char c, std::string& out) {
  line_.push_back(c);
  if (c != '\n' && line_.size() < kMaxLine) return;
  if (c == '\n' && is_mbox_line(line_)) {
    line_.clear();
    is_first_line_ = false;
    state_ = State::line_start;
  } else {
    end_header(out);
  }
}

void HeaderRewriter::begin_field(std::string& out) {
  constexpr std::array<std::pair<std::string_view, Field>, 4> kFields = {
      {{"From", Field::from},
       {"Sender", Field::sender},
       {"Resent-From", Field::resent_from},
       {"Resent-Sender", Field::resent_sender}}};
  const std::string_view name = base::trimmed(line_);
  field_ = Field::other;
  for (const auto& [known, field] : kFields) {
    if (base::iequals(name, known)) field_ = field;
  }
  if (base::iequals(name, "Reply-To")) has_reply_to_ = true;
  is_first_line_ = false;
  state_ = State::value;
  line_.push_back(':');
  value_at_ = line_.size();
  if (field_ == Field::other) {
    out.append(line_);
    line_.clear();
  }
}

void HeaderRewriter::take_value(char c, std::string& out) {
  if (c == '\n') state_ = State::line_start;
  if (field_ == Field::other) {
    out.push_back(c);
    return;
  }
  line_.push_back(c);
  if (line_.size() - value_at_ <= kMaxOriginField) return;
  refuse("the header field that names the sender is longer than " +
         std::to_string(kMaxOriginField) + " octets");
}

void HeaderRewriter::refuse(std::string why) { refusal_ = Reply::make(554, "5.6.0", why); }

void HeaderRewriter::end(std::string& out) {
  if (state_ == State::over || refusal_) return;
  if (state_ == State::value) {
    // Only chunks can end inside a line.
    (field_ == Field::other ? out : line_).append(is_after_cr_ ? "\n" : "\r\n");
    state_ = State::line_start;
  }
  if (state_ != State::line_start) {
    end_header(out);
    return;
  }
  end_field(out);
  complete_header(out);
  state_ = State::over;
}

// What is held of a line turned out to be the body's beginning.
void HeaderRewriter::end_header(std::string& out) {
  complete_header(out);
  out.append("\r\n").append(line_);
  std::string().swap(line_);
  state_ = State::over;
}

void HeaderRewriter::complete_header(std::string& out) {
  if (!has_from_) append_field(out, "From", options_.address);
  if (!has_reply_to_ && !reply_to_.empty()) append_field(out, "Reply-To", reply_to_);
  // RFC 5322 3.6.2: where there are several authors there must be one.
  if (was_sender_removed_ && !has_sender_ && authors_ > 1) {
    append_field(out, "Sender", options_.address);
  }
}

// --- fields that matter ---

std::string_view HeaderRewriter::value() const { return std::string_view(line_).substr(value_at_); }

bool HeaderRewriter::may_stay(const MailboxList& list) const {
  return list.is_well_formed &&
         std::all_of(list.mailboxes.begin(), list.mailboxes.end(), [&](const Mailbox& mailbox) {
           return smtp::may_stay(options_, options_.header_from, mailbox.address);
         });
}

void HeaderRewriter::end_field(std::string& out) {
  switch (std::exchange(field_, Field::none)) {
    case Field::none:
    case Field::other: break;
    case Field::from: end_from(out); break;
    case Field::sender:
      end_other_author("X-Original-Sender", has_sender_, out);
      was_sender_removed_ = true;
      break;
    case Field::resent_from: end_resent_from(out); break;
    case Field::resent_sender: {
      bool is_seen = false;  // there is one for each time that the mail was sent again
      end_other_author("X-Original-Resent-Sender", is_seen, out);
      break;
    }
  }
  line_.clear();
}

void HeaderRewriter::end_from(std::string& out) {
  if (std::exchange(has_from_, true)) {
    keep_original("X-Original-From", out);
    return;
  }
  const MailboxList list = parse_mailboxes(value());
  if (may_stay(list)) {
    authors_ = list.mailboxes.size();
    out.append(line_);
    return;
  }
  append_field(out, "From", named(display_name(list), options_.address));
  keep_original("X-Original-From", out);
  reply_to_ = reply_to(list, options_.address);
}

void HeaderRewriter::end_resent_from(std::string& out) {
  const MailboxList list = parse_mailboxes(value());
  // Of several the sender would have to be named, too: see end_other_author.
  if (may_stay(list) && list.mailboxes.size() == 1) {
    out.append(line_);
    return;
  }
  append_field(out, "Resent-From", named(display_name(list), options_.address));
  keep_original("X-Original-Resent-From", out);
}

void HeaderRewriter::end_other_author(std::string_view name, bool& is_seen, std::string& out) {
  const MailboxList list = parse_mailboxes(value());
  if (!is_seen && may_stay(list) && list.mailboxes.size() == 1) {
    is_seen = true;
    out.append(line_);
  } else {
    keep_original(name, out);
  }
}

void HeaderRewriter::keep_original(std::string_view name, std::string& out) const {
  if (value().find_first_not_of(" \t\r\n") != std::string_view::npos) {
    append_field(out, name, value());
  }
}

}  // namespace smtp
