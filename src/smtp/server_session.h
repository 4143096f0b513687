// We are the SMTP server: the conversation with a client, without any I/O.
//
// Bytes in, events out, replies in, bytes out. The session answers by itself what needs nobody
// else (NOOP, VRFY, HELP, RSET, QUIT, syntax and sequence errors) and hands on the rest as events.
// It owes the client exactly one reply a command, in order (RFC 2920): only RCPT may follow RCPT
// or MAIL before those are answered; every other command waits in the input until nothing is owed.
// It must not know the smarthost, sockets or clocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/bytes.h"
#include "base/instant.h"
#include "smtp/command.h"
#include "smtp/data_clock.h"
#include "smtp/extensions.h"
#include "smtp/lines.h"
#include "smtp/mail_data.h"
#include "smtp/reply.h"
#include "smtp/tolerance.h"

namespace smtp {

enum class LineEndings { normalize, strict };

struct ServerOptions {
  std::string hostname;  // ours, in the greeting and in the EHLO reply
  LineEndings line_endings = LineEndings::normalize;
  Syntax syntax = Syntax::tolerant;
  bool is_tls_required = false;    // nothing but the way to TLS is open before it is up
  bool auth_requires_tls = false;  // AUTH is for inside TLS; what is offered must agree
  base::Duration command_timeout = kCommandIdleTimeout;
  base::Duration data_timeout = kDataIdleTimeout;
};

// What the client wants. "Answer" names the call that settles what is owed.
namespace from_client {
struct Hello {  // answer_hello(); ends any transaction
  bool is_extended = false;
  std::string name;
};
struct Mail {  // reply()
  MailCommand command;
};
struct Rcpt {  // reply(), in order; several may be owed
  RcptCommand command;
};
struct Data {               // reply(): 354 lets the mail data come, anything else refuses it
  bool is_chunked = false;  // BDAT (RFC 3030): the client is not shown the 354
};
struct MailData {
  std::string_view bytes;  // normalised and unstuffed; valid until the session's next call
};
struct MailDataRefused {  // the mail data holds what we do not carry; what follows is swallowed
  Reply reply;            // to be given at the end of data
};
struct EndOfChunk {  // reply(); more chunks may follow a positive one
  std::uint64_t size = 0;
};
struct EndOfData {  // reply()
  std::uint64_t size = 0;
};
struct Reset {};         // RSET, already answered
struct Auth {            // reply(): 334 asks for a response line, anything else ends the exchange
  std::string argument;  // mechanism and, after a space, the initial response
};
struct AuthResponse {          // reply(), likewise
  std::string line;            // base64, "=" or "*" (cancel)
  std::optional<Reply> fault;  // what came is none of these; "*" stands for it
};
// reply(): 220 lets TLS begin, if is_tls_due() says so after it. Everything the client said before
// is void, the open transaction too.
struct StartTls {};
struct Quit {};  // already answered
struct Gone {    // nothing more will come: EOF, time-out, too many errors
  std::string why;
};
}  // namespace from_client

using ServerEvent =
    std::variant<NeedMore, from_client::Hello, from_client::Mail, from_client::Rcpt,
                 from_client::Data, from_client::MailData, from_client::MailDataRefused,
                 from_client::EndOfChunk, from_client::EndOfData, from_client::Reset,
                 from_client::Auth, from_client::AuthResponse, from_client::StartTls,
                 from_client::Quit, from_client::Gone>;

class ServerSession {
 public:
  ServerSession(ServerOptions options, base::Instant now);

  // The greeting (RFC 5321 3.1). Until then commands wait. `offered` is what the client is shown
  // and held to.
  void greet(const Extensions& offered, base::Instant now);
  // Instead of a greeting, or at any time: the reply (421, 554) and the end. If replies are owed it
  // stands for the oldest of them, and the others are never given.
  void refuse(const Reply& reply);

  void receive(std::string_view bytes, base::Instant now);
  void receive_eof();
  // The client cannot be spoken to any more: the end, without a word.
  void cut(std::string why);

  // The 220 to STARTTLS is in the output: what comes behind it from the client is TLS, and comes
  // here again only as plaintext after tls_established().
  [[nodiscard]] bool is_tls_due() const { return state_ == State::tls_wait; }
  // TLS is up, after is_tls_due() or before the greeting. What was learnt in plaintext is forgotten
  // (RFC 3207 4.2); `offered` is what the client may use from now on.
  void tls_established(const Extensions& offered, base::Instant now);
  // The next thing the client wants; NeedMore when there is nothing to be done now. Call until
  // then.
  [[nodiscard]] ServerEvent next_event();

