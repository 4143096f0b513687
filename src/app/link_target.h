// Where one connection to a smarthost goes.
#pragma once

#include <memory>

#include "base/instant.h"
#include "relay/host_health.h"
#include "tls/tls_engine.h"

namespace app {

struct LinkTarget {
  relay::Target target;
  // Of this host alone, with its name and its tickets; nothing with tls = none. It lives as long as
  // a connection uses it, however long the host is one of ours.
  std::shared_ptr<tls::ClientContext> tls;
  base::Instant deadline;  // by when it must be ready for mail
};

}  // namespace app
