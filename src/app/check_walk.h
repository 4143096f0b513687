// `smtpseal check` on its way to the smarthost: look-up, every address, one conversation.
//
// Does what `run` would do, one step after another, and writes down what happened; sends no mail.
// Where all is in order it comes once more, to see whether TLS sessions are resumed. Where
// something fails it looks a little further: what is behind a certificate that was refused, whether
// TLS answers where a greeting was expected, and the other way round, and what other ports have to
// say.
#pragma once

#include <functional>
#include <string>

#include "app/check_caller.h"
#include "app/check_findings.h"
#include "app/check_ports.h"
#include "net/loop.h"

namespace app {

enum class CheckStage { configuration, lookup, connect, conversation, listeners };

// What check is to do besides walking.
struct CheckErrand {
  std::string hostname;  // ours, for EHLO
  CheckProbes probes;
  CheckPorts ports;
};

// Who follows the walk.
struct CheckFollower {
  std::function<void(CheckStage)> on_stage;  // after each stage that was gone through
  CheckWait on_wait;
};

// Fills in `findings`, whose smarthost, warnings and time are given, and tells `follower`;
// it stops after the stage that failed.
void walk_to_smarthost(net::Loop& loop, const CheckErrand& errand, CheckFindings& findings,
                       const CheckFollower& follower);

}  // namespace app
