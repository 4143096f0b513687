// What a client's mail transactions ask for, carried out: see client_link.h.
#include <algorithm>
#include <utility>

#include "app/client_link.h"
#include "app/ehlo_name.h"
#include "base/text.h"
#include "relay/outcome.h"
#include "smtp/sender.h"
#include "smtp/trace.h"

namespace app {

// Those of single addresses before those of whole domains.
SmarthostPool& ListenerContext::pool_for(std::string_view reverse_path) const {
  if (pools_by_sender.empty() || reverse_path.size() < 2) return *pool;
  const std::string_view sender = reverse_path.substr(1, reverse_path.size() - 2);
  SmarthostPool* of_domain = nullptr;
  for (SmarthostPool* each : pools_by_sender) {
    const std::vector<std::string>& matches = each->smarthost().sender_match;
    if (!smtp::is_among(matches, sender)) continue;
    const bool is_exact = std::any_of(matches.begin(), matches.end(), [&](const auto& match) {
      return base::iequals(match, sender);
    });
    if (is_exact) return *each;
    if (of_domain == nullptr) of_domain = each;
  }
  return of_domain == nullptr ? *pool : *of_domain;
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
  // AUTH is for the smarthost that offered it, wherever the last mail went. Only now is what a mail
  // before this one still held given back.
  pool_ = action.is_pinned ? context_.pool : pool_of_mail_;
  LeaseRequest request{action.needs, action.must_be_fresh, action.is_pinned, std::nullopt,
                       origin_.key()};
  if (pool_->smarthost().repeats_client_name) {
    request.ehlo_name = fit_client_name(session_.client_name());
  }
  pool_->lease(*this, std::move(request));
}

// A client that authenticated itself keeps its connection: it asks for none, mail by mail.
bool ClientLink::refuse_over_rate() {
  if (lease_ == nullptr || !transaction_.is_pinned()) return false;
  const std::optional<base::Error> error = pool_->take_turn_of_held();
  if (!error) return false;
  const smtp::Reply reply = relay::outcome(*error);
  context_.log->warn(id_text_, "smarthost-fail",
                     {{"fault", base::to_string(error->fault)}, {"reason", error->detail}});
  session_.reply(reply, now());
  return true;
}

void ClientLink::perform(const relay::action::CancelLease&) { pool_->cancel(*this); }

void ClientLink::perform(const relay::action::Send& action) {
  if (lease_ != nullptr) lease_->send(action.sent, action.line);
}

void ClientLink::perform(const relay::action::BeginData& action) {
  SmarthostLink* const link = action.is_sent ? lease_ : nullptr;
  if (link != nullptr && action.is_chunked) {
    link->begin_chunks();
  } else if (link != nullptr) {
    link->send(smtp::Sent::data, "DATA");
  }
  const bool is_kept = action.is_kept && context_.spool != nullptr;
  KeptMailEvents& events = *this;
  sink_.begin(link, is_kept ? context_.spool->keep(events) : nullptr);
  if (senders_) senders_->begin_data();
  is_behind_trace_ = context_.listener.received_header;
  if (is_behind_trace_) sink_.send_data(trace_line());
}

void ClientLink::log_tolerated() {
  for (const smtp::Tolerance one : session_.take_tolerated().list()) {
    context_.log->debug(id_text_, "tolerated", {{"what", smtp::to_string(one)}});
  }
}

// Its id is the session's, also in a mail that is spooled: the copy has to be what the smarthost
// gets while it is not known yet whether it will be needed, and so whether it has another id.
std::string ClientLink::trace_line() {
  smtp::TraceFacts facts;
  facts.client_name = session_.client_name();
  facts.client_note = origin_.trace_note();
  if (facts.client_note.empty()) facts.client_address = origin_.address.host();
  facts.hostname = context_.hostname;
  facts.is_extended = session_.is_extended();
  facts.is_authenticated = is_client_authenticated();
  if (is_tls_up()) {
    facts.client_tls = tls_->summary();
    facts.client_subject = tls_->verified_subject();
  }
  facts.id = id_text_ + "." + std::to_string(transactions_);
  return smtp::format_received(facts, net::Loop::wall_now());
}

void ClientLink::perform(const relay::action::SendData& action) {
  if (!sink_.is_open()) return;
  // A mail without a header may begin with white space. Behind our trace line that would be a
  // continuation (RFC 5322 2.2.3): the client's words would be ours, and gone from its mail.
  const bool begins_body = std::exchange(is_behind_trace_, false) && !action.bytes.empty() &&
                           (action.bytes.front() == ' ' || action.bytes.front() == '\t');
  if (begins_body && !context_.listener.sender.changes_header()) sink_.send_data("\r\n");
  if (!senders_) {
    sink_.send_data(action.bytes);
  } else if (const auto refusal = senders_->send_data(action.bytes, sink_)) {
    perform(transaction_.on(smtp::from_client::MailDataRefused{*refusal}, now()));
  }
}

void ClientLink::perform(const relay::action::EndData&) {
  if (!sink_.is_open()) return;
  if (senders_) senders_->end_data(sink_);
  sink_.end_data();
}

void ClientLink::perform(const relay::action::Return& action) {
  if (lease_ == nullptr) return;
  sink_.drop_link();
  pool_->give_back(*std::exchange(lease_, nullptr), action.is_clean, action.why);
}

void ClientLink::perform(const relay::action::CloseClient& action) {
  session_.refuse(action.reply);
}

void ClientLink::perform(const relay::action::Finished& action) {
  if (!action.spool_id.empty()) log_spooled(action);
  const std::string reply = action.reply.code == 0 ? "none" : action.reply.summary();
  const bool has_other_sender = senders_ && !senders_->client_path().empty();
  const base::LogFields fields = {
      {"from", action.reverse_path},
      {has_other_sender ? "client-from" : "", has_other_sender ? senders_->client_path() : ""},
      {"recipients", action.recipients},
      {"size", action.size},
      {"reply", reply},
      {"ms", base::milliseconds_between(action.began, action.ended)},
      {"smarthost", served_by_.empty() ? "-" : served_by_},
      {"tls", served_tls_.empty() ? "none" : served_tls_},
      {"reused", was_reused_},
      {"in-doubt", action.is_in_doubt},
      base::LogField::if_any("user", client_user()),
      {"why", action.why.empty() ? "-" : action.why}};
  if (action.reply.code < 400 && !action.is_in_doubt) {
    context_.log->info(id_text_, "transaction", fields);
  } else {
    context_.log->warn(id_text_, "transaction", fields);
  }
}

}  // namespace app
