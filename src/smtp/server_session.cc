// The server's side of the conversation: see server_session.h.
#include "smtp/server_session.h"

#include <algorithm>
#include <utility>

namespace smtp {

namespace {

// Unread input above this is not asked for: commands that must wait are the client's to keep.
constexpr std::size_t kMaxWaitingInput = 65536;

}  // namespace

ServerSession::ServerSession(ServerOptions options, base::Instant now)
    : options_(std::move(options)), lines_(kMaxAuthLine), last_progress_(now), now_(now) {}

void ServerSession::greet(const Extensions& offered, base::Instant now) {
  if (state_ != State::greeting) return;
  offered_ = offered;
  say(Reply::make(220, "", options_.hostname + " ESMTP"));
  state_ = State::commands;
  last_progress_ = now;
}

void ServerSession::refuse(const Reply& reply) {
  if (state_ == State::finished) return;
  say(reply);
  state_ = State::finished;
  if (gone_why_.empty()) gone_why_ = reply.summary();
}

void ServerSession::receive(std::string_view bytes, base::Instant now) {
  now_ = now;
  if (state_ == State::mail_data) {
    last_progress_ = now;
    data_clock_.on_moved(bytes.size(), now);
    // What the last event showed is over now (see from_client::MailData).
    if (std::exchange(is_decoded_given_, false)) decoded_.clear();
    decode(bytes);
  } else if (state_ == State::tls_wait) {
    cut(std::string(kPlaintextBehindStartTls));
  } else if (state_ != State::finished) {
    lines_.receive(bytes);
    if (state_ == State::greeting) on_early_talk();
  }
}

// RFC 5321 4.3.1: the client waits for the greeting.
void ServerSession::on_early_talk() {
  // TLS is told that it is none of ours once there is a greeting.
  if (lines_.is_empty() || lines_.rest().starts_with('\x16')) return;
  if (is_strict()) {
    refuse(Reply::make(554, "5.5.0", "you spoke before the greeting"));
  } else {
    tolerate(Tolerance::early_talk);
  }
}

void ServerSession::receive_eof() { has_eof_ = true; }

void ServerSession::cut(std::string why) {
  if (state_ == State::finished) return;
  state_ = State::finished;
  gone_why_ = std::move(why);
}

void ServerSession::decode(std::string_view bytes) {
  const std::size_t taken = chunk_                ? decode_chunk(bytes)
                            : decoder_.is_ended() ? 0
                                                  : decoder_.receive(bytes, decoded_);
  if (is_data_refused_) decoded_.clear();
  lines_.receive(bytes.substr(taken));
}

ServerEvent ServerSession::next_event() {
  if (std::exchange(is_decoded_given_, false)) decoded_.clear();
  switch (state_) {
    case State::greeting:
      // A client that sent everything and half-closed still gets its answers.
      if (has_eof_ && lines_.is_empty()) return finish("client left before the greeting");
      return NeedMore{};
    case State::commands: return next_command();
    case State::tls_wait: return NeedMore{};
    case State::mail_data: return next_mail_data();
    case State::finished: break;
  }
  if (std::exchange(is_gone_told_, true)) return NeedMore{};
  return from_client::Gone{gone_why_};
}

ServerEvent ServerSession::next_mail_data() {
  if (!is_data_refused_) {
    if (std::optional<Reply> fault = fault_of_data()) {
      is_data_refused_ = true;
      decoded_.clear();
      return from_client::MailDataRefused{*std::move(fault)};
    }
  }
  if (!decoded_.empty()) {
    is_decoded_given_ = true;
    return from_client::MailData{decoded_};
  }
  if (chunk_) {
    if (chunk_->left == 0) return end_chunk();
  } else if (decoder_.is_ended()) {
    std::string().swap(decoded_);  // sessions sit idle for long
    state_ = State::commands;
    owed_ = Owed::end_of_data;
    return from_client::EndOfData{decoder_.size()};
  }
  if (has_eof_) return finish("client closed the connection inside its mail data");
  return NeedMore{};
}

std::optional<Reply> ServerSession::fault_of_data() const {
  const bool has_nul = chunk_ ? chunks_ && chunks_->has_nul() : decoder_.has_nul();
  const bool has_bare_line_ends =
      chunk_ ? chunks_ && chunks_->has_bare_line_ends() : decoder_.has_bare_line_ends();
  if (has_nul) {
    return Reply::make(554, "5.6.0", "mail data holds a NUL octet, which SMTP cannot carry");
  }
  if (has_bare_line_ends && options_.line_endings == LineEndings::strict) {
    return Reply::make(550, "5.6.11", "mail data holds a bare CR or LF (line_endings = strict)");
  }
  return std::nullopt;
}

ServerEvent ServerSession::next_command() {
  while (state_ == State::commands) {
    if (owed_ != Owed::nothing && owed_ != Owed::mail) return NeedMore{};
    if (std::exchange(is_login_user_due_, false)) return give_login_user();
    ServerEvent event = NeedMore{};
    if (held_line_) {
      const HeldLine held = *std::exchange(held_line_, std::nullopt);
      Line line;
      line.text = held.text;
      line.ends_in_bare_lf = held.ends_in_bare_lf;
      line.has_bare_cr = held.has_bare_cr;
      line.has_nul = held.has_nul;
      line.is_too_long = held.is_too_long;
      event = on_line(line);
    } else if (!is_auth_response_due_ && starts_like_tls()) {
      if (is_reply_owed()) return NeedMore{};
      return on_foreign();
    } else if (const std::optional<Line> line = lines_.next_line()) {
      event = on_line(*line);
    } else {
      if (lines_.skipped() > kMaxSkippedLine) {
        if (is_reply_owed()) return NeedMore{};
        say(Reply::make(500, "5.5.2", "line too long"));
        return finish("client sent a line without end");
      }
      if (has_eof_ && !is_reply_owed()) return finish("client closed the connection");
      return NeedMore{};
    }
    // A line that was answered here is no event; one that has to wait stops the reading.
    if (held_line_ || !std::holds_alternative<NeedMore>(event)) return event;
  }
  return next_event();
}

bool ServerSession::starts_like_tls() const {
  return lines_.skipped() == 0 && lines_.rest().starts_with("\x16\x03");
}

ServerEvent ServerSession::hold(const Line& line) {
  held_line_ = HeldLine{std::string(line.text), line.ends_in_bare_lf, line.has_bare_cr,
                        line.has_nul, line.is_too_long};
  return NeedMore{};
}

void ServerSession::answer_hello(const Extensions& offered, base::Instant now) {
  if (state_ == State::finished || owed_ != Owed::hello) return;
  offered_ = offered;
  say(is_extended_ ? format_ehlo(options_.hostname, offered_)
                   : Reply::make(250, "", options_.hostname));
  owed_ = Owed::nothing;
  last_progress_ = now;
}

void ServerSession::reply(const Reply& reply, base::Instant now) {
  // The last word was said while this reply was on its way.
  if (state_ == State::finished) return;
  last_progress_ = now;
  switch (owed_) {
    case Owed::mail:
      owed_ = Owed::nothing;
      say(reply);
      if (!reply.is_positive()) end_transaction();
      return;
    case Owed::data:
      if (chunk_) {
        settle_chunk(reply);
      } else {
        settle_data(reply);
      }
      return;
    case Owed::chunk:
      owed_ = Owed::nothing;
      data_clock_.grant(std::max(now - now_, base::Duration::zero()));  // others had that time
      say(reply);
      if (!reply.is_positive()) fail_chunks(reply);
      return;
    case Owed::auth: settle_auth(reply); return;
    case Owed::starttls: settle_starttls(reply); return;
    case Owed::end_of_data:
      owed_ = Owed::nothing;
      junk_ = 0;
      if (reply.is_positive()) errors_ = rcpts_refused_ = 0;
      say(reply);
      end_transaction();
      end_turn();
      return;
    case Owed::hello:
    case Owed::nothing: break;
  }
  SMTPSEAL_CHECK(owed_rcpts_ > 0);
  --owed_rcpts_;
  if (reply.is_positive()) ++rcpts_accepted_;
  if (reply.is_transient()) has_deferred_rcpt_ = true;
  say(reply);
}

void ServerSession::settle_data(const Reply& reply) {
  owed_ = Owed::nothing;
  say(reply);
  if (!reply.is_intermediate()) {
    end_transaction();
    if (lines_.is_empty()) return;
    state_ = State::finished;
    gone_why_ = "client sent mail data behind a DATA that was refused";
    return;
  }
  decoder_ = MailDataDecoder();
  is_data_refused_ = false;
  grant_time(last_progress_);
  open_mail_data();
}

void ServerSession::open_mail_data() {
  state_ = State::mail_data;
  decoded_.clear();
  is_decoded_given_ = false;
  const std::string waiting(lines_.rest());
  data_clock_.on_moved(waiting.size(), last_progress_);
  lines_.clear();
  decode(waiting);
}

ServerEvent ServerSession::finish(std::string why) {
  state_ = State::finished;
  gone_why_ = std::move(why);
  is_gone_told_ = true;
  return from_client::Gone{gone_why_};
}

void ServerSession::end_transaction() {
  has_mail_ = false;
  is_utf8_ = false;
  is_binary_ = false;
  may_begin_anew_ = false;
  chunks_.reset();
  chunk_failure_.reset();
  rcpts_seen_ = 0;
  rcpts_accepted_ = 0;
  has_deferred_rcpt_ = false;
}

std::optional<base::Instant> ServerSession::deadline() const {
  // Others watch a handshake.
  const bool is_silent = state_ == State::greeting || state_ == State::tls_wait;
  if (is_silent || state_ == State::finished || is_reply_owed()) return std::nullopt;
  // Between chunks, too, mail data must come: the smarthost waits for it.
  if (state_ != State::mail_data && !chunks_) return last_progress_ + options_.command_timeout;
  return data_clock_.paid_until() + options_.data_timeout;
}

void ServerSession::grant_time(base::Instant now) {
  last_progress_ = now;
  data_clock_.begin(now);
}

void ServerSession::on_time(base::Instant now) {
  const std::optional<base::Instant> due = deadline();
  if (!due || now < *due) return;
  const bool is_in_data = state_ == State::mail_data;
  refuse(Reply::make(421, "4.4.2",
                     is_in_data ? "timed out waiting for mail data" : "timed out, idle too long"));
}

bool ServerSession::wants_input() const {
  if (state_ == State::finished || has_eof_) return false;
  if (state_ == State::mail_data) return true;
  return lines_.rest().size() < kMaxWaitingInput && lines_.skipped() <= kMaxSkippedLine;
}

std::string_view ServerSession::stall_hint() const {
  if (state_ != State::mail_data || chunk_ || !decoder_.has_false_end()) return {};
  return "the mail data has a line of a single dot that is not between two CRLF; only "
         "CRLF.CRLF ends mail data";
}

}  // namespace smtp
