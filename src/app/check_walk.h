// `smtpseal check` on its way to the smarthost: look-up, every address, one conversation.
//
// Does what `run` would do, one step after another, and writes down what happened; sends no mail.
// Where something fails it looks a little further: what is behind a certificate that was refused,
// whether TLS answers where a greeting was expected, and the other way round.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "app/check_findings.h"
#include "net/loop.h"

namespace app {

enum class CheckStage { configuration, lookup, connect, conversation };

// No step is waited for longer than this, whatever the configuration allows.
inline constexpr base::Duration kCheckPatience = std::chrono::seconds(30);

// Who follows the walk.
struct CheckFollower {
  std::function<void(CheckStage)> on_stage;  // after each stage that was gone through
  // Before what may take its time: "the greeting", and how long it is waited for.
  std::function<void(std::string_view what, base::Duration most)> on_wait;
};

// Fills in `findings`, whose smarthost, warnings and time are given, and tells `follower`;
// it stops after the stage that failed. `hostname` is ours, for EHLO.
void walk_to_smarthost(net::Loop& loop, const std::string& hostname, CheckFindings& findings,
                       const CheckFollower& follower);

}  // namespace app
