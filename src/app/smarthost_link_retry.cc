// A connection that is opened again before anybody was told of it: see smarthost_link.h.
#include "app/smarthost_link.h"

namespace app {

bool SmarthostLink::may_try_without_session() const {
  return engine_ && !is_tls_up_ && engine_->has_offered_session();
}

// Nobody is told of a handshake that failed with an old session until one without it did.
void SmarthostLink::try_without_session() {
  context_.log->info(
      id_text(), "smarthost-retry",
      {{"host", target().host}, {"peer", peer_}, {"reason", engine_->error().detail}});
  resumption_ = tls::Resumption::never;
  drop_connection();
  connect();
}

// Another one follows.
void SmarthostLink::drop_connection() {
  handshake_deadline_.reset();
  judging_.reset();
  engine_.reset();
  session_.reset();
  stream_.reset();
  connector_.reset();
  is_tls_up_ = false;
  written_ = last_taken_ = 0;
}

}  // namespace app
