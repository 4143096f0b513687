// See transaction.h: what the client does, and how transactions end.
#include "relay/transaction.h"

#include <algorithm>
#include <utility>

#include "relay/outcome.h"
#include "smtp/trace.h"

namespace relay {

using smtp::Sent;

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
  if (options_.delivery == Delivery::queue) {
    begin_spooled(now, actions);
    return actions;
  }
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
  needs_ = smtp::Extensions{};
  needs_.eight_bit_mime = mail.is_eight_bit || mail.is_binary;
  needs_.smtputf8 = mail.is_utf8;
  needs_.dsn = mail.asks_dsn;
  // Only chunks can carry octets as they are; all other mail goes either way.
  needs_.chunking = needs_.binarymime = mail.is_binary;
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
  if (is_spooled_) {
    accept_here(event.command, actions);
    return actions;
  }
  rcpts_.push_back({event.command, std::nullopt});
  if (lease_ != LeaseState::held && event.command.asks_dsn) needs_.dsn = true;
  switch (lease_) {
    case LeaseState::none: ask_lease(actions, false); break;
    case LeaseState::waiting: break;
    case LeaseState::held:
      if (is_mail_sent_) {
        send_rcpt(rcpts_.back(), actions);
        answer_here(actions);
      } else {
        send_envelope(now, actions);
      }
      break;
  }
  return actions;
}

Actions Transaction::on(const smtp::from_client::Data& event, base::Instant now) {
  Actions actions;
  if (failure_) {
    answer(*failure_, actions);
    abandon(false, actions);
    return actions;
  }
  if (is_spooled_) {
    begin_spooled_data(actions);
    return actions;
  }
  if (lease_ != LeaseState::held) {
    const auto reply = outcome({base::Fault::local, "no connection to the smarthost is open"});
    answer(reply, actions);
    log_end(reply, false, now, actions);
    abandon(false, actions);
    return actions;
  }
  begin_data(event.is_chunked, actions);
  return actions;
}

