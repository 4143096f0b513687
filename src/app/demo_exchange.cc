// See demo_exchange.h.
#include "app/demo_exchange.h"

#include <algorithm>
#include <utility>

#include "smtp/command.h"

namespace app {

namespace {

// Longer lines are heard, not kept. RFC 5321 4.5.3.1.6: text lines of 1000 octets are usual.
constexpr std::size_t kMaxKeptLine = 4096;
constexpr std::size_t kMaxKeptDataLines = 12;
constexpr std::size_t kMaxKeptLines = 400;
constexpr std::size_t kMaxFinished = 16;
// The first byte of a TLS handshake (RFC 8446 5.1); no SMTP command begins with it.
constexpr char kTlsHandshake = 0x16;

// Everything an onlooker may hear in MAIL and RCPT.
smtp::Extensions all_extensions() {
  smtp::Extensions all;
  all.eight_bit_mime = all.smtputf8 = all.dsn = all.size = all.chunking = all.binarymime = true;
  all.auth_mechanisms = {"PLAIN"};
  return all;
}

// The path in the argument of MAIL or RCPT; nothing when the server will refuse it.
template <typename Parsed>
std::optional<std::string> path_of(const std::variant<Parsed, smtp::Reply>& parsed) {
  const auto* command = std::get_if<Parsed>(&parsed);
  if (command == nullptr) return std::nullopt;
  if constexpr (std::is_same_v<Parsed, smtp::MailCommand>) {
    return command->reverse_path;
  } else {
    return command->forward_path;
  }
}

std::string joined(const smtp::Reply& reply) {
  std::string text = std::to_string(reply.code) + (reply.lines.size() > 1 ? "-" : " ");
  for (std::size_t i = 0; i < reply.lines.size(); ++i) {
    if (i > 0) text.append(", ");
    text.append(reply.lines[i]);
  }
  return text;
}

}  // namespace

bool Exchange::is_sealed() const {
  bool is_mail = false;
  for (const SpokenLine& line : lines) {
    const bool is_command = line.speaker == Speaker::client && !line.is_mail_data;
    if (is_command && smtp::split_command(line.text).verb == smtp::Verb::mail) is_mail = true;
    if (is_mail && line.speaker != Speaker::note && !line.is_encrypted) return false;
  }
  return is_mail;
}

Recorder::Recorder(std::uint64_t& counter, unsigned waits_before)
    : counter_(counter), client_lines_(kMaxKeptLine) {
  current_.round_trips = waits_before;
}

void Recorder::on_client(std::string_view bytes) {
  is_client_waiting_ = true;
  if (!was_client_heard_ && bytes.starts_with(kTlsHandshake)) {
    add(Speaker::note, "(TLS begun by the client)");
    is_client_unreadable_ = true;
  }
  was_client_heard_ = was_client_heard_ || !bytes.empty();
  if (is_client_unreadable_) return;
  client_lines_.receive(bytes);
  while (const std::optional<smtp::Line> line = client_lines_.next_line()) on_client_line(*line);
}

void Recorder::on_client_line(const smtp::Line& line) {
  if (is_receiving_data_) {
    on_data_line(line);
    return;
  }
  if (line.is_too_long) {
    add(Speaker::client, "(a line of more than " + std::to_string(kMaxKeptLine) + " bytes)");
    asked_.push_back(Asked::other);
    return;
  }
  on_command(line.text);
}

void Recorder::on_data_line(const smtp::Line& line) {
  const bool is_end = line.text == "." && !line.ends_in_bare_lf && !was_bare_;
  was_bare_ = line.ends_in_bare_lf;
  if (is_end) {
    close_data();
    return;
  }
  ++data_lines_;
  const std::string_view text =
      line.is_too_long ? std::string_view("(a very long line)") : line.text;
  if (data_lines_ > kMaxKeptDataLines) {
    latest_data_line_ = text;
    return;
  }
  add(Speaker::client, text, true);
}

void Recorder::close_data() {
  if (data_lines_ == kMaxKeptDataLines + 1) {
    // To say that there is one more would take the line that it needs.
    add(Speaker::client, latest_data_line_, true);
  } else if (data_lines_ > kMaxKeptDataLines) {
    const std::string more = std::to_string(data_lines_ - kMaxKeptDataLines);
    add(Speaker::note, "(" + more + " more lines)", true);
  }
  add(Speaker::client, ".", true);
  is_receiving_data_ = false;
  asked_.push_back(Asked::end_of_data);
}

void Recorder::on_command(std::string_view line) {
  if (std::exchange(is_auth_response_due_, false)) {
    add(Speaker::client, "***");
    asked_.push_back(Asked::other);
    return;
  }
  const smtp::SplitCommand command = smtp::split_command(line);
  const bool is_new_start = command.verb == smtp::Verb::rset || command.verb == smtp::Verb::ehlo ||
                            command.verb == smtp::Verb::helo;
  if (is_new_start && !current_.reverse_path.empty()) finish();
  Asked asked = Asked::other;
  std::string shown(line);
  switch (command.verb) {
    case smtp::Verb::ehlo:
    case smtp::Verb::helo: asked = Asked::hello; break;
    case smtp::Verb::mail:
      asked = Asked::mail;
      current_.reverse_path =
          path_of(smtp::parse_mail(command.argument, all_extensions(), smtp::Syntax::tolerant))
              .value_or("(malformed)");
      break;
    case smtp::Verb::rcpt:
      asked = Asked::rcpt;
      forward_paths_.push_back(path_of(smtp::parse_rcpt(command.argument, all_extensions(), true,
                                                        smtp::Syntax::tolerant))
                                   .value_or("(malformed)"));
      break;
    case smtp::Verb::data: asked = Asked::data; break;
    case smtp::Verb::auth: {
      const std::size_t space = command.argument.find(' ');
      shown = "AUTH " + std::string(command.argument.substr(0, space));
      if (space != std::string_view::npos) shown.append(" ***");
      break;
    }
    default: break;
  }
  add(Speaker::client, shown);
  asked_.push_back(asked);
}

void Recorder::on_server(std::string_view bytes) {
  if (bytes.empty()) return;
  if (std::exchange(is_client_waiting_, false)) ++current_.round_trips;
  replies_.receive(bytes);
  while (true) {
    const auto next = replies_.next();
    if (const auto* reply = std::get_if<smtp::Reply>(&next)) {
      on_reply(*reply);
      continue;
    }
    if (const auto* malformed = std::get_if<smtp::MalformedReply>(&next)) {
      on_note("(a malformed reply: " + malformed->why + ")");
      replies_.clear();
    }
    return;
  }
}

void Recorder::on_reply(const smtp::Reply& reply) {
  const std::string text = joined(reply);
  add(Speaker::server, text);
  if (asked_.empty()) return;  // the greeting, or a server that says goodbye
  const Asked asked = asked_.front();
  asked_.pop_front();
  if (reply.code == 334) is_auth_response_due_ = true;
  settle(asked, text, reply.code);
}

void Recorder::settle(Asked asked, const std::string& text, int code) {
  switch (asked) {
    case Asked::rcpt: {
      std::string path = std::move(forward_paths_.front());
      forward_paths_.pop_front();
      if (code < 300) {
        current_.recipients.push_back(std::move(path));
      } else {
        current_.refusals.push_back(text);
      }
      break;
    }
    case Asked::mail:
      if (code >= 300) current_.refusals.push_back(text);
      break;
    case Asked::data:
      if (code == 354) {
        is_receiving_data_ = true;
        data_lines_ = 0;
        was_bare_ = false;
      } else {
        current_.refusals.push_back(text);
      }
      break;
    case Asked::end_of_data:
      current_.verdict = text;
      finish();
      break;
    case Asked::hello:
    case Asked::other: break;
  }
}

void Recorder::on_tls(std::string_view text, unsigned waits) {
  is_encrypted_ = true;
  current_.has_handshake = true;
  current_.round_trips += waits;
  add(Speaker::tls, text);
  // What was said before TLS is forgotten by both sides (RFC 3207 4.2).
  client_lines_.clear();
  replies_.clear();
  asked_.clear();
  forward_paths_.clear();
}

void Recorder::on_note(std::string_view text) { add(Speaker::note, text); }

void Recorder::on_close() {
  if (is_receiving_data_) add(Speaker::note, "(cut off in the middle of the mail data)");
  if (!current_.lines.empty()) finish();
}

void Recorder::add(Speaker speaker, std::string_view text, bool is_mail_data) {
  if (current_.lines.size() >= kMaxKeptLines) return;
  current_.lines.push_back({speaker, std::string(text), counter_++, is_mail_data, is_encrypted_});
}

void Recorder::finish() {
  finished_.push_back(take_current());
  if (finished_.size() > kMaxFinished) finished_.pop_front();
}

Exchange Recorder::take_current() { return std::exchange(current_, Exchange{}); }

std::optional<Exchange> Recorder::take_finished() {
  if (finished_.empty()) return std::nullopt;
  Exchange exchange = std::move(finished_.front());
  finished_.pop_front();
  return exchange;
}

}  // namespace app
