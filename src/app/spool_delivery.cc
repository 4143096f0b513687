// See spool_delivery.h.
#include "app/spool_delivery.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "app/ehlo_name.h"

namespace app {

namespace {

using Ending = relay::SpoolSchedule::Ending;
using spool::Outcome;

relay::TransactionOptions transaction_options() {
  relay::TransactionOptions options;
  // Loops were looked for when the mail came; by now it bears our own trace.
  options.checks_loops = false;
  return options;
}

// The smarthost wants a login, or another one: that is about us, and not about this mail.
bool is_about_login(int code) { return code == 530 || code == 534 || code == 535 || code == 538; }

}  // namespace

SpoolDelivery::SpoolDelivery(SpoolDeliveryOwner& owner, SmarthostPool& pool, net::Loop& loop,
                             base::LogSink& log, SpoolJob job)
    : owner_(owner),
      pool_(pool),
      loop_(loop),
      log_(log),
      job_(std::move(job)),
      transaction_(transaction_options()),
      is_doubtful_(job_.envelope.is_in_doubt) {
  attempt_.id = job_.envelope.id;
  attempt_.answers.resize(job_.envelope.recipients.size());
}

SpoolDelivery::~SpoolDelivery() {
  if (stage_ == Stage::finished) return;
  pool_.cancel(*this);
  if (lease_ != nullptr) pool_.give_back(*lease_, false, "smtpseal stops");
}

void SpoolDelivery::start() {
  began_ = now();
  const spool::Envelope& envelope = job_.envelope;
  perform(transaction_.on(smtp::from_client::Mail{envelope.mail}, smtp::Extensions{}, now()));
  for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
    const spool::Recipient& recipient = envelope.recipients[i];
    if (recipient.outcome == Outcome::pending) asked_.push_back(i);
  }
  for (const std::size_t i : asked_) {
    perform(transaction_.on(smtp::from_client::Rcpt{envelope.recipients[i].command}, now()));
  }
  go_on();
}

// After whatever happened: what is to be said next.
void SpoolDelivery::go_on() {
  if (is_over_) return finish();
  if (stage_ == Stage::envelope && answered_ == asked_.size()) {
    if (accepted_ > 0) {
      stage_ = Stage::data;
      perform(transaction_.on(smtp::from_client::Data{}, now()));
      return go_on();
    }
    perform(transaction_.on(smtp::from_client::Reset{}, now()));
    is_over_ = true;
    return finish();
  }
  if (stage_ == Stage::data || stage_ == Stage::marking) {
    // The smarthost did not wait for the end, or is gone.
    if (is_go_ && !transaction_.is_streaming()) return end();
    if (stage_ == Stage::data && is_go_ && sent_ == 0 && !is_waiting_) {
      send(std::exchange(job_.beginning, {}));
    }
  }
}

void SpoolDelivery::send(std::string_view octets) {
  sent_ += octets.size();
  perform(transaction_.on(smtp::from_client::MailData{octets}, now()));
  if (stage_ == Stage::data) send_or_end();
}

void SpoolDelivery::send_or_end() {
  if (!transaction_.is_streaming()) return end();
  if (sent_ >= job_.envelope.size) {
    stage_ = Stage::marking;
    if (job_.is_marked) return end();
    owner_.want_mark(id());
    return;
  }
  is_waiting_ = true;
  if (lease_ != nullptr && lease_->queued() > SmarthostLink::kHighWater) {
    lease_->tell_when_drained();
  } else {
    owner_.want_more(id());
  }
}

void SpoolDelivery::on_smarthost_drained() {
  if (stage_ == Stage::data && is_waiting_) owner_.want_more(id());
}

void SpoolDelivery::give(const base::Result<std::string>& octets) {
  if (stage_ != Stage::data) return;
  is_waiting_ = false;
  if (octets && !octets.value().empty()) {
    send(octets.value());
    return go_on();
  }
  // The end of the data is never said: it would not be the mail that was accepted.
  stage_ = Stage::finished;
  pool_.cancel(*this);
  if (lease_ != nullptr) pool_.give_back(*std::exchange(lease_, nullptr), false, "mail is damaged");
  owner_.on_damage(*this, octets ? "the mail is shorter than it was" : octets.error().detail);
}

void SpoolDelivery::on_marked(const base::Result<void>& result) {
  if (stage_ != Stage::marking) return;
  if (result) {
    job_.is_marked = true;
    end();
    return go_on();
  }
  attempt_.trouble = result.error().detail;
  perform(transaction_.on(smtp::from_client::Gone{"the disk is in trouble"}, now()));
  is_over_ = true;
  finish();
}

