// A client's mail on its way into the spool: see client_link.h.
#include <algorithm>
#include <utility>

#include "app/client_link.h"

namespace app {

// Asked before whatever may lead to the spool; relay asks nobody.
void ClientLink::tell_spool_trouble(std::uint64_t size) {
  if (context_.listener.delivery == relay::Delivery::relay) return;
  transaction_.tell_spool_trouble(
      context_.spool != nullptr
          ? context_.spool->why_full(std::max(size, transaction_.expected_size()))
          : base::Error{base::Fault::storage, "the spool is not open"});
}

void ClientLink::perform(const relay::action::Publish& action) {
  KeptMail* const copy = sink_.copy();
  if (copy == nullptr) {
    on_publish_failed({base::Fault::storage, "the spool is not open"});
    return;
  }
  spool::Envelope envelope;
  envelope.smarthost = pool_of_mail_->smarthost().name;
  envelope.client = origin_.label() + " session " + id_text_;
  envelope.mail = action.mail;
  for (const smtp::RcptCommand& rcpt : action.recipients) {
    envelope.recipients.push_back({rcpt, spool::Outcome::pending, {}});
  }
  envelope.is_in_doubt = action.is_in_doubt;
  copy->publish(std::move(envelope));
}

void ClientLink::perform(const relay::action::DropCopy&) { sink_.drop_copy(); }

void ClientLink::on_published(const std::string& id) {
  perform(transaction_.on(relay::Published{id}, now()));
  drive();
}

void ClientLink::on_publish_failed(const base::Error& error) {
  context_.log->error(id_text_, "spool-fail",
                      {{"fault", base::to_string(error.fault)}, {"reason", error.detail}});
  perform(transaction_.on(relay::PublishFailed{error}, now()));
  drive();
}

void ClientLink::on_kept() { context_.turn->want(*this); }

// A doubt is in the log before the client hears its 250: warnings are written at once.
void ClientLink::log_spooled(const relay::action::Finished& mail) {
  const base::LogFields fields = {{"mail", mail.spool_id},
                                  {"from", mail.reverse_path},
                                  {"recipients", mail.recipients},
                                  {"size", mail.size},
                                  {"smarthost", pool_of_mail_->smarthost().hosts.front()},
                                  {"in-doubt", mail.is_in_doubt},
                                  {"why", mail.why.empty() ? "-" : mail.why}};
  if (mail.is_in_doubt) {
    context_.log->warn(id_text_, "spooled", fields);
  } else {
    context_.log->info(id_text_, "spooled", fields);
  }
}

}  // namespace app
