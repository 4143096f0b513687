// The name that we give in EHLO.
#pragma once

#include <string>
#include <string_view>

#include "net/address.h"

namespace app {

// One that no server has a reason to refuse: the configured one, else our host name when it is a
// full one in form, else the literal of the address we speak from (RFC 5321 4.1.3). Names that
// every machine has, "localhost" first of all, get mail rejected.
[[nodiscard]] std::string choose_ehlo_name(const std::string& configured,
                                           const std::string& hostname,
                                           const net::SocketAddress& local);

// What a client calls itself, where that is a name that servers take; else nothing.
[[nodiscard]] std::string fit_client_name(const std::string& said);

}  // namespace app
