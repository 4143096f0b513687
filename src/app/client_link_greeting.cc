// How a client's session begins, and what it is shown of the smarthost: see client_link.h.
#include <algorithm>

#include "app/client_link.h"
#include "app/listener_tls.h"
#include "relay/offered.h"
#include "relay/outcome.h"

namespace app {

// A client that comes while the smarthost is known to be well is greeted at once; one whose mail
// the spool would take, always. The smarthost is being reached meanwhile.
void ClientLink::welcome() {
  const relay::Delivery delivery = context_.listener.delivery;
  const bool is_fresh = context_.pool->fresh_extensions() != nullptr;
  is_waiting_for_smarthost_ = !is_fresh && delivery == relay::Delivery::relay;
  if (!is_fresh && delivery != relay::Delivery::queue) context_.pool->want_extensions(*this);
  if (!is_waiting_for_smarthost_) greet();
}

void ClientLink::start_refusing(const smtp::Reply& reply) {
  log_session_refused(*context_.log, id_text_, origin_, reply.summary());
  // Where the first word is TLS's, a handshake only to say this is more than such clients get.
  if (context_.is_implicit_tls()) {
    session_.cut(reply.summary());
  } else {
    session_.refuse(reply);
  }
  if (const auto started = stream_->start(*this); !started) {
    finish();
    return;
  }
  context_.turn->want(*this);
}

void ClientLink::on_extensions_known() {
  if (!is_greeted_) greet();
}

void ClientLink::on_extensions_unknown(const base::Error& error) {
  if (is_greeted_) return;
  is_waiting_for_smarthost_ = false;
  session_.refuse(relay::closing_outcome(error));
  drive();
}

void ClientLink::greet() {
  promised_ = offer(session_.is_tls_up());
  is_greeted_ = true;
  session_.greet(promised_, now());
  drive();
}

// Of what the smarthost offers, what this client may use as things stand.
smtp::Extensions ClientLink::offer(bool is_encrypted) const {
  const relay::Delivery delivery = context_.listener.delivery;
  smtp::OfferPolicy policy = offer_policy(context_.listener, {is_encrypted, origin_.is_local()});
  const std::uint64_t room = context_.spool_max_size;
  if (delivery == relay::Delivery::queue && room > 0) {
    policy.max_message_size =
        policy.max_message_size > 0 ? std::min(policy.max_message_size, room) : room;
  }
  return smtp::offer_to_client(relay::extensions_for(delivery, context_.pool->known_extensions(),
                                                     context_.pool->fresh_extensions() != nullptr),
                               policy);
}

void ClientLink::answer_hello(const smtp::from_client::Hello& hello) {
  perform(transaction_.on(smtp::from_client::Reset{}, now()));
  promised_ = offer(session_.is_tls_up());
  context_.log->debug(id_text_, "hello", {{"name", hello.name}, {"extended", hello.is_extended}});
  session_.answer_hello(promised_, now());
}

}  // namespace app
