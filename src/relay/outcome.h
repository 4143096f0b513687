// The one table from what went wrong to what the client is told.
//
// Trouble of ours, of the path or of TLS is always 4yz: a legacy application must not take a
// certificate that expired this morning for a reason to throw mail away.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "smtp/reply.h"

namespace relay {

// The reply for a transaction (451 ...) that met `error`.
[[nodiscard]] smtp::Reply outcome(const base::Error& error);
// The reply that ends a session (421 ...) for the same reason: instead of a greeting.
[[nodiscard]] smtp::Reply closing_outcome(const base::Error& error);

// Our own replies, in one place.
[[nodiscard]] smtp::Reply too_many_sessions();
[[nodiscard]] smtp::Reply shutting_down();
[[nodiscard]] smtp::Reply not_allowed(std::string_view client_address);
// The listener is for proxies, and this is none of them.
[[nodiscard]] smtp::Reply not_a_proxy(std::string_view client_address);
[[nodiscard]] smtp::Reply sender_ok();
[[nodiscard]] smtp::Reply recipient_ok();
[[nodiscard]] smtp::Reply start_mail_input();
// A chunk that is not the last was taken: RFC 3030 2.
[[nodiscard]] smtp::Reply chunk_ok(std::uint64_t octets);
[[nodiscard]] smtp::Reply too_many_recipients();
[[nodiscard]] smtp::Reply message_too_big(std::uint64_t limit);
[[nodiscard]] smtp::Reply mail_loop(std::string_view why);
// To AUTH, which has a code of its own for trouble that passes (RFC 4954 6).
[[nodiscard]] smtp::Reply auth_unavailable(const base::Error& error);
// Clients that authenticate to us: RFC 4954 6; what ends a session behind too many refusals.
[[nodiscard]] smtp::Reply authentication_required();
[[nodiscard]] smtp::Reply too_many_logins();
// To STARTTLS.
[[nodiscard]] smtp::Reply ready_for_tls();
[[nodiscard]] smtp::Reply tls_unavailable();
// The connection was lost after the end of data went out.
[[nodiscard]] smtp::Reply in_doubt(const base::Error& error);
// The spool has the mail, as this id; or has it not (Fault::busy: it is full).
[[nodiscard]] smtp::Reply spooled(std::string_view id);
[[nodiscard]] smtp::Reply not_spooled(const base::Error& error);

}  // namespace relay