void Transaction::begin_data(bool is_client_chunking, Actions& actions) {
  header_.emplace(smtp::own_mark(options_.hostname));
  // Who wants the smarthost's own replies wants its 354, too; behind BDAT there is none.
  is_chunked_ = connection_.chunking && (options_.early_replies || is_client_chunking);
  has_data_go_ = is_chunked_;
  has_copy_ = may_spool();
  actions.push_back(action::BeginData{is_chunked_, true, has_copy_});
  if (!is_chunked_) ++awaited_;
  if (options_.early_replies || is_client_chunking) {
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
    if (max_size_ > 0 && size_ > max_size_ && size_ - max_size_ > max_size_ / 2) {
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
  if (!options_.checks_loops || !header_ || header_->is_header_over()) return false;
  header_->receive(bytes);
  return header_->hops() > smtp::kMaxHops || header_->own_hops() >= smtp::kMaxOwnHops;
}

Actions Transaction::on(const smtp::from_client::MailDataRefused& event, base::Instant) {
  Actions actions;
  if (!verdict_) decide(event.reply, "the client's mail data was refused", actions);
  return actions;
}

Actions Transaction::on(const smtp::from_client::EndOfChunk& event, base::Instant now) {
  Actions actions;
  if (verdict_) {
    const smtp::Reply reply = *verdict_;
    finish(reply, false, now, actions);
  } else {
    actions.push_back(action::Reply{chunk_ok(event.size)});
  }
  return actions;
}

Actions Transaction::on(const smtp::from_client::EndOfData&, base::Instant now) {
  Actions actions;
  if (verdict_) {
    const smtp::Reply reply = *verdict_;
    finish(reply, false, now, actions);
    return actions;
  }
  actions.push_back(action::EndData{});
  if (is_spooled_) {
    publish(actions);
    return actions;
  }
  stage_ = Stage::ending;
  ++awaited_;
  return actions;
}

Actions Transaction::on(const smtp::from_client::Reset&, base::Instant now) {
  Actions actions;
  log_abandoned("the client gave it up", now, actions);
  abandon(false, actions);
  return actions;
}

Actions Transaction::on(const smtp::from_client::StartTls&, base::Instant now) {
  Actions actions;
  log_abandoned("STARTTLS ended it", now, actions);
  abandon(true, actions);
  is_pinned_lost_ = false;
  return actions;
}

Actions Transaction::on(const smtp::from_client::Gone& event, base::Instant now) {
  Actions actions;
  log_abandoned(event.why, now, actions);
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

// --- endings ---

// RFC 5321 3.8: 421 ends the channel, and it is the client's channel that the client hears it on.
void Transaction::answer(const smtp::Reply& reply, Actions& actions) {
  if (reply.code == 421) {
    actions.push_back(action::CloseClient{reply});
  } else {
    actions.push_back(action::Reply{reply});
  }
}

void Transaction::fail(Trouble trouble, base::Instant now, Actions& actions) {
  if (hand_over(trouble, actions)) return;
  const smtp::Reply& reply = trouble.reply;
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
  if (!mail_ || std::exchange(is_logged_, true)) return;
  std::string why = is_spooled_ && trouble_ ? trouble_->why : std::string();
  actions.push_back(action::Finished{mail_->reverse_path, rcpts_accepted_, size_, reply,
                                     std::move(why), began_, now, is_in_doubt, spool_id_});
}

void Transaction::log_abandoned(const std::string& why, base::Instant now, Actions& actions) {
  if (!mail_ || std::exchange(is_logged_, true)) return;
  // Once the end of the mail data is out the smarthost may take it, whoever still listens; and so
  // may the spool.
  const bool is_publishing = stage_ == Stage::publishing;
  actions.push_back(action::Finished{mail_->reverse_path,
                                     rcpts_accepted_,
                                     size_,
                                     {},
                                     is_publishing ? why + ", while the spool took the mail" : why,
                                     began_,
                                     now,
                                     is_publishing || stage_ == Stage::ending,
                                     {}});
}

void Transaction::decide(smtp::Reply verdict, std::string why_dirty, Actions& actions) {
  verdict_ = std::move(verdict);
  // RSET undoes chunks; behind DATA nothing but its end helps.
  if (lease_ == LeaseState::held) give_back(is_chunked_, std::move(why_dirty), actions);
  drop_copy(actions);
}

void Transaction::finish(const smtp::Reply& reply, bool is_in_doubt, base::Instant now,
                         Actions& actions) {
  answer(reply, actions);
  log_end(reply, is_in_doubt, now, actions);
  give_back_after(reply, actions);
  drop_copy(actions);
  clear();
}

void Transaction::give_back_after(const smtp::Reply& reply, Actions& actions) {
  if (lease_ != LeaseState::held) return;
  const bool is_clean = awaited_ == 0 && reply.code != 421;
  give_back(is_clean, std::string(awaited_ > 0 ? kRepliesOwed : kSaid421), actions);
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
  if (lease_ != LeaseState::held || awaited_ > 0) return;
  if (failure_) {
    give_back(failure_->code != 421, std::string(kSaid421), actions);
  } else if (trouble_) {
    give_back(trouble_->reply.code != 421, std::string(kSaid421), actions);
  }
}

void Transaction::abandon(bool is_leaving, Actions& actions) {
  if (lease_ == LeaseState::waiting) {
    lease_ = LeaseState::none;
    actions.push_back(action::CancelLease{});
  } else if (lease_ == LeaseState::held) {
    const bool is_in_data =
        stage_ == Stage::mail_data || stage_ == Stage::data_wait || stage_ == Stage::ending;
    if (is_leaving && (is_pinned_ || stage_ == Stage::auth)) {
      is_pinned_ = false;
      give_back(false, "it was authenticated for a client that is done with it", actions);
    } else if (is_in_data) {
      give_back(is_chunked_ && awaited_ == 0, "the client left inside its mail data", actions);
    } else if (is_pinned_) {
      // There is no other connection for this client; replies that nobody waits for pass by.
      stale_ += std::exchange(awaited_, 0);
      give_back(true, "", actions);
    } else {
      give_back(awaited_ == 0, std::string(kRepliesOwed), actions);
    }
  }
  drop_copy(actions);
  clear();
}

void Transaction::clear() {
  stage_ = Stage::idle;
  mail_.reset();
  is_logged_ = false;
  rcpts_.clear();
  rcpts_accepted_ = 0;
  is_mail_sent_ = false;
  is_mail_reply_due_ = false;
  has_data_go_ = false;
  is_chunked_ = false;
  has_answer_ = false;
  is_retried_ = false;
  failure_.reset();
  verdict_.reset();
  is_spooled_ = false;
  has_copy_ = false;
  trouble_.reset();
  accepted_.clear();
  spool_id_.clear();
  header_.reset();
  size_ = 0;
  max_size_ = 0;
}

}  // namespace relay
