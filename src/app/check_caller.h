// Conversations of `smtpseal check`, on the connection it has or on a new one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/check_conversation.h"
#include "app/check_findings.h"
#include "app/wire.h"
#include "net/loop.h"

namespace app {

// No step is waited for longer than this, whatever the configuration allows.
inline constexpr base::Duration kCheckPatience = std::chrono::seconds(30);
// What is only tried besides must answer sooner.
inline constexpr base::Duration kBesidePatience = std::chrono::seconds(10);

// Called before what may take its time: "the greeting", and how long it is waited for.
using CheckWait = std::function<void(std::string_view what, base::Duration most)>;

// One conversation to be held. What is pointed to outlives it.
struct CheckCall {
  const config::Smarthost* smarthost = nullptr;
  tls::ClientContext* context = nullptr;  // may be null with tls = none
  base::Duration patience = kCheckPatience;
  const CheckProbes* probes = nullptr;  // null: none
  std::function<bool()> on_silence;     // see CheckTalk
};

class CheckCaller {
 public:
  // `hostname` is ours, for EHLO. Both references outlive this.
  CheckCaller(net::Loop& loop, const std::string& hostname, CheckWait on_wait)
      : loop_(loop), hostname_(hostname), on_wait_(std::move(on_wait)) {}

  // On a wire that is open.
  [[nodiscard]] CheckConversation talk(Wire& wire, const CheckCall& call) const;
  // On a connection of its own.
  [[nodiscard]] base::Result<CheckConversation> call(const base::SocketAddress& address,
                                                     const CheckCall& call) const;
  // The same, with a context made for it from the configuration.
  [[nodiscard]] base::Result<CheckConversation> call_anew(const base::SocketAddress& address,
                                                          const config::Smarthost& smarthost) const;

  void tell_wait(std::string_view what, base::Duration most) const { on_wait_(what, most); }
  [[nodiscard]] net::Loop& loop() const { return loop_; }

 private:
  net::Loop& loop_;
  const std::string& hostname_;
  CheckWait on_wait_;
};

}  // namespace app