  // Settles the oldest owed reply; one must be owed. Nothing is said once the session is finished.
  void reply(const Reply& reply, base::Instant now);
  void answer_hello(const Extensions& offered, base::Instant now);

  // Bytes for the client.
  [[nodiscard]] std::string_view output() const { return output_.view(); }
  void consume_output(std::size_t count) { output_.consume(count); }

  // When to call on_time: nothing while a reply is owed (others watch the smarthost then).
  [[nodiscard]] std::optional<base::Instant> deadline() const;
  void on_time(base::Instant now);  // an early call is harmless

  // Whether more input is wanted now: no once enough waits that cannot be worked on.
  [[nodiscard]] bool wants_input() const;
  // How long the client may be idle between commands, from its last one on.
  void set_command_timeout(base::Duration timeout) { options_.command_timeout = timeout; }
  // The link could not read for a while through no fault of the client: its time starts anew.
  void grant_time(base::Instant now);
  // The conversation is over: write the output, then close.
  [[nodiscard]] bool is_finished() const { return state_ == State::finished; }
  // Whether a reply is owed to the client.
  [[nodiscard]] bool is_reply_owed() const { return owed_ != Owed::nothing || owed_rcpts_ > 0; }
  [[nodiscard]] bool is_receiving_data() const { return state_ == State::mail_data; }
  [[nodiscard]] bool is_in_transaction() const { return has_mail_; }

  // Facts for the trace line and the log.
  [[nodiscard]] const std::string& client_name() const { return client_name_; }
  [[nodiscard]] bool is_extended() const { return is_extended_; }
  [[nodiscard]] bool is_authenticated() const { return is_authenticated_; }
  [[nodiscard]] bool is_tls_up() const { return is_tls_up_; }
  // Why the session is finished.
  [[nodiscard]] const std::string& end_reason() const { return gone_why_; }
  // What a client that seems stuck in its mail data did wrong, for the log; empty otherwise.
  [[nodiscard]] std::string_view stall_hint() const;
  // What had to be tolerated since the last call, each once in a session.
  [[nodiscard]] bool has_news_of_tolerance() const { return !untold_.is_empty(); }
  [[nodiscard]] Tolerances take_tolerated() { return std::exchange(untold_, Tolerances{}); }

 private:
  enum class State {
    greeting,   // nothing said yet
    commands,   // reading commands
    tls_wait,   // after the 220 to STARTTLS until TLS is up: no byte is ours
    mail_data,  // after 354 up to the end of data, or inside a chunk
    finished,   // said all we will
  };
  static constexpr std::string_view kPlaintextBehindStartTls =
      "client sent plaintext behind STARTTLS, which must not pass for encrypted";

  // The reply the client waits for, beside those to RCPT.
  enum class Owed { nothing, hello, mail, data, chunk, end_of_data, auth, starttls };

  // A line that has come, kept while it must wait for replies that are owed.
  struct HeldLine {
    std::string text;
    bool ends_in_bare_lf = false;
    bool has_bare_cr = false;
    bool has_nul = false;
    bool is_too_long = false;
  };

  // A chunk of mail data (RFC 3030 2).
  struct Chunk {
    std::uint64_t size = 0;
    std::uint64_t left = 0;  // octets that are still to come
    bool is_last = false;
    std::optional<Reply> refusal;  // said at its end; it is read and thrown away
  };

  [[nodiscard]] static std::optional<Chunk> parse_chunk(std::string_view argument);
  [[nodiscard]] ServerEvent next_command();
  [[nodiscard]] ServerEvent next_mail_data();
  [[nodiscard]] ServerEvent on_line(const Line& line);
  [[nodiscard]] ServerEvent on_command(const SplitCommand& command, const Line& line);
  [[nodiscard]] ServerEvent on_hello(const SplitCommand& command);
  [[nodiscard]] ServerEvent on_mail(const SplitCommand& command);
  [[nodiscard]] ServerEvent on_rcpt(const SplitCommand& command, const Line& line);
  [[nodiscard]] ServerEvent on_data(const SplitCommand& command);
  [[nodiscard]] std::optional<Reply> refusal_of_data() const;
  [[nodiscard]] ServerEvent on_bdat(const SplitCommand& command);
  [[nodiscard]] ServerEvent on_unreadable_bdat();
  [[nodiscard]] ServerEvent end_chunk();
  void settle_chunk(const Reply& reply);
  void open_mail_data();
  void fail_chunks(const Reply& reply);
  std::size_t decode_chunk(std::string_view bytes);
  [[nodiscard]] std::optional<Reply> fault_of_data() const;
  [[nodiscard]] std::optional<Reply> refusal_of_auth(std::string_view mechanism) const;
  [[nodiscard]] ServerEvent on_auth(const SplitCommand& command);
  [[nodiscard]] ServerEvent on_auth_response(const Line& line);
  [[nodiscard]] Reply challenge(const Reply& reply);
  [[nodiscard]] ServerEvent give_login_user();
  [[nodiscard]] ServerEvent on_starttls(const SplitCommand& command);
  void settle_starttls(const Reply& reply);
  [[nodiscard]] static Reply must_start_tls();
  [[nodiscard]] bool is_tls_missing() const { return options_.is_tls_required && !is_tls_up_; }
  [[nodiscard]] std::optional<ServerEvent> refuse_in_plaintext(const SplitCommand& command);
  [[nodiscard]] std::optional<Reply> fault_of_argument(const SplitCommand& command,
                                                       std::string_view verb);
  [[nodiscard]] ServerEvent on_rset(const SplitCommand& command);
  [[nodiscard]] ServerEvent on_quit(const SplitCommand& command);
  [[nodiscard]] ServerEvent on_foreign();

