// See client_link.h.
#include "app/client_link.h"

#include <utility>

#include "app/format.h"
#include "relay/outcome.h"
#include "smtp/trace.h"

namespace app {

namespace {

// Replies waiting for a client that does not read them: above this its commands wait too
// (RFC 2920 3.1 knows the deadlock this avoids).
constexpr std::size_t kMaxWaitingReplies = 64 * 1024;
// How long a client may take to read our last reply before the connection is cut.
constexpr base::Duration kCloseLinger = std::chrono::seconds(5);

smtp::ServerOptions server_options(const ListenerContext& context) {
  smtp::ServerOptions options;
  options.hostname = context.hostname;
  options.line_endings = context.listener.line_endings;
  options.syntax = context.listener.syntax;
  return options;
}

relay::TransactionOptions transaction_options(const ListenerContext& context) {
  return {context.hostname, context.listener.early_replies, context.listener.max_message_size};
}

}  // namespace

ClientLink::ClientLink(ListenerContext& context, net::TcpStream stream, std::uint64_t id)
    : context_(context),
      id_(id),
      id_text_(format_id(id)),
      timer_(*context.loop, *this),
      stream_(std::move(stream)),
      peer_(stream_->peer()),
      session_(server_options(context), context.loop->now()),
      transaction_(transaction_options(context)),
      opened_(context.loop->now()) {}

ClientLink::~ClientLink() = default;

void ClientLink::start() {
  context_.log->info(id_text_, "session-open",
                     {{"client", peer_.to_string()}, {"listener", stream_->local().to_string()}});
  if (const auto started = stream_->start(*this); !started) {
    leave(started.error().detail);
    finish();
    return;
  }
  // A client that comes while the smarthost is known to be well is greeted at once.
  if (context_.pool->fresh_extensions() != nullptr) {
    greet();
  } else {
    is_waiting_for_smarthost_ = true;
    context_.pool->want_extensions(*this);
  }
  context_.turn->want(*this);
}

void ClientLink::start_refusing(const smtp::Reply& reply) {
  context_.log->warn(id_text_, "session-open",
                     {{"client", peer_.to_string()}, {"refused", reply.summary()}});
  session_.refuse(reply);
  if (const auto started = stream_->start(*this); !started) {
    finish();
    return;
  }
  context_.turn->want(*this);
}

void ClientLink::greet() {
  promised_ = offer();
  is_greeted_ = true;
  session_.greet(promised_, now());
  drive();
}

smtp::Extensions ClientLink::offer() const {
  const smtp::Extensions* known = context_.pool->known_extensions();
  smtp::OfferPolicy policy;
  policy.max_message_size = context_.listener.max_message_size;
  policy.is_auth_offered = context_.listener.auth == config::ClientAuth::passthrough;
  return smtp::offer_to_client(known != nullptr ? *known : smtp::Extensions{}, policy);
}

// --- what happens ---

void ClientLink::on_read(std::string_view bytes) {
  if (is_finished_) return;
  // A client with more to say is heard again after this turn, when what it said is on its way: its
  // bytes stay few and in the cache, and others come in between.
  if (bytes.size() == net::Loop::kReadBufferSize) stream_->pause_reading();
  session_.receive(bytes, now());
  drive();
}

void ClientLink::on_eof() {
  if (is_finished_) return;
  session_.receive_eof();
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
  const std::string_view hint = session_.stall_hint();
  session_.on_time(now());
  if (session_.is_finished() && !hint.empty()) {
    context_.log->warn(id_text_, "client-stalled", {{"hint", hint}});
  }
  drive();
}

void ClientLink::on_extensions_known() { greet(); }

void ClientLink::on_extensions_unknown(const base::Error& error) {
  is_waiting_for_smarthost_ = false;
  session_.refuse(relay::closing_outcome(error));
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
  if (is_draining_) drain();
  context_.turn->want(*this);
}

void ClientLink::dispatch(smtp::ServerEvent& event) {
  namespace from = smtp::from_client;
  if (const auto* hello = std::get_if<from::Hello>(&event)) {
    answer_hello(*hello);
  } else if (const auto* mail = std::get_if<from::Mail>(&event)) {
    ++transactions_;
    if (lease_ == nullptr) {
      served_by_.clear();
      served_tls_.clear();
      was_reused_ = false;
    }
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
    perform(transaction_.on(*auth, now()));
  } else if (const auto* response = std::get_if<from::AuthResponse>(&event)) {
    perform(transaction_.on(*response, now()));
  } else if (std::holds_alternative<from::Quit>(event)) {
    leave("quit");
  } else if (const auto* gone = std::get_if<from::Gone>(&event)) {
    leave(gone->why);
  }
}

void ClientLink::answer_hello(const smtp::from_client::Hello& hello) {
  perform(transaction_.on(smtp::from_client::Reset{}, now()));
  promised_ = offer();
  context_.log->debug(id_text_, "hello", {{"name", hello.name}, {"extended", hello.is_extended}});
  session_.answer_hello(promised_, now());
}

void ClientLink::perform(const relay::Actions& actions) {
  for (const relay::Action& action : actions) {
    std::visit([this](const auto& one) { perform(one); }, action);
  }
}

void ClientLink::perform(const relay::action::Reply& action) {
  if (context_.log->is_enabled(base::LogLevel::debug)) {
    // A challenge to AUTH may be anything.
    context_.log->debug(id_text_, "reply",
                        {{"reply", action.reply.code == 334 ? "334 ***" : action.reply.summary()}});
  }
  session_.reply(action.reply, now());
}

void ClientLink::perform(const relay::action::Lease& action) {
  context_.pool->lease(*this, {action.needs, action.must_be_fresh, action.is_pinned});
}

void ClientLink::perform(const relay::action::CancelLease&) { context_.pool->cancel(*this); }

void ClientLink::perform(const relay::action::Send& action) {
  if (lease_ != nullptr) lease_->send(action.sent, action.line);
}

void ClientLink::perform(const relay::action::BeginData& action) {
  if (lease_ == nullptr) return;
  if (action.is_chunked) {
    lease_->begin_chunks();
  } else {
    lease_->send(smtp::Sent::data, "DATA");
  }
  if (context_.listener.received_header) lease_->send_data(trace_line());
}

std::string ClientLink::trace_line() {
  smtp::TraceFacts facts;
  facts.client_name = session_.client_name();
  facts.client_address = peer_.host();
  facts.hostname = context_.hostname;
  facts.protocol = !session_.is_extended()       ? "SMTP"
                   : session_.is_authenticated() ? "ESMTPA"
                                                 : "ESMTP";
  facts.id = id_text_ + "." + std::to_string(transactions_);
  return smtp::format_received(facts, net::Loop::wall_now());
}

void ClientLink::perform(const relay::action::SendData& action) {
  if (lease_ != nullptr) lease_->send_data(action.bytes);
}

void ClientLink::perform(const relay::action::EndData&) {
  if (lease_ != nullptr) lease_->end_data();
}

void ClientLink::perform(const relay::action::Return& action) {
  if (lease_ == nullptr) return;
  context_.pool->give_back(*std::exchange(lease_, nullptr), action.is_clean, action.why);
}

void ClientLink::perform(const relay::action::CloseClient& action) {
  session_.refuse(action.reply);
}

void ClientLink::perform(const relay::action::Finished& action) {
  const std::string reply = action.reply.code == 0 ? "none" : action.reply.summary();
  const base::LogFields fields = {{"from", action.reverse_path},
                                  {"recipients", action.recipients},
                                  {"size", action.size},
                                  {"reply", reply},
                                  {"ms", base::milliseconds_between(action.began, action.ended)},
                                  {"smarthost", served_by_.empty() ? "-" : served_by_},
                                  {"tls", served_tls_.empty() ? "none" : served_tls_},
                                  {"reused", was_reused_},
                                  {"in-doubt", action.is_in_doubt},
                                  {"why", action.why.empty() ? "-" : action.why}};
  if (action.reply.code < 400) {
    context_.log->info(id_text_, "transaction", fields);
  } else {
    context_.log->warn(id_text_, "transaction", fields);
  }
}

void ClientLink::leave(const std::string& why) {
  if (std::exchange(has_left_, true)) return;
  context_.pool->cancel(*this);
  perform(transaction_.on(smtp::from_client::Gone{why}, now()));
  const std::string& host = context_.pool->smarthost().hosts.front();
  context_.log->info(id_text_, "session-close",
                     {{"why", is_greeted_ || !is_waiting_for_smarthost_
                                  ? why
                                  : why + ", while " + host + " was being reached"},
                      {"transactions", transactions_},
                      {"ms", base::milliseconds_between(opened_, now())}});
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
  // While the smarthost makes this client wait, its time does not run.
  timer_.arm(is_paused_for_smarthost_ ? std::nullopt : session_.deadline());
}

void ClientLink::flush() {
  const std::string_view output = session_.output();
  if (output.empty()) return;
  stream_->write(output);
  session_.consume_output(output.size());
}

void ClientLink::update_reading() {
  const bool is_smarthost_slow =
      lease_ != nullptr && transaction_.is_streaming() &&
      lease_->queued() >
          (is_paused_for_smarthost_ ? SmarthostLink::kLowWater : SmarthostLink::kHighWater);
  if (is_smarthost_slow) lease_->tell_when_drained();
  if (std::exchange(is_paused_for_smarthost_, is_smarthost_slow) && !is_smarthost_slow) {
    session_.grant_time(now());
  }
  const bool wants_to_read =
      session_.wants_input() && !is_smarthost_slow && stream_->queued() < kMaxWaitingReplies;
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
