// See transaction.h: mail for the spool, from its MAIL on or once the smarthost failed it.
//
// The smarthost may keep the connection that it is asked nothing on any more until it has answered
// what it was asked; those replies are nobody's. From DATA on there is no connection.
#include <algorithm>
#include <utility>

#include "relay/outcome.h"
#include "relay/transaction.h"
#include "smtp/trace.h"

namespace relay {

Transaction::Trouble Transaction::trouble_of(const base::Error& error) {
  return {outcome(error), error.detail};
}

Transaction::Trouble Transaction::trouble_of(const smtp::Reply& reply) {
  return {reply, reply.summary(), true};
}

// A client that authenticated itself at the smarthost sends with rights that the spool has not.
// Octets as they are (BINARYMIME) may find no connection that takes them.
bool Transaction::may_spool() const {
  return options_.delivery != Delivery::relay && mail_ && !is_pinned_ && !mail_->is_binary;
}

std::uint64_t Transaction::expected_size() const {
  return std::max(size_, mail_ ? mail_->size.value_or(0) : 0);
}

void Transaction::begin_spooled(base::Instant now, Actions& actions) {
  if (spool_trouble_) {
    const smtp::Reply reply = not_spooled(*spool_trouble_);
    actions.push_back(action::Reply{reply});
    log_end(reply, false, now, actions);
    clear();
    return;
  }
  is_spooled_ = true;
  actions.push_back(action::Reply{sender_ok()});
}

bool Transaction::hand_over(Trouble& trouble, Actions& actions) {
  if (!may_spool() || !trouble.reply.is_transient()) return false;
  if (spool_trouble_) {
    if (!trouble.is_smarthosts && !trouble.is_in_doubt)
      trouble.reply = not_spooled(*spool_trouble_);
    return false;
  }
  is_spooled_ = true;
  trouble_ = std::move(trouble);
  switch (stage_) {
    case Stage::envelope: {
      if (std::exchange(is_mail_reply_due_, false)) actions.push_back(action::Reply{sender_ok()});
      for (Recipient& rcpt : std::exchange(rcpts_, {})) {
        accept_here(std::move(rcpt.command), actions);
      }
      give_back_if_settled(actions);
      break;
    }
    case Stage::data_wait:
      stage_ = Stage::mail_data;
      actions.push_back(action::Reply{start_mail_input()});
      give_back_after(trouble_->reply, actions);
      break;
    case Stage::ending:
      give_back_after(trouble_->reply, actions);
      publish(actions);
      break;
    case Stage::mail_data: give_back_after(trouble_->reply, actions); break;
    case Stage::idle:
    case Stage::publishing:
    case Stage::auth: break;
  }
  return true;
}

void Transaction::accept_here(smtp::RcptCommand rcpt, Actions& actions) {
  accepted_.push_back(std::move(rcpt));
  ++rcpts_accepted_;
  actions.push_back(action::Reply{recipient_ok()});
}

void Transaction::begin_spooled_data(Actions& actions) {
  if (lease_ == LeaseState::held) give_back(awaited_ == 0, std::string(kRepliesOwed), actions);
  header_.emplace(smtp::own_mark(options_.hostname));
  has_copy_ = true;
  stage_ = Stage::mail_data;
  actions.push_back(action::BeginData{false, false, true});
  actions.push_back(action::Reply{start_mail_input()});
}

void Transaction::publish(Actions& actions) {
  stage_ = Stage::publishing;
  const bool is_in_doubt = trouble_ && trouble_->is_in_doubt;
  actions.push_back(action::Publish{*mail_, std::exchange(accepted_, {}), is_in_doubt});
}

void Transaction::drop_copy(Actions& actions) {
  if (std::exchange(has_copy_, false)) actions.push_back(action::DropCopy{});
}

void Transaction::on_stray_reply(const smtp::Reply& reply, Actions& actions) {
  if (reply.code == 421 && lease_ == LeaseState::held) {
    give_back(false, std::string(kSaid421), actions);
  } else {
    give_back_if_settled(actions);
  }
}

Actions Transaction::on(const Published& event, base::Instant now) {
  Actions actions;
  if (stage_ != Stage::publishing) return actions;
  spool_id_ = event.id;
  finish(spooled(event.id), trouble_ && trouble_->is_in_doubt, now, actions);
  return actions;
}

Actions Transaction::on(const PublishFailed& event, base::Instant now) {
  Actions actions;
  if (stage_ != Stage::publishing) return actions;
  smtp::Reply reply = not_spooled(event.error);
  bool is_in_doubt = false;
  if (trouble_) {
    is_in_doubt = trouble_->is_in_doubt;
    // 421 would close a channel that is in order.
    const bool is_last_word = trouble_->reply.code == 421;
    if (is_in_doubt && is_last_word) {
      reply = relay::in_doubt({base::Fault::peer_unable, "smarthost said " + trouble_->why});
    } else if (is_in_doubt || (trouble_->is_smarthosts && !is_last_word)) {
      reply = trouble_->reply;
    }
    trouble_->why.append("; and the spool failed: ").append(event.error.detail);
  }
  finish(reply, is_in_doubt, now, actions);
  return actions;
}

}  // namespace relay
