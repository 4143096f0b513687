// The client's side of the conversation: see client_session.h.
#include "smtp/client_session.h"

#include <algorithm>
#include <utility>

namespace smtp {

std::string_view to_string(Sent sent) {
  switch (sent) {
    case Sent::greeting: return "greeting";
    case Sent::ehlo: return "EHLO";
    case Sent::helo: return "HELO";
    case Sent::starttls: return "STARTTLS";
    case Sent::rset: return "RSET";
    case Sent::mail: return "MAIL";
    case Sent::rcpt: return "RCPT";
    case Sent::data: return "DATA";
    case Sent::chunk: return "BDAT";
    case Sent::end_of_data: return "end of data";
    case Sent::auth: return "AUTH";
    case Sent::quit: return "QUIT";
  }
  return "command";
}

namespace {

// Which 2yz and 3yz codes may answer what (RFC 5321 4.3.2); 4yz and 5yz may answer anything.
bool may_answer(Sent sent, int code) {
  if (code >= 400) return true;
  switch (sent) {
    case Sent::greeting:
    case Sent::starttls: return code == 220;
    case Sent::rcpt: return code == 250 || code == 251 || code == 252;
    case Sent::data: return code == 354;
    case Sent::auth: return code == 235 || code == 334;
    case Sent::quit: return code < 300;
    default: return code == 250;
  }
}

bool is_pipelined_command(Sent sent) {
  return sent == Sent::rset || sent == Sent::mail || sent == Sent::rcpt;
}

constexpr std::string_view kUnasked = "smarthost sent data that nothing asked for";

std::string with_code(std::string_view what, int code) {
  return std::string(what) + " was answered with " + std::to_string(code);
}

}  // namespace

ClientSession::ClientSession(ClientOptions options, base::Instant now)
    : options_(std::move(options)), waiting_since_(now), now_(now) {
  // A line that ends in LF alone is no line before TLS, where anybody may write into the stream.
  replies_.allow_bare_lf(options_.starttls == StartTls::never);
  queue_.push_back({Sent::greeting, {}});
  sent_count_ = 1;
}

void ClientSession::receive(std::string_view bytes, base::Instant now) {
  now_ = now;
  if (state_ == State::failed || state_ == State::tls) return;
  replies_.receive(bytes);
}

void ClientSession::receive_eof() { has_eof_ = true; }

ClientEvent ClientSession::next_event() {
  if (pending_failure_) return *std::exchange(pending_failure_, std::nullopt);
  if (state_ == State::failed || state_ == State::tls) return NeedMore{};
  auto next = replies_.next();
  if (auto* reply = std::get_if<Reply>(&next)) return on_reply(std::move(*reply));
  if (const auto* malformed = std::get_if<MalformedReply>(&next)) {
    return fail(base::Fault::peer_protocol, "smarthost broke the protocol: " + malformed->why);
  }
  if (!has_eof_) return NeedMore{};
  std::string detail = "smarthost closed the connection";
  if (sent_count_ > 0) {
    detail.append(" while the reply to ").append(to_string(queue_.front().what)).append(" was due");
  } else if (data_phase_ != DataPhase::none) {
    detail.append(" inside the mail data");
  }
  return fail(base::Fault::connection, std::move(detail));
}

ClientEvent ClientSession::on_reply(Reply reply) {
  if (sent_count_ == 0) {
    if (data_phase_ == DataPhase::open) return on_early_verdict(std::move(reply));
    if (reply.code == 421) {
      return fail(base::Fault::connection, "smarthost closed the idle connection with 421");
    }
    return fail(base::Fault::peer_protocol, "smarthost sent a reply that nothing asked for");
  }
  const Sent sent = queue_.front().what;
  queue_.pop_front();
  --sent_count_;
  waiting_since_ = now_;
  if (reply.code == 421) is_closing_ = true;
  if (sent == Sent::auth) replies_.allow_long_line(false);
  if (!may_answer(sent, reply.code)) {
    return fail(base::Fault::peer_protocol,
                "smarthost broke the protocol: " + with_code(to_string(sent), reply.code));
  }
  switch (sent) {
    case Sent::greeting: return on_greeting(std::move(reply));
    case Sent::ehlo:
    case Sent::helo: return on_hello_reply(sent, std::move(reply));
    case Sent::starttls: return on_starttls_reply(std::move(reply));
    case Sent::auth:
      if (state_ == State::login) return on_login_reply(reply);
      return on_command_reply(sent, std::move(reply));
    default: return on_command_reply(sent, std::move(reply));
  }
}

// What is said before TLS is up may be anybody's words: failures there carry the code alone.
ClientEvent ClientSession::on_greeting(Reply reply) {
  greeting_ = std::move(reply);
  if (greeting_.code != 220) {
    service_refusal_ = greeting_;
    return fail(base::Fault::peer_unable,
                "smarthost refuses service: " + with_code("connecting", greeting_.code));
  }
  state_ = State::ehlo;
  return proceed(Sent::ehlo, "EHLO " + options_.ehlo_name);
}

ClientEvent ClientSession::on_hello_reply(Sent sent, Reply reply) {
  const bool is_before_tls = state_ == State::ehlo;
  const bool needs_tls = is_before_tls && options_.starttls == StartTls::required;
  if (reply.is_positive()) {
    ehlo_reply_ = reply;
    extensions_ = sent == Sent::ehlo ? parse_extensions(reply) : Extensions{};
    if (!is_before_tls || options_.starttls == StartTls::never) return enter_ready();
    return want_starttls();
  }
  service_refusal_ = reply;
  if (reply.is_transient() || sent == Sent::helo) {
    return fail(base::Fault::peer_unable,
                "smarthost refuses service: " + with_code(to_string(sent), reply.code));
  }
  if (needs_tls) {
    return fail(base::Fault::tls_unavailable,
                "smarthost offers no STARTTLS: " + with_code("EHLO", reply.code));
  }
  return proceed(Sent::helo, "HELO " + options_.ehlo_name);
}

ClientEvent ClientSession::want_starttls() {
  if (extensions_.starttls) {
    state_ = State::starttls;
    return proceed(Sent::starttls, "STARTTLS");
  }
  if (options_.starttls == StartTls::if_offered) return enter_ready();
  return fail(base::Fault::tls_unavailable, "smarthost does not offer STARTTLS");
}

ClientEvent ClientSession::on_starttls_reply(Reply reply) {
  if (reply.code != 220) {
    const bool may_go_on = options_.starttls == StartTls::if_offered && reply.code != 421;
    if (may_go_on) return enter_ready();
    service_refusal_ = reply;
    return fail(base::Fault::tls_unavailable,
                "smarthost refuses STARTTLS: " + with_code("it", reply.code));
  }
  // RFC 3207 4.2: whatever stands behind this reply was not sent by the far end of the TLS
  // connection. A line of it is as bad as half a line.
  if (!replies_.is_empty()) {
    return fail(base::Fault::tls,
                "data in plaintext behind the reply to STARTTLS: somebody tampers with the "
                "connection");
  }
  state_ = State::tls;
  return from_smarthost::TlsWanted{};
}

void ClientSession::tls_established(base::Instant now) {
  is_encrypted_ = true;
  if (state_ != State::tls) return;
  now_ = now;
  extensions_ = Extensions{};
  ehlo_reply_ = Reply{};
  replies_.clear();
  replies_.allow_bare_lf(true);
  state_ = State::ehlo_again;
  push(Sent::ehlo, "EHLO " + options_.ehlo_name);
}

void ClientSession::greet_again(std::string ehlo_name, base::Instant now) {
  now_ = now;
  if (state_ != State::ready) return;
  options_.ehlo_name = std::move(ehlo_name);
  state_ = State::ehlo_again;
  is_in_transaction_ = false;
  is_greeting_again_ = true;
  push(Sent::ehlo, "EHLO " + options_.ehlo_name);
}

ClientEvent ClientSession::enter_ready() {
  const bool is_logged_in = state_ == State::login || is_greeting_again_;
  if (options_.needs_login && !is_logged_in) return log_in();
  state_ = State::ready;
  is_greeting_again_ = false;
  return from_smarthost::Ready{};
}

ClientEvent ClientSession::on_command_reply(Sent sent, Reply reply) {
  switch (sent) {
    case Sent::rset:
      if (!reply.is_positive()) {
        return fail(base::Fault::connection, with_code("smarthost is of no use: RSET", reply.code));
      }
      // MAIL may have gone out in the same write.
      is_in_transaction_ = std::any_of(queue_.begin(), queue_.end(), [](const Pending& pending) {
        return pending.what == Sent::mail;
      });
      break;
    case Sent::data: return on_data_reply(std::move(reply));
    case Sent::chunk: return on_chunk_reply(std::move(reply));
    case Sent::end_of_data:
      if (is_chunked_) return on_last_chunk_reply(std::move(reply));
      is_in_transaction_ = false;
      break;
    case Sent::quit: return next_event();
    default: break;
  }
  flush_queue();
  return from_smarthost::Replied{sent, std::move(reply)};
}

void ClientSession::send(Sent what, std::string_view line, base::Instant now) {
  now_ = now;
  if (state_ != State::ready) return;
  if (what == Sent::rset) abandon_data();
  if (what == Sent::auth) replies_.allow_long_line(true);
  if (what == Sent::data) {
    encoder_ = MailDataEncoder();
    data_phase_ = DataPhase::waiting;
    is_chunked_ = false;
  }
  push(what, std::string(line));
}

void ClientSession::push(Sent what, std::string line) {
  queue_.push_back({what, std::move(line)});
  flush_queue();
}

bool ClientSession::may_send_now(Sent what) const {
  if (sent_count_ == 0) return true;
  if (!extensions_.pipelining || state_ != State::ready) return false;
  // RFC 2920 3.1: DATA may end a group, everything else that changes the state stands alone.
  // RFC 3030 4.2: BDAT may be pipelined, behind BDAT too.
  const Sent before = queue_[sent_count_ - 1].what;
  if (what == Sent::chunk && before == Sent::chunk) return true;
  const bool may_follow = is_pipelined_command(what) || what == Sent::data || what == Sent::chunk;
  return may_follow && is_pipelined_command(before);
}

void ClientSession::mark_sent() {
  if (sent_count_++ == 0) waiting_since_ = now_;
}

void ClientSession::flush_queue() {
  if (sent_count_ == queue_.size()) return;
  // A reply that came before its command is no reply to it.
  if (sent_count_ == 0 && !replies_.is_empty()) {
    fail_later(base::Fault::peer_protocol, std::string(kUnasked));
    return;
  }
  while (sent_count_ < queue_.size() && may_send_now(queue_[sent_count_].what)) {
    Pending& next = queue_[sent_count_];
    if (next.what == Sent::mail) is_in_transaction_ = true;
    output_.append(next.line);
    output_.append("\r\n");
    if (next.what == Sent::auth) base::wipe(next.line);
    std::string().swap(next.line);
    mark_sent();
  }
}

base::Duration ClientSession::timeout_of(Sent what) const {
  switch (what) {
    case Sent::rset: return std::min<base::Duration>(options_.command_timeout, kResetProbeTimeout);
    case Sent::ehlo:
      // It finds out whether the connection lives, as RSET does.
      return is_greeting_again_
                 ? std::min<base::Duration>(options_.command_timeout, kResetProbeTimeout)
                 : options_.command_timeout;
    case Sent::data:
      return std::min<base::Duration>(options_.command_timeout, kDataInitiationTimeout);
    case Sent::end_of_data: return options_.data_timeout;
    default: return options_.command_timeout;
  }
}

std::optional<base::Instant> ClientSession::deadline() const {
  if (state_ == State::failed) return std::nullopt;
  const std::optional<base::Instant> due = chunk_due();
  if (sent_count_ == 0) return due;
  return base::earlier(due, waiting_since_ + timeout_of(queue_.front().what));
}

void ClientSession::on_time(base::Instant now) {
  const std::optional<base::Instant> due = deadline();
  if (!due || now < *due) return;
  now_ = now;
  if (const auto chunk = chunk_due(); chunk && now >= *chunk) {
    send_chunk();
    return;
  }
  const Sent sent = queue_.front().what;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout_of(sent)).count();
  const std::string within = " within " + std::to_string(seconds) + " s";
  if (sent != Sent::greeting) {
    fail_later(base::Fault::connection,
               "smarthost did not answer " + std::string(to_string(sent)) + within);
    return;
  }
  // Both ends of a wrong mode wait for the other.
  const bool may_want_tls = options_.starttls != StartTls::never;
  fail_later(base::Fault::connection,
             "smarthost sent no greeting" + within +
                 (may_want_tls ? "; a port that wants TLS first needs mode = implicit" : ""));
}

Reuse ClientSession::reuse() const {
  if (state_ != State::ready) return {false, "session is not ready"};
  if (has_eof_) return {false, "smarthost closed the connection"};
  if (is_closing_) return {false, "smarthost said 421"};
  if (has_verdict_ || data_phase_ != DataPhase::none) return {false, "mail data was not ended"};
  if (!queue_.empty()) return {false, "a reply is owed"};
  if (!replies_.is_empty()) return {false, "bytes nothing asked for"};
  return {true, {}};
}

ClientEvent ClientSession::proceed(Sent what, std::string line) {
  push(what, std::move(line));
  return next_event();
}

ClientEvent ClientSession::fail(base::Fault fault, std::string detail) {
  state_ = State::failed;
  queue_.clear();
  sent_count_ = 0;
  data_phase_ = DataPhase::none;
  is_end_unsent_ = is_end_unsent();
  drop_held_data();
  return from_smarthost::Failed{{fault, std::move(detail)}};
}

void ClientSession::fail_later(base::Fault fault, std::string detail) {
  pending_failure_ = std::get<from_smarthost::Failed>(fail(fault, std::move(detail)));
}

}  // namespace smtp