void SpoolDelivery::end() {
  if (stage_ == Stage::ending || stage_ == Stage::finished) return;
  if (is_doubtful_ && transaction_.is_streaming()) {
    log_.warn(id(), "possible-duplicate",
              {{"from", job_.envelope.mail.reverse_path},
               {"recipients", accepted_},
               {"in-doubt", true},
               {"reason", "it was lost sight of before, after all of it had been sent"}});
  }
  stage_ = Stage::ending;
  perform(transaction_.on(smtp::from_client::EndOfData{sent_}, now()));
  if (is_over_) finish();
}

// --- from the pool and the smarthost

void SpoolDelivery::on_leased(SmarthostLink& link, bool is_reused, bool is_reset_owed) {
  lease_ = &link;
  was_leased_ = true;
  attempt_.host = link.target().host;
  attempt_.connection = link.id_text();
  const smtp::Extensions offered = link.usable_extensions();
  lost_.reset();
  if (!is_reused) unfit_ = why_unfit(offered);
  if (!unfit_.empty()) return fail_unfit();
  if (!is_reused && !offered.dsn && strip_dsn()) return start_again();
  perform(transaction_.on(relay::Leased{offered, is_reused, is_reset_owed}, now()));
  go_on();
}

void SpoolDelivery::on_lease_failed(const base::Error& error) {
  lost_ = error;
  was_serving_ = error.fault == base::Fault::busy || pool_.is_serving();
  perform(transaction_.on(relay::LeaseFailed{error}, now()));
  go_on();
}

void SpoolDelivery::on_smarthost_reply(const smtp::from_smarthost::Replied& replied) {
  if (stage_ == Stage::envelope && is_about_login(replied.reply.code)) is_path_refusal_ = true;
  perform(transaction_.on(replied, now()));
  go_on();
}

void SpoolDelivery::on_smarthost_lost(const base::Error& error, bool has_unsent) {
  lease_ = nullptr;
  lost_ = error;
  perform(transaction_.on(relay::SmarthostLost{error, has_unsent}, now()));
  // It may be sent again on another one: then that is what counts.
  go_on();
}

// What the mail needs is what its client was promised. Only a connection just opened tells that the
// smarthost does not offer it: one that is open for long may be to a member of a cluster that is
// about to change.
std::string SpoolDelivery::why_unfit(const smtp::Extensions& offered) const {
  const smtp::MailCommand& mail = job_.envelope.mail;
  if (mail.is_utf8 && !offered.smtputf8) return "550 5.6.7 The smarthost offers no SMTPUTF8";
  if (mail.is_binary && !(offered.chunking && offered.binarymime)) {
    return "554 5.6.3 The smarthost offers no BINARYMIME";
  }
  if (mail.is_eight_bit && !offered.eight_bit_mime) {
    return "554 5.6.3 The smarthost offers no 8BITMIME";
  }
  if (offered.size && offered.max_size > 0 && job_.envelope.size > offered.max_size) {
    return "552 5.3.4 The smarthost takes no more than " + std::to_string(offered.max_size) +
           " octets";
  }
  return {};
}

// Nothing was said about it yet: the connection is as good as it was.
void SpoolDelivery::fail_unfit() {
  pool_.give_back(*std::exchange(lease_, nullptr), true, "");
  for (const std::size_t i : asked_) attempt_.answers[i] = {Outcome::failed, unfit_};
  attempt_.trouble = unfit_;
  is_over_ = true;
  finish();
}

// RFC 3461 5.2.2: to a server without DSN the mail goes without what asks for it. Whether there was
// anything.
bool SpoolDelivery::strip_dsn() {
  bool has_any = false;
  const auto strip = [&has_any](auto& command, std::initializer_list<std::string_view> words) {
    if (!command.asks_dsn) return;
    has_any = true;
    command.asks_dsn = false;
    std::erase_if(command.parameters, [&](const smtp::Parameter& parameter) {
      return std::find(words.begin(), words.end(), parameter.keyword) != words.end();
    });
  };
  strip(job_.envelope.mail, {"RET", "ENVID"});
  for (spool::Recipient& each : job_.envelope.recipients) strip(each.command, {"NOTIFY", "ORCPT"});
  return has_any;
}

void SpoolDelivery::start_again() {
  pool_.give_back(*std::exchange(lease_, nullptr), true, "");
  perform(transaction_.on(smtp::from_client::Gone{"sent again without DSN"}, now()));
  asked_.clear();
  is_mail_answered_ = false;
  start();
}

// --- what the transaction asks for

void SpoolDelivery::perform(const relay::Actions& actions) {
  for (const relay::Action& action : actions) {
    std::visit([this](const auto& one) { perform(one); }, action);
  }
}

void SpoolDelivery::perform(const relay::action::Reply& action) {
  const smtp::Reply& reply = action.reply;
  switch (stage_) {
    case Stage::envelope:
      // MAIL is answered by the transaction itself; if it is refused, RCPT is.
      if (!std::exchange(is_mail_answered_, true)) return;
      on_recipient_reply(reply);
      break;
    case Stage::data:
    case Stage::marking:
      if (reply.is_intermediate()) {
        is_go_ = true;
      } else {
        on_final_reply(reply);
      }
      break;
    case Stage::ending: on_final_reply(reply); break;
    case Stage::finished: break;
  }
}

