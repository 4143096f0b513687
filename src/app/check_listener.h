// The listener's own side of `smtpseal check`: whether its addresses can be had, and if somebody
// has one already, who it is and what is offered there.
#pragma once

#include <vector>

#include "app/check_caller.h"
#include "app/check_findings.h"
#include "net/loop.h"

namespace app {

// The addresses of the listeners of `config` that `smarthost` serves: their TLS is tried, but they
// are not looked at yet.
[[nodiscard]] std::vector<CheckListener> listeners_of(const config::Config& config,
                                                      const config::Smarthost& smarthost);

// Binds each address for a moment; where that fails, speaks with whoever answers there.
void look_at_listeners(const CheckCaller& caller, std::vector<CheckListener>& listeners);

}  // namespace app
