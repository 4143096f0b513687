#include "app/queue_report.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/text.h"

namespace app {

namespace {

constexpr std::size_t kMaxShownText = 200;  // of a reply or an address

std::string shown(std::string_view text) { return base::printable(text, kMaxShownText); }

// "a@b" of "<a@b>"; what is no address is told as what it is.
std::string address_of(std::string_view path) {
  if (path == "<>") return "<>";
  if (path.starts_with('<') && path.ends_with('>')) path = path.substr(1, path.size() - 2);
  return shown(path);
}

// "45s", "3m", "2h", "5d": the greatest unit of which there is one.
std::string age_of(base::WallTime since, base::WallTime now) {
  using namespace std::chrono;
  const long long age = std::max<long long>(duration_cast<seconds>(now - since).count(), 0);
  if (age < 60) return std::to_string(age) + "s";
  if (age < 3600) return std::to_string(age / 60) + "m";
  if (age < 2 * 86400) return std::to_string(age / 3600) + "h";
  return std::to_string(age / 86400) + "d";
}

// "999", "1.2K", "25M"
std::string size_of(std::uint64_t octets) {
  constexpr std::array<std::string_view, 4> kUnits = {"", "K", "M", "G"};
  std::size_t unit = 0;
  std::uint64_t tenths = octets * 10;
  while (tenths >= 10000 && unit + 1 < kUnits.size()) {
    tenths /= 1024;
    ++unit;
  }
  std::string text = std::to_string(tenths / 10);
  if (unit > 0 && tenths < 100) text += "." + std::to_string(tenths % 10);
  return text.append(kUnits[unit]);
}

std::string plural(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string recipients_of(const spool::Envelope& envelope) {
  if (envelope.recipients.empty()) return "?";
  // Those that still wait matter, where there are any.
  const auto waits = [](const spool::Recipient& recipient) {
    return recipient.outcome == spool::Outcome::pending;
  };
  auto first = std::find_if(envelope.recipients.begin(), envelope.recipients.end(), waits);
  if (first == envelope.recipients.end()) first = envelope.recipients.begin();
  std::string text = address_of(first->command.forward_path);
  const std::size_t others = envelope.recipients.size() - 1;
  return others == 0 ? text : text + " and " + std::to_string(others) + " more";
}

// Right-aligned, or left-aligned with a negative width; two spaces behind it.
std::string cell(std::string text, int width) {
  const auto room = static_cast<std::size_t>(width < 0 ? -width : width);
  const std::string fill(text.size() < room ? room - text.size() : 0, ' ');
  return (width < 0 ? text + fill : fill + text) + "  ";
}

std::string row(const std::string& id, const std::string& age, const std::string& size,
                const std::string& state, const std::string& tries, const std::string& rest) {
  return cell(id, -16) + cell(age, 4) + cell(size, 5) + cell(state, -7) + cell(tries, 5) + rest +
         "\n";
}

std::string row_of(const spool::Seen& mail, base::WallTime now) {
  const spool::Envelope& envelope = mail.envelope;
  const std::string state(state_of(mail));
  std::string text;
  if (envelope.recipients.empty()) {
    text = row(envelope.id, "?", "?", state, "?", "?");
  } else {
    text = row(envelope.id, age_of(envelope.since, now), size_of(envelope.size), state,
               std::to_string(envelope.attempts),
               address_of(envelope.mail.reverse_path) + " to " + recipients_of(envelope));
  }
  const std::string& why = mail.damage.empty() ? envelope.last_error : mail.damage;
  if (!why.empty()) text += std::string(18, ' ') + shown(why) + "\n";
  return text;
}

// The lines of a header, each made safe for a terminal. RFC 5322 2.1: it ends with an empty line.
std::string header_of(std::string_view mail) {
  std::string text;
  while (!mail.empty()) {
    const std::size_t length = mail.find('\n');
    std::string_view line = mail.substr(0, length);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    // A tab folds a line, and is no harm.
    const std::size_t blanks = std::min(line.find_first_not_of('\t'), line.size());
    text.append("  ").append(blanks, ' ');
    text += base::printable(line.substr(blanks), 1000) + "\n";
    if (length == std::string_view::npos) break;
    mail.remove_prefix(length + 1);
  }
  return text;
}

void add_line(std::string& text, const std::string& name, const std::string& value) {
  text += "  " + cell(name, -10) + value + "\n";
}

void add_remarks(std::string& text, const spool::Seen& mail) {
  const spool::Envelope& envelope = mail.envelope;
  if (!mail.damage.empty()) add_line(text, "damaged", shown(mail.damage));
  if (envelope.is_held) add_line(text, "held", "not tried until smtpseal queue retry");
  if (envelope.is_in_doubt) {
    add_line(text, "in doubt", "the smarthost may have taken it already");
  }
  if (envelope.is_sender_warned) add_line(text, "warned", "its sender was told of the delay");
  if (envelope.is_notification) add_line(text, "notice", "it is a notification of smtpseal's own");
}

}  // namespace

std::string_view state_of(const spool::Seen& mail) {
  if (!mail.damage.empty()) return "damaged";
  if (mail.is_failed) return "failed";
  if (mail.is_sending) return "sending";
  return mail.envelope.is_held ? "held" : "waiting";
}

std::string format_queue(const std::vector<spool::Seen>& mails, base::WallTime now) {
  if (mails.empty()) return "The queue is empty.\n";
  std::string text = row("ID", "AGE", "SIZE", "STATE", "TRIES", "FROM, TO; LAST REPLY");
  std::uint64_t octets = 0;
  std::uint64_t failed = 0;
  for (const spool::Seen& mail : mails) {
    text += row_of(mail, now);
    octets += mail.envelope.size;
    if (mail.is_failed) ++failed;
  }
  text += plural(mails.size(), "mail") + ", " + size_of(octets);
  if (failed > 0) {
    text += "; " + std::to_string(failed) + " failed: smtpseal queue retry ID tries one again";
  }
  return text + "\n";
}

std::string format_mail(const spool::Seen& mail, const std::string& folder,
                        std::string_view beginning, base::WallTime now) {
  const spool::Envelope& envelope = mail.envelope;
  std::string text = "Mail " + envelope.id + ": " + std::string(state_of(mail)) + "\n";
  if (!envelope.recipients.empty()) {
    const std::string client = envelope.client.empty() ? "" : ", from " + shown(envelope.client);
    add_line(
        text, "accepted",
        spool::format_time(envelope.since) + " (" + age_of(envelope.since, now) + " ago)" + client);
    add_line(text, "size", plural(envelope.size, "octet"));
    add_line(text, "smarthost",
             envelope.smarthost.empty() ? "[smarthost]"
                                        : "[smarthost " + shown(envelope.smarthost) + "]");
    add_line(text, "attempts", std::to_string(envelope.attempts));
    if (!envelope.last_error.empty()) add_line(text, "last error", shown(envelope.last_error));
  }
  add_remarks(text, mail);
  if (!envelope.recipients.empty()) add_line(text, "from", shown(smtp::format(envelope.mail)));
  for (const spool::Recipient& recipient : envelope.recipients) {
    const std::string reply = recipient.reply.empty() ? "" : ": " + shown(recipient.reply);
    add_line(text, "to",
             shown(smtp::format(recipient.command)) + " (" +
                 std::string(spool::to_string(recipient.outcome)) + reply + ")");
  }
  add_line(text, "files", folder + (mail.is_failed ? "/failed/" : "/queue/") + envelope.id + ".*");
  const std::string header = header_of(beginning);
  return header.empty() ? text : text + "\n" + header;
}

}  // namespace app
