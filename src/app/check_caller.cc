// See check_caller.h.
#include "app/check_caller.h"

#include <utility>

#include "app/smarthost_tls.h"

namespace app {

CheckConversation CheckCaller::talk(Wire& wire, const CheckCall& call) const {
  CheckTalk talk(loop_, wire, *call.smarthost, hostname_, call.context, call.patience);
  talk.on_wait = on_wait_;
  talk.on_silence = call.on_silence;
  talk.probes = call.probes;
  return talk.hold();
}

base::Result<CheckConversation> CheckCaller::call(const base::SocketAddress& address,
                                                  const CheckCall& call) const {
  Wire wire(loop_);
  tell_wait("a connection", call.patience);
  wire.connect(address, call.patience);
  if (const auto opened = wire.await_open(); !opened) return opened.error();
  return talk(wire, call);
}

base::Result<CheckConversation> CheckCaller::call_anew(const base::SocketAddress& address,
                                                       const config::Smarthost& smarthost) const {
  const auto context = make_smarthost_tls(smarthost);
  if (!context) return context.error();
  CheckCall anew;
  anew.smarthost = &smarthost;
  anew.context = context->get();
  anew.patience = kBesidePatience;
  return call(address, anew);
}

}  // namespace app
