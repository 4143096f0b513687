// Sockets of the service manager as places of listeners.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/log.h"
#include "base/result.h"
#include "config/config.h"
#include "net/shared_socket.h"
#include "platform/inherited.h"

namespace app {

// One place to listen: an endpoint of the configuration, or one of those it stands for.
struct Place {
  base::Endpoint endpoint;  // of an inherited socket with its address, which tells it from others
  std::shared_ptr<net::SharedSocket> socket;  // only of inherited ones
};

// What `endpoint` of this listener stands for: itself, or every socket of its name. Errors say
// which sockets there are, or what is wrong with one; `where` is "FILE:LINE" of listen.
[[nodiscard]] base::Result<std::vector<Place>> places_of(
    const base::Endpoint& endpoint, const platform::InheritedSockets& inherited,
    bool is_allow_written, const std::string& where);

// Sockets that were passed in vain: somebody believes that they are served.
void warn_of_unused(base::LogSink& log, const config::Config& config,
                    const platform::InheritedSockets& inherited);

}  // namespace app
