// Why an address cannot be listened on, and what a person can do about it.
#pragma once

#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"

namespace app {

enum class ListenTrouble {
  forbidden,  // a low port, and no privilege
  taken,      // somebody else listens there
  missing,    // this machine does not have the address
  other,
};

// Of an error of net::Listener::open().
[[nodiscard]] ListenTrouble listen_trouble(const base::Error& error);

// The error, saying about a missing address what to change and where: `place` is "FILE:LINE", empty
// for an address of the default.
[[nodiscard]] base::Error with_hint(base::Error error, const base::SocketAddress& address,
                                    std::string_view place);

// The ways out, one a line each with its end, below the error itself; empty when there are none.
[[nodiscard]] std::string advise_on_listening(const base::Error& error);

}  // namespace app
