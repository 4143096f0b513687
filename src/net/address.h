// net's name for the addresses of base/address.h (implemented and tested there, in base).
#pragma once

#include "base/address.h"

namespace net {

using base::parse_ip;
using base::parse_socket_address;
using base::SocketAddress;

}  // namespace net
