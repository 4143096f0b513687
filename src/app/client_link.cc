// See client_link.h.
#include "app/client_link.h"

#include <utility>

#include "app/format.h"
#include "relay/outcome.h"

namespace app {

namespace {

// Replies waiting for a client that does not read them: above this its commands wait too
// (RFC 2920 3.1 knows the deadlock this avoids).
constexpr std::size_t kMaxWaitingReplies = 64 * 1024;
// How long a client may take to read our last reply before the connection is cut.
constexpr base::Duration kCloseLinger = std::chrono::seconds(5);

base::Duration command_timeout(const ListenerContext& context) {
  return context.crowding.is_crowded() ? smtp::kCrowdedIdleTimeout : smtp::kCommandIdleTimeout;
}

smtp::ServerOptions server_options(const ListenerContext& context) {
  smtp::ServerOptions options;
  options.hostname = context.hostname;
  options.line_endings = context.listener.line_endings;
  options.syntax = context.listener.syntax;
  options.command_timeout = command_timeout(context);
  options.is_tls_required = context.listener.tls == config::ClientTls::encrypt;
  options.auth_requires_tls =
      context.listener.auth_requires_tls && context.listener.auth != config::ClientAuth::off;
  return options;
}

relay::TransactionOptions transaction_options(const ListenerContext& context) {
  relay::TransactionOptions options;
  options.hostname = context.hostname;
  options.early_replies = context.listener.early_replies;
  options.max_message_size = context.listener.max_message_size;
  options.delivery = context.listener.delivery;
  return options;
}

}  // namespace

ClientLink::ClientLink(ListenerContext& context, net::TcpStream stream, ClientOrigin origin,
                       std::uint64_t id)
    : context_(context),
      id_(id),
      id_text_(format_id(id)),
      timer_(*context.loop, *this),
      stream_(std::move(stream)),
      origin_(std::move(origin)),
      session_(server_options(context), context.loop->now()),
      transaction_(transaction_options(context)),
      senders_(SenderRewriting::make(context.listener.sender)),
      pool_(context.pool),
      pool_of_mail_(context.pool),
      opened_(context.loop->now()) {
  prepare_login();
}

ClientLink::~ClientLink() = default;

void ClientLink::start(std::string_view early) {
  log_session_open(*context_.log, id_text_, origin_, stream_->local());
  if (const auto started = stream_->start(*this); !started) {
    leave(started.error().detail);
    finish();
    return;
  }
  if (context_.is_implicit_tls()) {
    begin_tls(context_.tls->make_engine(), ServerTls::Begin::implicit);
  } else {
    welcome();
  }
  if (!early.empty()) on_read(early);
  context_.turn->want(*this);
}

// --- what happens ---

void ClientLink::on_read(std::string_view bytes) {
  if (is_finished_) return;
  // A client with more to say is heard again after this turn, when what it said is on its way: its
  // bytes stay few and in the cache, and others come in between.
  if (bytes.size() == net::Loop::kReadBufferSize) stream_->pause_reading();
  if (tls_) {
    tls_->receive(bytes);
    pump_tls();
  } else {
    session_.receive(bytes, now());
  }
  drive();
}

// An end of TCP without that of TLS is one, too: no command and no mail data is ever taken for
// whole because of it.
void ClientLink::on_eof() {
  if (is_finished_) return;
  if (tls_ && !tls_->has_heard()) {
    session_.cut("client left before it began TLS");  // a probe of the port, more often than not
  } else if (tls_ && tls_->is_handshaking()) {
    tls_->receive_eof();
    pump_tls();
  } else {
    session_.receive_eof();
  }
  drive();
}

void ClientLink::on_error(const base::Error& error) {
  if (is_finished_) return;
  leave(error.detail);
  finish();
}

void ClientLink::on_drained() { drive(); }

void ClientLink::on_timer() {
  if (is_finished_) return;
  if (tls_) {
    tls_->on_time(now());
    pump_tls();
  }
  settle_login();
  const std::string_view hint = session_.stall_hint();
  session_.on_time(now());
  if (session_.is_finished() && !hint.empty()) {
    context_.log->warn(id_text_, "client-stalled", {{"hint", hint}});
  }
  drive();
}

void ClientLink::on_leased(SmarthostLink& link, bool is_reused, bool is_reset_owed) {
  lease_ = &link;
  served_by_ = link.id_text();
  served_tls_ = link.tls_summary();
  was_reused_ = is_reused;
  perform(
      transaction_.on(relay::Leased{link.usable_extensions(), is_reused, is_reset_owed}, now()));
  drive();
}

void ClientLink::on_lease_failed(const base::Error& error) {
  tell_spool_trouble();
  perform(transaction_.on(relay::LeaseFailed{error}, now()));
  drive();
}

void ClientLink::on_smarthost_reply(const smtp::from_smarthost::Replied& replied) {
  if (replied.reply.code >= 400) {
    const bool is_rcpt = replied.sent == smtp::Sent::rcpt;
    context_.log->info(id_text_, "smarthost-reply",
                       {{"command", smtp::to_string(replied.sent)},
                        {"recipient", is_rcpt ? transaction_.awaited_recipient() : "-"},
                        {"reply", replied.reply.summary()},
                        {"smarthost", served_by_}});
    tell_spool_trouble();
  }
  perform(transaction_.on(replied, now()));
  drive();
}

void ClientLink::on_smarthost_lost(const base::Error& error, bool has_unsent) {
  context_.log->info(id_text_, "smarthost-fail",
                     {{"smarthost", served_by_},
                      {"fault", base::to_string(error.fault)},
                      {"reason", error.detail}});
  lease_ = nullptr;
  sink_.drop_link();
  tell_spool_trouble();
  perform(transaction_.on(relay::SmarthostLost{error, has_unsent}, now()));
  drive();
}

void ClientLink::on_smarthost_drained() { context_.turn->want(*this); }

// --- what is done about it ---

void ClientLink::drive() {
  if (is_finished_ || std::exchange(is_driving_, true)) return;
  is_cut_ = true;
  while (stream_->queued() + session_.output().size() < kMaxWaitingReplies) {
    smtp::ServerEvent event = session_.next_event();
    is_cut_ = !std::holds_alternative<smtp::NeedMore>(event);
    if (!is_cut_) break;
    dispatch(event);
  }
  is_driving_ = false;
  if (session_.has_news_of_tolerance()) log_tolerated();
  if (is_draining_) drain();
  context_.turn->want(*this);
}

void ClientLink::dispatch(smtp::ServerEvent& event) {
  namespace from = smtp::from_client;
  if (const auto* hello = std::get_if<from::Hello>(&event)) {
    answer_hello(*hello);
  } else if (auto* mail = std::get_if<from::Mail>(&event)) {
    if (!may_send(*mail)) return;
    ++transactions_;
    pool_of_mail_ = &context_.pool_for(mail->command.reverse_path);
    if (senders_) senders_->on_mail(mail->command);
    if (lease_ == nullptr) {
      served_by_.clear();
      served_tls_.clear();
      was_reused_ = false;
    }
    if (refuse_over_rate()) return;
    tell_spool_trouble(mail->command.size.value_or(0));
    perform(transaction_.on(*mail, promised_, now()));
  } else if (const auto* rcpt = std::get_if<from::Rcpt>(&event)) {
    perform(transaction_.on(*rcpt, now()));
  } else if (const auto* data = std::get_if<from::Data>(&event)) {
    perform(transaction_.on(*data, now()));
  } else if (const auto* bytes = std::get_if<from::MailData>(&event)) {
    perform(transaction_.on(*bytes, now()));
  } else if (const auto* refused = std::get_if<from::MailDataRefused>(&event)) {
    perform(transaction_.on(*refused, now()));
  } else if (const auto* chunk_end = std::get_if<from::EndOfChunk>(&event)) {
    perform(transaction_.on(*chunk_end, now()));
  } else if (const auto* end = std::get_if<from::EndOfData>(&event)) {
    perform(transaction_.on(*end, now()));
  } else if (const auto* reset = std::get_if<from::Reset>(&event)) {
    perform(transaction_.on(*reset, now()));
  } else if (const auto* auth = std::get_if<from::Auth>(&event)) {
    on_auth(*auth);
  } else if (const auto* response = std::get_if<from::AuthResponse>(&event)) {
    on_auth_response(*response);
  } else if (std::holds_alternative<from::StartTls>(event)) {
    on_starttls();
  } else if (std::holds_alternative<from::Quit>(event)) {
    leave("quit");
  } else if (const auto* gone = std::get_if<from::Gone>(&event)) {
    leave(gone->why);
  }
}

void ClientLink::leave(const std::string& why) {
  if (std::exchange(has_left_, true)) return;
  context_.pool->cancel(*this);
  pool_->cancel(*this);
  perform(transaction_.on(smtp::from_client::Gone{why}, now()));
  const std::string& host = context_.pool->smarthost().hosts.front();
  log_close(is_greeted_ || !is_waiting_for_smarthost_
                ? why
                : why + ", while " + host + " was being reached");
}

void ClientLink::log_close(const std::string& why) {
  if (session_.has_news_of_tolerance()) log_tolerated();
  const auto ms = base::milliseconds_between(opened_, now());
  if (!context_.tls) {
    context_.log->info(id_text_, "session-close",
                       {{"why", why},
                        {"transactions", transactions_},
                        base::LogField::if_any("user", client_user()),
                        {"ms", ms}});
    return;
  }
  context_.log->info(id_text_, "session-close",
                     {{"why", why},
                      {"transactions", transactions_},
                      {"tls", is_tls_up() ? tls_->info().version : "none"},
                      base::LogField::if_any("user", client_user()),
                      {"ms", ms}});
}

// --- once a turn ---

void ClientLink::on_turn_end() {
  if (is_finished_) return;
  flush();
  // Replies that waited may have left at once: then nobody calls back for what was cut short.
  if (is_cut_ && stream_->queued() < kMaxWaitingReplies) {
    drive();
    flush();
  }
  if (session_.is_finished()) {
    leave(session_.end_reason());
    net::TcpStream::close_after_flush(std::move(*stream_), kCloseLinger);
    finish();
    return;
  }
  update_reading();
  arm_timer();
}

void ClientLink::arm_timer() {
  // While the smarthost makes this client wait, its time does not run.
  std::optional<base::Instant> deadline = is_held_up_ ? std::nullopt : session_.deadline();
  if (tls_) deadline = base::earlier(deadline, tls_->deadline());
  if (login_) deadline = base::earlier(deadline, login_->deadline());
  timer_.arm(deadline);
}

// The replies of a turn leave in one write, inside TLS in one record, with the end of TLS behind
// the last.
void ClientLink::flush() {
  const std::string_view output = session_.output();
  if (!tls_) {
    if (!output.empty()) stream_->write(output);
    session_.consume_output(output.size());
    return;
  }
  if (!output.empty()) tls_->send(output);
  session_.consume_output(output.size());
  if (session_.is_finished()) tls_->close();
  const std::string_view ciphertext = tls_->output();
  if (!ciphertext.empty()) stream_->write(ciphertext);
  tls_->consume_output(ciphertext.size());
}

void ClientLink::update_reading() {
  const std::size_t most = is_held_up_ ? SmarthostLink::kLowWater : SmarthostLink::kHighWater;
  const bool is_smarthost_slow =
      lease_ != nullptr && transaction_.is_streaming() && lease_->queued() > most;
  if (is_smarthost_slow) lease_->tell_when_drained();
  const bool is_disk_slow = sink_.queued_copy() > most;
  const bool is_held_up = is_smarthost_slow || is_disk_slow;
  if (std::exchange(is_held_up_, is_held_up) && !is_held_up) session_.grant_time(now());
  const bool wants_to_read =
      session_.wants_input() && !is_held_up && stream_->queued() < kMaxWaitingReplies;
  if (wants_to_read && !stream_->is_reading()) {
    stream_->resume_reading();
  } else if (!wants_to_read && stream_->is_reading()) {
    stream_->pause_reading();
  }
}

void ClientLink::finish() {
  if (std::exchange(is_finished_, true)) return;
  timer_.arm(std::nullopt);
  if (on_finished) on_finished(*this);
}

void ClientLink::on_crowding_changed() {
  if (is_finished_) return;
  session_.set_command_timeout(command_timeout(context_));
  context_.turn->want(*this);
}

void ClientLink::drain() {
  is_draining_ = true;
  if (is_finished_ || session_.is_finished()) return;
  if (session_.is_in_transaction() || session_.is_reply_owed() || session_.is_receiving_data()) {
    return;
  }
  session_.refuse(relay::shutting_down());
  context_.turn->want(*this);
}

void ClientLink::stop() {
  if (is_finished_) return;
  if (!session_.is_finished()) session_.refuse(relay::shutting_down());
  context_.turn->want(*this);
}

}  // namespace app