  void on_early_talk();
  [[nodiscard]] bool is_strict() const { return options_.syntax == Syntax::strict; }
  [[nodiscard]] bool refuses_bare_lf() const {
    return is_strict() || options_.line_endings == LineEndings::strict;
  }
  // HELO shows no extensions; devices that use them all the same mean what they say.
  [[nodiscard]] bool may_use_extensions() const { return is_extended_ || !is_strict(); }
  [[nodiscard]] bool is_out_of_turn(Verb verb) const;
  [[nodiscard]] ServerEvent refuse_out_of_turn();
  void end_turn();
  void tolerate(Tolerances what);
  void tolerate(Tolerance what);
  void use_extension();
  [[nodiscard]] std::optional<Reply> fault_of(const Line& line, Verb verb) const;
  [[nodiscard]] ServerEvent hold(const Line& line);
  [[nodiscard]] ServerEvent refuse_command(const Reply& reply);
  [[nodiscard]] ServerEvent refuse_rcpt(const Reply& reply);
  [[nodiscard]] ServerEvent answer_junk(const Reply& reply);
  void count_junk();
  [[nodiscard]] ServerEvent finish(std::string why);
  void say(const Reply& reply) { append_reply(output_.back(), reply); }
  void settle_data(const Reply& reply);
  void settle_auth(const Reply& reply);
  void end_transaction();
  void decode(std::string_view bytes);
  [[nodiscard]] bool starts_like_tls() const;

  ServerOptions options_;
  State state_ = State::greeting;
  Owed owed_ = Owed::nothing;
  std::size_t owed_rcpts_ = 0;
  LineReader lines_;
  std::optional<HeldLine> held_line_;
  base::ByteQueue output_;
  Extensions offered_;

  std::string client_name_;
  bool has_hello_ = false;
  bool is_extended_ = false;
  bool is_authenticated_ = false;
  bool is_tls_up_ = false;
  bool has_mail_ = false;
  bool is_utf8_ = false;
  bool is_binary_ = false;
  std::size_t rcpts_seen_ = 0;
  std::size_t rcpts_accepted_ = 0;
  // Mail data was refused for want of recipients. A client that did not wait to hear that goes on
  // with its next MAIL, and what is left of this mail must not get into that one.
  bool may_begin_anew_ = false;
  std::size_t rcpts_refused_ = 0;   // here, in this session
  bool has_deferred_rcpt_ = false;  // one was refused for now (4yz)
  bool is_auth_response_due_ = false;
  // AUTH LOGIN: the prompts given so far, and a user that came with the command (server_session_
  // auth.cc); no number outside of it.
  std::optional<unsigned> login_prompts_;
  std::optional<std::string> login_user_;
  bool is_login_user_due_ = false;

  MailDataDecoder decoder_;
  std::optional<ChunkDecoder> chunks_;  // since the transaction's first BDAT
  std::optional<Chunk> chunk_;          // the one that is being read
  // Why a chunk of the last mail was refused: chunks that are on their way are refused alike, so
  // that none of them passes for a mail, nor a refusal for now for one for good.
  std::optional<Reply> chunk_failure_;
  std::string decoded_;
  bool is_decoded_given_ = false;
  bool is_data_refused_ = false;
  DataClock data_clock_;

  Tolerances tolerated_;
  Tolerances untold_;  // of these, what the log does not know yet
  unsigned errors_ = 0;
  unsigned junk_ = 0;
  bool has_eof_ = false;
  bool is_gone_told_ = false;
  std::string gone_why_;
  base::Instant last_progress_;
  base::Instant now_;  // of the last bytes
};

}  // namespace smtp
