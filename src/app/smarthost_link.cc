// See smarthost_link.h.
#include "app/smarthost_link.h"

#include <algorithm>
#include <utility>

#include "app/ehlo_name.h"
#include "app/format.h"
#include "app/usable_extensions.h"

namespace app {

namespace {

// How long the smarthost may take to read our QUIT before the connection is cut.
constexpr base::Duration kCloseLinger = std::chrono::seconds(2);

}  // namespace

smtp::StartTls starttls_policy(const config::Smarthost& smarthost) {
  if (smarthost.mode == config::Mode::implicit) return smtp::StartTls::never;
  switch (smarthost.tls.level) {
    case tls::Level::none: return smtp::StartTls::never;
    case tls::Level::may: return smtp::StartTls::if_offered;
    case tls::Level::encrypt:
    case tls::Level::pin:
    case tls::Level::verify: break;
  }
  return smtp::StartTls::required;
}

SmarthostLink::SmarthostLink(SmarthostContext& context, SmarthostLinkOwner& owner, std::uint64_t id,
                             LinkTarget target)
    : context_(context),
      owner_(owner),
      id_(id),
      target_(std::move(target)),
      timer_(*context.loop, *this) {}

SmarthostLink::~SmarthostLink() {
  if (context_.login) context_.login->cancel(*this);
}

std::string SmarthostLink::id_text() const { return format_id(id_); }

void SmarthostLink::open() {
  opened_ = context_.loop->now();
  if (context_.login) {
    prepare_login();
  } else {
    connect();
  }
}

void SmarthostLink::connect() {
  timer_.arm(target_.deadline);
  connector_ = net::Connector::connect(*context_.loop, target().host, target().port,
                                       context_.smarthost.connect_timeout, *this);
}

void SmarthostLink::on_connect_failed(const base::Error& error) { fail(error); }

void SmarthostLink::on_connected(net::TcpStream stream) {
  if (is_dead_) return;
  peer_ = stream.peer().to_string();
  if (context_.is_own_listener && context_.is_own_listener(stream.peer())) {
    fail({base::Fault::config, "the smarthost " + peer_ + " is this smtpseal itself"});
    return;
  }
  const config::Smarthost& smarthost = context_.smarthost;
  smtp::ClientOptions options;
  own_name_ = choose_ehlo_name(smarthost.ehlo_name, context_.hostname, stream.local());
  options.ehlo_name = own_name_;
  options.starttls = starttls_policy(smarthost);
  options.command_timeout = smarthost.command_timeout;
  options.data_timeout = smarthost.data_timeout;
  options.needs_login = smarthost.login.is_configured();
  session_.emplace(std::move(options), context_.loop->now());
  stream_.emplace(std::move(stream));
  if (const auto started = stream_->start(*this); !started) {
    fail(started.error());
    return;
  }
  if (smarthost.mode == config::Mode::implicit) start_tls();
  context_.turn->want(*this);
}

void SmarthostLink::on_read(std::string_view bytes) {
  if (is_dead_) return;
  if (engine_) {
    engine_->receive(bytes);
    pump_tls();
  } else {
    session_->receive(bytes, context_.loop->now());
  }
  pump();
  context_.turn->want(*this);
}

void SmarthostLink::on_eof() {
  if (is_dead_) return;
  if (engine_) {
    engine_->receive_eof();
    pump_tls();
  }
  if (is_dead_ || !session_) return;
  session_->receive_eof();
  pump();
  context_.turn->want(*this);
}

void SmarthostLink::on_error(const base::Error& error) {
  if (!is_dead_ && may_try_without_session()) {
    try_without_session();
  } else {
    fail(error);
  }
}

void SmarthostLink::on_drained() {
  if (!is_dead_) context_.turn->want(*this);
}

void SmarthostLink::tell_when_drained() {
  if (is_dead_) return;
  is_drain_wanted_ = true;
  // What waits now may be on its way after this turn, and then nobody calls back.
  context_.turn->want(*this);
}

void SmarthostLink::tell_if_drained() {
  if (!is_drain_wanted_ || queued() > kLowWater) return;
  is_drain_wanted_ = false;
  if (holder_ != nullptr) holder_->on_smarthost_drained();
}

void SmarthostLink::pump() {
  // A holder that is told of an event may send, give the link back and lease it again: all of
  // that ends up here, in the loop that is running already.
  if (!session_ || std::exchange(is_pumping_, true)) return;
  while (!is_dead_ && session_) {
    smtp::ClientEvent event = session_->next_event();
    if (std::holds_alternative<smtp::NeedMore>(event)) break;
    if (std::holds_alternative<smtp::from_smarthost::TlsWanted>(event)) {
      start_tls();
    } else if (std::holds_alternative<smtp::from_smarthost::Ready>(event)) {
      if (!std::exchange(is_ready_, true)) {
        settle_login();
        log_open();
      }
      owner_.on_link_ready(*this);
    } else if (const auto* replied = std::get_if<smtp::from_smarthost::Replied>(&event)) {
      if (holder_ != nullptr) holder_->on_smarthost_reply(*replied);
    } else if (const auto* failed = std::get_if<smtp::from_smarthost::Failed>(&event)) {
      if (may_log_in_again(failed->error)) {
        log_in_again(failed->error);
      } else {
        fail(failed->error);
      }
    }
  }
  is_pumping_ = false;
}

void SmarthostLink::on_turn_end() {
  if (is_dead_ || !stream_) return;
  if (engine_) pump_tls();
  pump();
  if (!stream_) return;  // it is being opened again
  flush();
  arm_timer();
  tell_if_drained();
}

std::uint64_t SmarthostLink::taken() const { return written_ - stream_->queued(); }

void SmarthostLink::watch_taking() {
  const base::Instant now = context_.loop->now();
  if (stream_->queued() == 0) {
    taking_.begin(now);
  } else {
    taking_.on_moved(taken() - last_taken_, now);
  }
  last_taken_ = taken();
}

// RFC 5321 4.5.3.2.5: a block of mail data is taken within three minutes.
std::optional<base::Instant> SmarthostLink::taking_deadline() const {
  if (stream_->queued() == 0) return std::nullopt;
  return taking_.paid_until() +
         std::min<base::Duration>(smtp::kDataIdleTimeout, context_.smarthost.data_timeout);
}

void SmarthostLink::flush() {
  if (is_dead_ || !stream_) return;
  watch_taking();
  const std::string_view output = session_->output();
  if (engine_) {
    // Before STARTTLS everything was sent in plaintext already; now nothing is any more.
    if (is_tls_up_ && !output.empty()) {
      bytes_ += output.size();
      engine_->send(output);
      session_->consume_output(output.size());
    }
    const std::string_view ciphertext = engine_->output();
    if (!ciphertext.empty()) {
      written_ += ciphertext.size();
      stream_->write(ciphertext);
      engine_->consume_output(ciphertext.size());
    }
  } else if (!output.empty()) {
    bytes_ += output.size();
    written_ += output.size();
    stream_->write(output);
    session_->consume_output(output.size());
  }
}

void SmarthostLink::arm_timer() {
  std::optional<base::Instant> deadline = session_->deadline();
  deadline = base::earlier(deadline, handshake_deadline_);
  if (!is_ready_) deadline = base::earlier(deadline, target_.deadline);
  deadline = base::earlier(deadline, taking_deadline());
  timer_.arm(deadline);
}

void SmarthostLink::on_timer() {
  if (is_dead_) return;
  if (early_failure_) {
    fail(*early_failure_);
    return;
  }
  const base::Instant now = context_.loop->now();
  if (!is_ready_ && now >= target_.deadline) {
    fail({base::Fault::connection,
          "smarthost " + target().host + " was not ready for mail within " +
              std::to_string(base::milliseconds_between(opened_, now) / 1000) + " s"});
    return;
  }
  if (is_login_waiting_) begin_attempt();
  if (!stream_) return;
  if (handshake_deadline_ && now >= *handshake_deadline_) {
    const std::string what = judging_ ? target_.tls->trust_source() +
                                            " did not judge the certificate of " + target().host
                                      : "TLS handshake with " + target().host + " did not end";
    fail({base::Fault::tls, what + " in time"});
    return;
  }
  watch_taking();
  if (const auto due = taking_deadline(); due && now >= *due) {
    fail({base::Fault::connection, "smarthost takes mail data too slowly, or not at all"});
    return;
  }
  session_->on_time(now);
  pump();
  context_.turn->want(*this);
}

void SmarthostLink::greet_as(const std::string& name) {
  if (is_dead_) return;
  context_.log->debug(id_text(), "command", {{"sent", "EHLO " + name}});
  session_->greet_again(name, context_.loop->now());
  context_.turn->want(*this);
}

void SmarthostLink::send(smtp::Sent what, std::string_view line) {
  if (is_dead_) return;
  if (context_.log->is_enabled(base::LogLevel::debug)) {
    context_.log->debug(id_text(), "command",
                        {{"sent", what == smtp::Sent::auth ? "AUTH ***" : line}});
  }
  session_->send(what, line, context_.loop->now());
  context_.turn->want(*this);
}

void SmarthostLink::begin_chunks() {
  if (!is_dead_) session_->begin_chunks();
}

void SmarthostLink::send_data(std::string_view bytes) {
  if (is_dead_) return;
  session_->send_data(bytes, context_.loop->now());
  context_.turn->want(*this);
}

void SmarthostLink::end_data() {
  if (is_dead_) return;
  session_->end_data(context_.loop->now());
  context_.turn->want(*this);
}

void SmarthostLink::abandon_data() {
  if (!is_dead_) session_->abandon_data();
}

std::size_t SmarthostLink::queued() const {
  if (is_dead_ || !stream_) return 0;
  return stream_->queued() + session_->held_data() + session_->output().size();
}

void SmarthostLink::close() {
  if (std::exchange(is_dead_, true)) return;
  timer_.arm(std::nullopt);
  judging_.reset();
  connector_.reset();
  if (context_.login) context_.login->cancel(*this);
  if (!stream_) return;
  if (is_ready_ && session_->reuse().is_clean) {
    session_->send(smtp::Sent::quit, "QUIT", context_.loop->now());
    is_dead_ = false;
    flush();
    is_dead_ = true;
  }
  if (engine_ && is_tls_up_) {
    engine_->close();
    const std::string_view ciphertext = engine_->output();
    stream_->write(ciphertext);
    engine_->consume_output(ciphertext.size());
  }
  net::TcpStream::close_after_flush(std::move(*stream_), kCloseLinger);
  stream_.reset();
}

void SmarthostLink::fail(const base::Error& error) {
  const bool has_unsent_bytes = has_unsent();
  if (std::exchange(is_dead_, true)) return;
  timer_.arm(std::nullopt);
  judging_.reset();
  if (!is_ready_) {
    enter_login_verdict(error);
    log_refusal(error);
  }
  owner_.on_link_dead(*this, error);
  SmarthostHolder* holder = std::exchange(holder_, nullptr);
  if (holder != nullptr) holder->on_smarthost_lost(error, has_unsent_bytes);
}

bool SmarthostLink::has_unsent() const {
  if (!stream_ || !session_) return true;
  return stream_->queued() + session_->output().size() > 0 || session_->is_end_unsent();
}

smtp::Extensions SmarthostLink::usable_extensions() const {
  return app::usable_extensions(session_->extensions(), context_.smarthost, has_tls());
}

}  // namespace app
