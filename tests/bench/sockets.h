// Loopback sockets, the limit on them, and the end of a program with its parent.
#pragma once

#include <cstdint>
#include <optional>

namespace bench {

// A non-blocking listener on 127.0.0.1 and a port of the system's choice; -1: errno says why not.
[[nodiscard]] int listen_on_loopback();
[[nodiscard]] std::uint16_t port_of(int fd);
// The next connection that waits, non-blocking and without Nagle's delay; -1: there is none.
[[nodiscard]] int accept_from(int listener);
// A connection to 127.0.0.1 that is being made, from 127.0.0.HOST; -1: errno says why not.
[[nodiscard]] int connect_to_loopback(std::uint16_t port, unsigned host = 1);

// Thousands of connections are wanted: allows as many as the system lets us.
void raise_descriptor_limit();
// Ends this program with whoever started it, and after `seconds` in any case.
void bound_lifetime(unsigned seconds);

// A whole decimal number within the limits, or nothing.
[[nodiscard]] std::optional<long> parse_number(const char* text, long least, long most);

}  // namespace bench
