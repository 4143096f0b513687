// See demo_smarthost_session.h.
#include "app/demo_smarthost_session.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/text.h"
#include "smtp/trace.h"

namespace app {

namespace {

constexpr std::size_t kMaxErrors = 50;
constexpr std::string_view kRefusedLocalPart = "nobody";

// "<nobody@example.edu>" to "nobody".
std::string local_part(std::string_view path) {
  if (path.starts_with('<')) path.remove_prefix(1);
  return base::lowered(path.substr(0, path.find_first_of("@>")));
}

std::string format_queue_id(std::uint64_t number) {
  char text[24];
  std::snprintf(text, sizeof text, "DEMO%04llu", static_cast<unsigned long long>(number));
  return text;
}

}  // namespace

DemoSmarthostSession::DemoSmarthostSession(std::string hostname, std::string client_address,
                                           std::uint64_t& queue_counter)
    : hostname_(std::move(hostname)),
      client_address_(std::move(client_address)),
      queue_counter_(queue_counter),
      lines_(smtp::kMaxCommandLine) {
  say(220, "", hostname_ + " ESMTP");
}

void DemoSmarthostSession::say(int code, std::string_view enhanced, std::string_view text) {
  refuse(smtp::Reply::make(code, enhanced, text));
}

// Any reply; the negative ones are counted.
void DemoSmarthostSession::refuse(const smtp::Reply& reply) {
  append_reply(output_, reply);
  if (reply.code < 400) return;
  ++errors_;
  if (errors_ < kMaxErrors || state_ == State::finished) return;
  state_ = State::finished;
  append_reply(output_, smtp::Reply::make(421, "4.7.0", "Too many errors"));
}

void DemoSmarthostSession::on_idle() {
  if (state_ == State::finished) return;
  state_ = State::finished;
  say(421, "4.4.2", "Idle for too long");
}

void DemoSmarthostSession::receive(std::string_view bytes, base::WallTime now) {
  lines_.receive(bytes);
  while (true) {
    if (state_ == State::mail_data) receive_mail_data(now);
    if (state_ != State::commands) break;
    const std::optional<smtp::Line> line = lines_.next_line();
    if (!line) break;
    on_line(*line);
  }
}

void DemoSmarthostSession::on_line(const smtp::Line& line) {
  if (line.is_too_long) {
    say(500, "5.5.2", "Line too long");
  } else if (line.has_nul || line.has_bare_cr) {
    say(500, "5.5.2", "Stray control character");
  } else {
    on_command(smtp::split_command(line.text));
  }
}

void DemoSmarthostSession::on_command(const smtp::SplitCommand& command) {
  switch (command.verb) {
    case smtp::Verb::ehlo: on_hello(command, true); return;
    case smtp::Verb::helo: on_hello(command, false); return;
    case smtp::Verb::noop: say(250, "2.0.0", "Ok"); return;
    case smtp::Verb::starttls: on_starttls(command); return;
    case smtp::Verb::quit:
      say(221, "2.0.0", "Bye");
      state_ = State::finished;
      return;
    default: break;
  }
  if (tls_.empty()) {
    say(530, "5.7.0", "Must issue a STARTTLS command first");
    return;
  }
  switch (command.verb) {
    case smtp::Verb::mail: on_mail(command); break;
    case smtp::Verb::rcpt: on_rcpt(command); break;
    case smtp::Verb::data: on_data(); break;
    case smtp::Verb::rset:
      end_transaction();
      say(250, "2.0.0", "Ok");
      break;
    case smtp::Verb::vrfy: say(252, "2.0.0", "Send some mail, I will try"); break;
    default: say(502, "5.5.1", "Command not implemented"); break;
  }
}

smtp::Extensions DemoSmarthostSession::offered() const {
  smtp::Extensions extensions;
  extensions.starttls = tls_.empty();
  if (tls_.empty()) return extensions;
  extensions.pipelining = true;
  extensions.size = true;
  extensions.max_size = kMaxMessage;
  extensions.eight_bit_mime = true;
  extensions.smtputf8 = true;
  extensions.dsn = true;
  extensions.enhanced_status_codes = true;
  return extensions;
}

void DemoSmarthostSession::on_hello(const smtp::SplitCommand& command, bool is_extended) {
  const auto name = smtp::parse_hello(command.argument, smtp::Syntax::tolerant);
  if (const auto* reply = std::get_if<smtp::Reply>(&name)) {
    refuse(*reply);
    return;
  }
  client_name_ = std::get<smtp::HelloCommand>(name).name;
  is_extended_ = is_extended;
  end_transaction();
  if (is_extended) {
    append_reply(output_, smtp::format_ehlo(hostname_, offered()));
  } else {
    say(250, "", hostname_);
  }
}

void DemoSmarthostSession::on_starttls(const smtp::SplitCommand& command) {
  if (!tls_.empty()) {
    say(503, "5.5.1", "TLS runs already");
  } else if (!command.argument.empty()) {
    say(501, "5.5.4", "STARTTLS takes no parameter");
  } else if (!lines_.rest().empty()) {
    // Plaintext behind STARTTLS could pass for encrypted (CVE-2011-0411).
    state_ = State::finished;
    say(554, "5.5.0", "Bytes after STARTTLS before TLS");
  } else {
    say(220, "2.0.0", "Ready to start TLS");
    state_ = State::tls;
  }
}

void DemoSmarthostSession::tls_established(std::string summary) {
  tls_ = std::move(summary);
  state_ = State::commands;
  client_name_.clear();
  end_transaction();
}

void DemoSmarthostSession::on_mail(const smtp::SplitCommand& command) {
  if (has_mail_) {
    say(503, "5.5.1", "Nested MAIL command");
    return;
  }
  const auto parsed = smtp::parse_mail(command.argument, offered(), smtp::Syntax::tolerant);
  if (const auto* reply = std::get_if<smtp::Reply>(&parsed)) {
    refuse(*reply);
    return;
  }
  const auto& mail = std::get<smtp::MailCommand>(parsed);
  has_mail_ = true;
  is_utf8_ = mail.is_utf8;
  message_.reverse_path = mail.reverse_path;
  say(250, "2.1.0", "Ok");
}

void DemoSmarthostSession::on_rcpt(const smtp::SplitCommand& command) {
  if (!has_mail_) {
    say(503, "5.5.1", "MAIL first");
    return;
  }
  if (message_.recipients.size() >= smtp::kMaxRecipients) {
    say(452, "4.5.3", "Too many recipients");
    return;
  }
  const auto parsed =
      smtp::parse_rcpt(command.argument, offered(), is_utf8_, smtp::Syntax::tolerant);
  if (const auto* reply = std::get_if<smtp::Reply>(&parsed)) {
    refuse(*reply);
    return;
  }
  const std::string& path = std::get<smtp::RcptCommand>(parsed).forward_path;
  if (local_part(path) == kRefusedLocalPart) {
    say(550, "5.1.1", path + " no such user");
    return;
  }
  message_.recipients.push_back(path);
  say(250, "2.1.5", "Ok");
}

void DemoSmarthostSession::on_data() {
  if (message_.recipients.empty()) {
    say(has_mail_ ? 554 : 503, "5.5.1", has_mail_ ? "No valid recipients" : "MAIL first");
    return;
  }
  say(354, "", "End data with <CR><LF>.<CR><LF>");
  decoder_.emplace();
  state_ = State::mail_data;
}

void DemoSmarthostSession::receive_mail_data(base::WallTime now) {
  std::string decoded;
  lines_.consume_rest(decoder_->receive(lines_.rest(), decoded));
  message_.content.append(decoded, 0, kMaxKept - std::min(kMaxKept, message_.content.size()));
  message_.size = decoder_->size();
  if (decoder_->is_ended()) end_mail_data(now);
}

void DemoSmarthostSession::end_mail_data(base::WallTime now) {
  state_ = State::commands;
  if (message_.size > kMaxMessage) {
    end_transaction();
    say(552, "5.3.4", "Message too big");
    return;
  }
  message_.queue_id = format_queue_id(++queue_counter_);
  message_.tls = tls_;
  smtp::TraceFacts facts;
  facts.client_name = client_name_;
  facts.client_address = client_address_;
  facts.hostname = hostname_;
  facts.is_extended = is_extended_;
  facts.client_tls = tls_;
  facts.id = message_.queue_id;
  message_.trace = smtp::format_received(facts, now);
  say(250, "2.0.0", "Ok: queued as " + message_.queue_id);
  accepted_.push_back(message_);
  end_transaction();
}

void DemoSmarthostSession::end_transaction() {
  message_ = DemoMessage{};
  decoder_.reset();
  has_mail_ = false;
  is_utf8_ = false;
}

std::optional<DemoMessage> DemoSmarthostSession::take_message() {
  if (accepted_.empty()) return std::nullopt;
  DemoMessage message = std::move(accepted_.front());
  accepted_.pop_front();
  return message;
}

}  // namespace app