void SpoolDelivery::on_recipient_reply(const smtp::Reply& reply) {
  if (answered_ == asked_.size()) return;
  SpoolAttempt::Answer& answer = attempt_.answers[asked_[answered_++]];
  answer.reply = reply.summary();
  if (reply.is_positive()) {
    ++accepted_;
    return;
  }
  // What keeps us all out says nothing about a recipient.
  const bool is_final = reply.is_permanent() && !is_path_refusal_;
  answer.outcome = is_final ? Outcome::failed : Outcome::pending;
  attempt_.trouble = answer.reply;
}

// For those that were accepted and have no other.
void SpoolDelivery::on_final_reply(const smtp::Reply& reply) {
  answer_rest(reply);
  is_over_ = true;
}

void SpoolDelivery::answer_rest(const smtp::Reply& reply) {
  const std::string text = reply.summary();
  if (!reply.is_positive()) attempt_.trouble = text;
  for (const std::size_t i : asked_) {
    SpoolAttempt::Answer& answer = attempt_.answers[i];
    // A positive reply to its RCPT is not the last word.
    const bool is_accepted = answer.outcome == Outcome::pending && answer.reply.starts_with('2');
    if (!is_accepted && !answer.reply.empty()) continue;
    if (reply.is_positive()) {
      answer = {is_accepted ? Outcome::delivered : Outcome::pending, text};
    } else {
      answer = {reply.is_permanent() ? Outcome::failed : Outcome::pending, text};
    }
  }
}

void SpoolDelivery::perform(const relay::action::Lease& action) {
  LeaseRequest request{action.needs, action.must_be_fresh, false, std::nullopt};
  // The name that the client gave is gone with it.
  if (pool_.smarthost().repeats_client_name) request.ehlo_name = std::string();
  pool_.lease(*this, std::move(request));
}

void SpoolDelivery::perform(const relay::action::CancelLease&) { pool_.cancel(*this); }

void SpoolDelivery::perform(const relay::action::Send& action) {
  if (lease_ != nullptr) lease_->send(action.sent, action.line);
}

void SpoolDelivery::perform(const relay::action::BeginData& action) {
  if (lease_ == nullptr) return;
  if (action.is_chunked) {
    lease_->begin_chunks();
  } else {
    lease_->send(smtp::Sent::data, "DATA");
  }
}

void SpoolDelivery::perform(const relay::action::SendData& action) {
  if (lease_ != nullptr) lease_->send_data(action.bytes);
}

void SpoolDelivery::perform(const relay::action::EndData&) {
  if (lease_ != nullptr) lease_->end_data();
}

void SpoolDelivery::perform(const relay::action::Return& action) {
  if (lease_ == nullptr) return;
  pool_.give_back(*std::exchange(lease_, nullptr), action.is_clean, action.why);
}

// 421: the smarthost has enough of this connection, which is no word about the mail.
void SpoolDelivery::perform(const relay::action::CloseClient& action) {
  lost_ = base::Error{base::Fault::peer_unable, action.reply.summary()};
  answer_rest(action.reply);
  is_over_ = true;
}

void SpoolDelivery::perform(const relay::action::Finished& action) {
  if (action.is_in_doubt) attempt_.is_in_doubt = true;
}

// --- the end

void SpoolDelivery::finish() {
  if (stage_ == Stage::finished) return;
  perform(transaction_.on(smtp::from_client::Gone{"done"}, now()));
  stage_ = Stage::finished;
  attempt_.is_answered = !lost_ && !is_path_refusal_;
  attempt_.ending = ending();
  if (lost_ && attempt_.ending != Ending::put_off) attempt_.trouble = lost_->detail;
  attempt_.milliseconds = base::milliseconds_between(began_, now());
  owner_.on_attempt(*this, std::move(attempt_));
}

Ending SpoolDelivery::ending() const {
  if (lost_) {
    if (was_serving_) return Ending::no_room;
    return was_leased_ ? Ending::cut_short : Ending::unreachable;
  }
  if (is_path_refusal_) return Ending::cut_short;
  const auto is_delivered = [](const auto& answer) { return answer.outcome == Outcome::delivered; };
  const bool is_any = std::any_of(attempt_.answers.begin(), attempt_.answers.end(), is_delivered);
  const bool has_too_many = std::any_of(asked_.begin(), asked_.end(), [this](std::size_t i) {
    return attempt_.answers[i].reply.starts_with("452");
  });
  // RFC 5321 4.5.3.1.10: the others in another transaction, at once.
  return is_any && has_too_many ? Ending::not_tried : Ending::put_off;
}

}  // namespace app
