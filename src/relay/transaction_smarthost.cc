// See transaction.h: what the pool and the smarthost do.
#include <utility>

#include "relay/outcome.h"
#include "relay/transaction.h"

namespace relay {

namespace {

using smtp::Sent;

constexpr std::string_view kTextOfRset = "RSET";
// Challenges in one AUTH exchange. RFC 4954 has no limit; no known mechanism has more than five.
constexpr unsigned kMaxAuthRounds = 20;

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

}  // namespace

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
      actions.push_back(action::Reply{auth_unavailable(offers_less())});
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
      fail(trouble_of(offers_less()), now, actions);
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
    fail(trouble_of(offers_less()), now, actions);
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
  rcpt.refusal.reset();
  if (connection_.rcpt_max && rcpts_sent_ >= *connection_.rcpt_max) {
    rcpt.refusal = too_many_recipients();  // RFC 9422: what passes RCPTMAX need not be asked
  } else if (rcpt.command.asks_dsn && !connection_.dsn) {
    rcpt.refusal = outcome(offers_less());
  }
  if (rcpt.refusal) return;
  ++rcpts_sent_;
  actions.push_back(action::Send{Sent::rcpt, smtp::format(rcpt.command)});
  ++awaited_;
}

void Transaction::answer_here(Actions& actions) {
  while (!is_mail_reply_due_ && !rcpts_.empty() && rcpts_.front().refusal) {
    actions.push_back(action::Reply{*std::move(rcpts_.front().refusal)});
    rcpts_.pop_front();
  }
}

Actions Transaction::on(const LeaseFailed& event, base::Instant now) {
  Actions actions;
  lease_ = LeaseState::none;
  if (stage_ == Stage::auth) {
    stage_ = Stage::idle;
    actions.push_back(action::Reply{auth_unavailable(event.error)});
  } else if (stage_ == Stage::envelope) {
    fail(trouble_of(event.error), now, actions);
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
  if (is_spooled_) return actions;
  Trouble trouble = trouble_of(event.error);
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
        fail(std::move(trouble), now, actions);
      }
      break;
    case Stage::mail_data:
      if (!verdict_ && !hand_over(trouble, actions)) {
        verdict_ = std::move(trouble.reply);
        drop_copy(actions);
      }
      break;
    case Stage::ending:
      // Until the smarthost said 354 no mail data left us, and without its end it is no mail.
      trouble.is_in_doubt = has_data_go_ && !event.has_unsent;
      if (trouble.is_in_doubt) trouble.reply = in_doubt(event.error);
      [[fallthrough]];
    case Stage::data_wait:
      if (!hand_over(trouble, actions)) finish(trouble.reply, trouble.is_in_doubt, now, actions);
      break;
    case Stage::publishing: break;
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
  if (is_spooled_) {
    on_stray_reply(event.reply, actions);
    return actions;
  }
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
  Trouble trouble = trouble_of(reply);
  if (reply.is_transient() && hand_over(trouble, actions)) return;
  if (!std::exchange(is_mail_reply_due_, false)) {
    if (!reply.is_positive()) fail(std::move(trouble), now, actions);
    return;
  }
  answer(reply, actions);
  if (reply.code != 421) answer_here(actions);
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
    fail(trouble_of(reply), now, actions);
    if (lease_ == LeaseState::held) give_back(false, std::string(kSaid421), actions);
    return;
  }
  if (reply.is_positive()) {
    ++rcpts_accepted_;
    if (may_spool()) accepted_.push_back(std::move(rcpts_.front().command));
  }
  rcpts_.pop_front();
  actions.push_back(action::Reply{reply});
  answer_here(actions);
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
  if (stage_ == Stage::ending) awaited_ = 0;  // the end of data was never sent
  Trouble trouble = trouble_of(reply);
  if (!verdict_ && reply.is_transient() && hand_over(trouble, actions)) return;
  if (stage_ == Stage::mail_data) {
    if (!verdict_) verdict_ = reply;
    drop_copy(actions);
    if (lease_ == LeaseState::held) give_back(reply.code != 421, std::string(kSaid421), actions);
    return;
  }
  finish(reply, false, now, actions);
}

void Transaction::on_final_reply(const smtp::Reply& reply, base::Instant now, Actions& actions) {
  const bool is_last_word = reply.code == 421;
  Trouble trouble = trouble_of(reply);
  if (stage_ == Stage::ending) {
    // Over for the smarthost, too: no RSET is owed, but for what a refused chunk leaves behind.
    is_mail_sent_ = is_chunked_ && !reply.is_positive();
    // 421 may be said at any time, so it need not be about the mail.
    trouble.is_in_doubt = is_last_word;
    if (reply.is_transient() && hand_over(trouble, actions)) return;
    finish(reply, false, now, actions);
  } else if (stage_ == Stage::mail_data && !verdict_) {
    if (is_last_word) is_chunked_ = false;
    // The copy goes on where the smarthost left off.
    if (reply.is_transient() && may_spool()) {
      give_back(is_chunked_, std::string(is_last_word ? kSaid421 : kRefusedEarly), actions);
      if (hand_over(trouble, actions)) return;
    }
    decide(reply, std::string(is_last_word ? kSaid421 : kRefusedEarly), actions);
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

}  // namespace relay
