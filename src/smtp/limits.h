// Every size limit of the protocol code, with the RFC's minimum beside it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace smtp {

// Command line including CRLF. RFC 5321 4.5.3.1.4: at least 512, more with extensions (RFC 3461
// adds 500, RFC 6531 10).
inline constexpr std::size_t kMaxCommandLine = 2048;
// A line of an AUTH exchange. RFC 4954 4: 12288.
inline constexpr std::size_t kMaxAuthLine = 12288;
// AUTH with its initial response, including CRLF: what every server must take of a command. RFC
// 5321 4.5.3.1.4; RFC 4954 4 does not stretch it.
inline constexpr std::size_t kMaxAuthCommand = 512;
// Mechanisms of a smarthost's AUTH that are believed. With names of 20 octets (RFC 4422 3.1) they
// fit into the reply line of 512 octets (RFC 5321 4.5.3.1.5) that clients are shown them in.
inline constexpr std::size_t kMaxAuthMechanisms = 20;
// How much of an over-long line is skipped looking for its end before the session is closed.
inline constexpr std::size_t kMaxSkippedLine = 1024 * 1024;
// Reply line including CRLF. RFC 5321 4.5.3.1.5: at least 512.
inline constexpr std::size_t kMaxReplyLine = 2048;
inline constexpr std::size_t kMaxReplyLines = 128;
inline constexpr std::size_t kMaxReplySize = 65536;
// Recipients in a transaction. RFC 5321 4.5.3.1.8: at least 100.
inline constexpr std::size_t kMaxRecipients = 1000;
// Bad commands before 421 (RFC 5321 has none; a device in a loop must not go on for ever).
inline constexpr unsigned kMaxErrors = 20;
// Commands that move no mail (NOOP, VRFY, RSET, HELP, EHLO) between two transactions.
inline constexpr unsigned kMaxJunkCommands = 100;
// Received lines before a message is taken for looping. RFC 5321 6.3: at least 100 is suggested
// for a mail server; a sidecar is always among the first hops.
inline constexpr unsigned kMaxHops = 50;
// How often one smtpseal may stand in a message's trace: a mailing list on the same machine sends a
// message on once or twice; more is a loop.
inline constexpr unsigned kMaxOwnHops = 3;

// A header field that says who sends the mail, where it may have to be changed: hundreds of
// mailboxes. RFC 5322 limits lines alone.
inline constexpr std::size_t kMaxOriginField = 16384;

// Mail data toward a smarthost with CHUNKING (RFC 3030 sets no sizes): a chunk is sent once it has
// this many octets, so that most mails are one BDAT LAST.
inline constexpr std::size_t kChunkSize = 65536;
// Chunks that are sent without waiting for the replies to those before them.
inline constexpr std::size_t kMaxChunksAhead = 32;
// How long a chunk that is not full waits for the client to send more.
inline constexpr std::chrono::seconds kMaxChunkHold{5};

// Time-outs, RFC 5321 4.5.3.2.
inline constexpr std::chrono::seconds kCommandIdleTimeout{300};  // 4.5.3.2.7: 5 minutes
// The same while nearly all sessions are taken (not in the RFC, which knows no such trouble): idle
// clients then keep others out.
inline constexpr std::chrono::seconds kCrowdedIdleTimeout{10};
inline constexpr std::chrono::seconds kDataIdleTimeout{180};     // 4.5.3.2.5: 3 minutes a block
// Octets a second that mail data must move at on the whole, beside that (not in the RFC): neither a
// client nor a smarthost may hold a connection for ever by an octet every now and then.
inline constexpr std::int64_t kMinDataRate = 500;
inline constexpr std::chrono::seconds kDataInitiationTimeout{120};  // 4.5.3.2.4: 2 minutes
// RSET on a connection that sat idle: no answer by then and a fresh one is used instead.
inline constexpr std::chrono::seconds kResetProbeTimeout{5};
// From a TCP connection to where mail may be sent (not in the RFC; absolute): less than the 5
// minutes a client waits for its reply (4.5.3.2.1).
inline constexpr std::chrono::seconds kOpenTimeout{120};
// The same for several hosts, one after another: less than those 5 minutes, too.
inline constexpr std::chrono::seconds kWalkTimeout{240};
// From the first byte of a TLS handshake to its end (not in the RFC; absolute).
inline constexpr std::chrono::seconds kHandshakeTimeout{60};

}  // namespace smtp
