// See transaction.h.
#include "relay/transaction.h"

#include <algorithm>
#include <utility>

#include "relay/outcome.h"
#include "smtp/trace.h"

namespace relay {

namespace {

using smtp::Sent;

constexpr std::string_view kTextOfRset = "RSET";
// Challenges in one AUTH exchange. RFC 4954 has no limit; no known mechanism has more than five.
constexpr unsigned kMaxAuthRounds = 20;
// Why a connection is given up.
constexpr std::string_view kSaid421 = "smarthost said 421";
constexpr std::string_view kRepliesOwed = "replies are owed";

std::string_view mechanism_of(std::string_view auth_argument) {
  return auth_argument.substr(0, auth_argument.find(' '));
}

bool offers_mechanism(const smtp::Extensions& extensions, std::string_view mechanism) {
  for (const std::string& offered : extensions.auth_mechanisms) {
    if (offered == mechanism) return true;
  }
  return false;
}

// MAIL with what the connection can do with: a cluster's members need not offer the same, and a
// parameter that only tells and asks for nothing is better left out than refused.
smtp::MailCommand fitted(smtp::MailCommand mail, const smtp::Extensions& offered) {
  std::erase_if(mail.parameters, [&](const smtp::Parameter& parameter) {
    if (parameter.keyword == "SIZE") return !offered.size;
    if (parameter.keyword == "BODY") return !offered.eight_bit_mime;
    if (parameter.keyword == "AUTH") return offered.auth_mechanisms.empty();
    return false;
  });
  return mail;
}

base::Error offers_less() {
  return {base::Fault::peer_unable, "the smarthost does not offer now what it offered before"};
}

smtp::Reply auth_unavailable(const base::Error& error) {
  smtp::Reply reply = outcome(error);
  reply.code = 454;  // RFC 4954 6: temporary authentication failure
  return reply;
}

}  // namespace

Transaction::Transaction(TransactionOptions options) : options_(std::move(options)) {}

// --- from the client ---

Actions Transaction::on(const smtp::from_client::Mail& event, const smtp::Extensions& promised,
                        base::Instant now) {
  Actions actions;
  if (is_pinned_lost_) {
    actions.push_back(action::CloseClient{
        closing_outcome({base::Fault::connection,
                         "the connection to the smarthost that you authenticated on was lost"})});
    return actions;
  }
  // What may still be open of a transaction that failed is not this one's.
  if (stage_ != Stage::idle) abandon(false, actions);
  begin(event.command, promised, now);
  if (options_.early_replies) {
    actions.push_back(action::Reply{sender_ok()});
    return actions;
  }
  is_mail_reply_due_ = true;
  if (lease_ == LeaseState::held) {
    send_envelope(now, actions);
  } else {
    ask_lease(actions, false);
  }
  return actions;
}

void Transaction::begin(const smtp::MailCommand& mail, const smtp::Extensions& promised,
                        base::Instant now) {
  clear();
  stage_ = Stage::envelope;
  mail_ = mail;
  began_ = now;
  promised_ = promised;
  needs_ = smtp::Extensions{};
  needs_.eight_bit_mime = mail.is_eight_bit;
  needs_.smtputf8 = mail.is_utf8;
  // A later RCPT may ask for notifications, when this connection is chosen already.
  needs_.dsn = promised.dsn;
  // A smaller limit of another member of a cluster would be a refusal for good.
  needs_.size = mail.size.has_value();
  needs_.max_size = mail.size.value_or(0);
  max_size_ = promised.size ? promised.max_size : options_.max_message_size;
}

Actions Transaction::on(const smtp::from_client::Rcpt& event, base::Instant now) {
  Actions actions;
  if (failure_) {
    answer(*failure_, actions);
    return actions;
  }
  rcpts_.push_back({event.command, false});
  switch (lease_) {
    case LeaseState::none: ask_lease(actions, false); break;
    case LeaseState::waiting: break;
    case LeaseState::held:
      if (is_mail_sent_) {
        send_rcpt(rcpts_.back(), actions);
        answer_beyond_limit(actions);
      } else {
        send_envelope(now, actions);
      }
      break;
  }
  return actions;
}

Actions Transaction::on(const smtp::from_client::Data&, base::Instant now) {
  Actions actions;
  if (failure_) {
    answer(*failure_, actions);
    abandon(false, actions);
    return actions;
  }
  if (lease_ != LeaseState::held) {
    const auto reply = outcome({base::Fault::local, "no connection to the smarthost is open"});
    answer(reply, actions);
    log_end(reply, false, now, actions);
    abandon(false, actions);
    return actions;
  }
  begin_data(actions);
  return actions;
}

void Transaction::begin_data(Actions& actions) {
  header_.emplace(smtp::own_mark(options_.hostname));
  actions.push_back(action::BeginData{});
  ++awaited_;
  if (options_.early_replies) {
    stage_ = Stage::mail_data;
    actions.push_back(action::Reply{start_mail_input()});
  } else {
    stage_ = Stage::data_wait;
  }
}

Actions Transaction::on(const smtp::from_client::MailData& event, base::Instant now) {
  Actions actions;
  size_ += event.bytes.size();
  if (!verdict_ && max_size_ > 0 && size_ > max_size_) {
    decide(message_too_big(max_size_), "message is too big", actions);
  }
  if (verdict_) {
    // What is refused anyway is read to its end for politeness, not for ever.
    if (max_size_ > 0 && size_ > max_size_ + max_size_ / 2) {
      actions.push_back(action::CloseClient{*verdict_});
      log_end(*verdict_, false, now, actions);
      clear();
    }
    return actions;
  }
  if (is_looping(event.bytes)) {
    decide(mail_loop(header_->hops() > smtp::kMaxHops
                         ? "it has passed more than " + std::to_string(smtp::kMaxHops) + " hosts"
                         : "it has passed this smtpseal before"),
           "mail is looping", actions);
    return actions;
  }
  actions.push_back(action::SendData{event.bytes});
  return actions;
}

bool Transaction::is_looping(std::string_view bytes) {
  if (!header_ || header_->is_header_over()) return false;
  header_->receive(bytes);
  return header_->hops() > smtp::kMaxHops || header_->own_hops() >= smtp::kMaxOwnHops;
}

Actions Transaction::on(const smtp::from_client::MailDataRefused& event, base::Instant) {
  Actions actions;
  if (!verdict_) decide(event.reply, "the client's mail data was refused", actions);
  return actions;
}

Actions Transaction::on(const smtp::from_client::EndOfData&, base::Instant now) {
  Actions actions;
  if (verdict_) {
    const smtp::Reply reply = *verdict_;
    finish(reply, false, now, actions);
    return actions;
  }
  stage_ = Stage::ending;
  actions.push_back(action::EndData{});
  ++awaited_;
  return actions;
}

Actions Transaction::on(const smtp::from_client::Reset&, base::Instant) {
  Actions actions;
  abandon(false, actions);
  return actions;
}

Actions Transaction::on(const smtp::from_client::Gone&, base::Instant) {
  Actions actions;
  abandon(true, actions);
  return actions;
}

Actions Transaction::on(const smtp::from_client::Auth& event, base::Instant) {
  Actions actions;
  if (stage_ != Stage::idle) abandon(false, actions);
  stage_ = Stage::auth;
  auth_argument_ = event.argument;
  auth_rounds_ = 0;
  is_auth_reply_due_ = true;
  lease_ = LeaseState::waiting;
  actions.push_back(action::Lease{{}, true, true});
  return actions;
}

Actions Transaction::on(const smtp::from_client::AuthResponse& event, base::Instant) {
  Actions actions;
  if (lease_ == LeaseState::held) {
    is_auth_reply_due_ = true;
    actions.push_back(action::Send{Sent::auth, event.line});
    ++awaited_;
    return actions;
  }
  stage_ = Stage::idle;
  actions.push_back(action::Reply{
      auth_unavailable({base::Fault::connection, "connection to the smarthost lost"})});
  return actions;
}

// --- from the pool and the smarthost ---

void Transaction::ask_lease(Actions& actions, bool must_be_fresh) {
  lease_ = LeaseState::waiting;
  actions.push_back(action::Lease{needs_, must_be_fresh, false});
}

Actions Transaction::on(const Leased& event, base::Instant now) {
  Actions actions;
  lease_ = LeaseState::held;
  connection_ = event.extensions;
  is_reused_ = event.is_reused;
  is_reset_owed_ = event.is_reset_owed;
  awaited_ = 0;
  stale_ = 0;
  if (stage_ == Stage::auth) {
    if (offers_mechanism(event.extensions, mechanism_of(auth_argument_))) {
      actions.push_back(action::Send{Sent::auth, "AUTH " + std::exchange(auth_argument_, {})});
      ++awaited_;
    } else {
      stage_ = Stage::idle;
      actions.push_back(action::Reply{
          smtp::Reply::make(504, "5.5.4", "the smarthost does not offer this mechanism now")});
      give_back(true, "", actions);
    }
    return actions;
  }
  if (stage_ != Stage::envelope) {
    give_back(true, "", actions);
    return actions;
  }
  if (!smtp::covers(event.extensions, needs_)) {
    give_back(true, "", actions);
    if (std::exchange(is_retried_, true)) {
      fail(outcome(offers_less()), now, actions);
    } else {
      ask_lease(actions, true);
    }
    return actions;
  }
  send_envelope(now, actions);
  return actions;
}

void Transaction::send_envelope(base::Instant now, Actions& actions) {
  if (!smtp::covers(connection_, needs_)) {
    // A pinned one: there is no other.
    fail(outcome(offers_less()), now, actions);
    return;
  }
  if (std::exchange(is_reset_owed_, false)) {
    actions.push_back(action::Send{Sent::rset, std::string(kTextOfRset)});
    ++awaited_;
  }
  actions.push_back(action::Send{Sent::mail, smtp::format(fitted(*mail_, connection_))});
  ++awaited_;
  is_mail_sent_ = true;
  rcpts_sent_ = 0;
  for (Recipient& rcpt : rcpts_) send_rcpt(rcpt, actions);
}

void Transaction::send_rcpt(Recipient& rcpt, Actions& actions) {
  // RFC 9422: what passes RCPTMAX need not be asked.
  rcpt.is_beyond_limit = connection_.rcpt_max && rcpts_sent_ >= *connection_.rcpt_max;
  if (rcpt.is_beyond_limit) return;
  ++rcpts_sent_;
  actions.push_back(action::Send{Sent::rcpt, smtp::format(rcpt.command)});
  ++awaited_;
}

void Transaction::answer_beyond_limit(Actions& actions) {
  while (!rcpts_.empty() && rcpts_.front().is_beyond_limit) {
    rcpts_.pop_front();
    actions.push_back(action::Reply{too_many_recipients()});
  }
}

Actions Transaction::on(const LeaseFailed& event, base::Instant now) {
  Actions actions;
  lease_ = LeaseState::none;
  if (stage_ == Stage::auth) {
    stage_ = Stage::idle;
    actions.push_back(action::Reply{auth_unavailable(event.error)});
  } else if (stage_ == Stage::envelope) {
    fail(outcome(event.error), now, actions);
  }
  return actions;
}

bool Transaction::may_replay() const {
  return is_reused_ && !has_answer_ && !is_retried_ && !is_pinned_;
}

Actions Transaction::on(const SmarthostLost& event, base::Instant now) {
  Actions actions;
  lease_ = LeaseState::none;
  awaited_ = 0;
  stale_ = 0;
  if (is_pinned_) is_pinned_lost_ = true;
  switch (stage_) {
    case Stage::idle: break;
    case Stage::auth:
      // While the client owes a response nobody may be answered; it learns with its next line.
      if (is_auth_reply_due_) {
        stage_ = Stage::idle;
        actions.push_back(action::Reply{auth_unavailable(event.error)});
      }
      break;
    case Stage::envelope:
      if (failure_) {
        answer_recipients(outcome(event.error), actions);
      } else if (may_replay()) {
        is_retried_ = true;
        is_mail_sent_ = false;
        ask_lease(actions, true);
      } else {
        fail(outcome(event.error), now, actions);
      }
      break;
    case Stage::data_wait: finish(outcome(event.error), false, now, actions); break;
    case Stage::mail_data:
      if (!verdict_) verdict_ = outcome(event.error);
      break;
    case Stage::ending:
      // Until the smarthost said 354 no mail data left us, so nothing can be in doubt.
      finish(has_data_go_ ? in_doubt(event.error) : outcome(event.error), has_data_go_, now,
             actions);
      break;
  }
  return actions;
}

Actions Transaction::on(const smtp::from_smarthost::Replied& event, base::Instant now) {
  Actions actions;
  if (stale_ > 0) {
    --stale_;
    return actions;
  }
  if (awaited_ > 0) --awaited_;
  switch (event.sent) {
    case Sent::mail: on_mail_reply(event.reply, now, actions); break;
    case Sent::rcpt: on_rcpt_reply(event.reply, now, actions); break;
    case Sent::data: on_data_reply(event.reply, now, actions); break;
    case Sent::end_of_data: on_final_reply(event.reply, now, actions); break;
    case Sent::auth: on_auth_reply(event.reply, actions); break;
    default: break;
  }
  return actions;
}

void Transaction::on_mail_reply(const smtp::Reply& reply, base::Instant now, Actions& actions) {
  if (reply.code == 421 && may_replay()) {
    // The smarthost had enough of that connection, not of this mail.
    is_retried_ = true;
    is_mail_sent_ = false;
    give_back(false, std::string(kSaid421), actions);
    ask_lease(actions, true);
    return;
  }
  has_answer_ = true;
  if (!std::exchange(is_mail_reply_due_, false)) {
    if (!reply.is_positive()) fail(reply, now, actions);
    return;
  }
  answer(reply, actions);
  if (reply.is_positive()) return;
  // What stands pipelined behind it gets the smarthost's own replies, as MAIL did.
  failure_ = reply;
  if (reply.code == 421) rcpts_.clear();
  log_end(reply, false, now, actions);
  give_back_if_settled(actions);
}

void Transaction::on_rcpt_reply(const smtp::Reply& reply, base::Instant now, Actions& actions) {
  has_answer_ = true;
  if (rcpts_.empty()) {
    if (reply.code == 421 && lease_ == LeaseState::held) {
      give_back(false, std::string(kSaid421), actions);
    }
    give_back_if_settled(actions);
    return;
  }
  if (reply.code == 421) {
    fail(reply, now, actions);
    if (lease_ == LeaseState::held) give_back(false, std::string(kSaid421), actions);
    return;
  }
  rcpts_.pop_front();
  if (reply.is_positive()) ++rcpts_accepted_;
  actions.push_back(action::Reply{reply});
  answer_beyond_limit(actions);
  give_back_if_settled(actions);
}

void Transaction::on_data_reply(const smtp::Reply& reply, base::Instant now, Actions& actions) {
  if (reply.is_intermediate()) {
    has_data_go_ = true;
    if (stage_ == Stage::data_wait) {
      stage_ = Stage::mail_data;
      actions.push_back(action::Reply{reply});
    }
    return;
  }
  if (stage_ == Stage::mail_data) {
    if (!verdict_) verdict_ = reply;
    if (lease_ == LeaseState::held) give_back(reply.code != 421, std::string(kSaid421), actions);
    return;
  }
  if (stage_ == Stage::ending) awaited_ = 0;  // the end of data was never sent
  finish(reply, false, now, actions);
}

void Transaction::on_final_reply(const smtp::Reply& reply, base::Instant now, Actions& actions) {
  if (stage_ == Stage::ending) {
    is_mail_sent_ = false;  // over for the smarthost, too: no RSET is owed
    finish(reply, false, now, actions);
  } else if (stage_ == Stage::mail_data && !verdict_) {
    decide(reply, "smarthost refused the mail before its end", actions);
  }
}

void Transaction::on_auth_reply(const smtp::Reply& reply, Actions& actions) {
  is_auth_reply_due_ = false;
  if (reply.is_intermediate() && ++auth_rounds_ > kMaxAuthRounds) {
    stage_ = Stage::idle;
    actions.push_back(action::Reply{auth_unavailable(
        {base::Fault::peer_protocol, "the smarthost's AUTH dialogue has no end"})});
    give_back(false, "AUTH without end", actions);
    return;
  }
  answer(reply, actions);
  if (reply.is_intermediate()) return;
  stage_ = Stage::idle;
  if (reply.is_positive()) {
    is_pinned_ = true;
  } else {
    give_back(false, "AUTH was refused", actions);
  }
}

// --- endings ---

// RFC 5321 3.8: 421 ends the channel, and it is the client's channel that the client hears it on.
void Transaction::answer(const smtp::Reply& reply, Actions& actions) {
  if (reply.code == 421) {
    actions.push_back(action::CloseClient{reply});
  } else {
    actions.push_back(action::Reply{reply});
  }
}

void Transaction::fail(const smtp::Reply& reply, base::Instant now, Actions& actions) {
  failure_ = reply;
  if (std::exchange(is_mail_reply_due_, false)) answer(reply, actions);
  answer_recipients(reply, actions);
  log_end(reply, false, now, actions);
  give_back_if_settled(actions);
}

void Transaction::answer_recipients(const smtp::Reply& reply, Actions& actions) {
  // 421 is the last word, however many wait.
  const std::size_t most = reply.code == 421 ? 1 : rcpts_.size();
  for (std::size_t i = 0; i < std::min(rcpts_.size(), most); ++i) answer(reply, actions);
  rcpts_.clear();
}

void Transaction::log_end(const smtp::Reply& reply, bool is_in_doubt, base::Instant now,
                          Actions& actions) {
  actions.push_back(action::Finished{mail_ ? mail_->reverse_path : "<>", rcpts_accepted_, size_,
                                     reply, began_, now, is_in_doubt});
}

void Transaction::decide(smtp::Reply verdict, std::string why_dirty, Actions& actions) {
  verdict_ = std::move(verdict);
  if (lease_ == LeaseState::held) give_back(false, std::move(why_dirty), actions);
}

void Transaction::finish(const smtp::Reply& reply, bool is_in_doubt, base::Instant now,
                         Actions& actions) {
  answer(reply, actions);
  log_end(reply, is_in_doubt, now, actions);
  if (lease_ == LeaseState::held) {
    const bool is_clean = awaited_ == 0 && reply.code != 421;
    give_back(is_clean, std::string(awaited_ > 0 ? kRepliesOwed : kSaid421), actions);
  }
  clear();
}

void Transaction::give_back(bool is_clean, std::string why, Actions& actions) {
  if (is_pinned_ && is_clean) {
    // Stays with this client; an open transaction on it is reset before the next one.
    if (std::exchange(is_mail_sent_, false)) is_reset_owed_ = true;
    return;
  }
  if (is_pinned_) is_pinned_lost_ = true;
  lease_ = LeaseState::none;
  awaited_ = 0;
  stale_ = 0;
  actions.push_back(action::Return{is_clean, is_clean ? std::string() : std::move(why)});
}

void Transaction::give_back_if_settled(Actions& actions) {
  if (!failure_ || lease_ != LeaseState::held || awaited_ > 0) return;
  give_back(failure_->code != 421, std::string(kSaid421), actions);
}

void Transaction::abandon(bool is_leaving, Actions& actions) {
  if (lease_ == LeaseState::waiting) {
    lease_ = LeaseState::none;
    actions.push_back(action::CancelLease{});
  } else if (lease_ == LeaseState::held) {
    const bool is_in_data = stage_ == Stage::mail_data || stage_ == Stage::data_wait ||
                            stage_ == Stage::ending;
    if (is_leaving && (is_pinned_ || stage_ == Stage::auth)) {
      is_pinned_ = false;
      give_back(false, "it was authenticated for a client that left", actions);
    } else if (is_in_data) {
      give_back(false, "the client left inside its mail data", actions);
    } else if (is_pinned_) {
      // There is no other connection for this client; replies that nobody waits for pass by.
      stale_ += std::exchange(awaited_, 0);
      give_back(true, "", actions);
    } else {
      give_back(awaited_ == 0, std::string(kRepliesOwed), actions);
    }
  }
  clear();
}

void Transaction::clear() {
  stage_ = Stage::idle;
  mail_.reset();
  rcpts_.clear();
  rcpts_accepted_ = 0;
  is_mail_sent_ = false;
  is_mail_reply_due_ = false;
  has_data_go_ = false;
  has_answer_ = false;
  is_retried_ = false;
  failure_.reset();
  verdict_.reset();
  header_.reset();
  size_ = 0;
  max_size_ = 0;
}

}  // namespace relay
