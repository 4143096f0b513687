// We are the SMTP client: the conversation with the smarthost, without any I/O.
//
// It walks by itself from the greeting to where mail may be sent (EHLO, STARTTLS, EHLO again, AUTH
// where it has credentials of ours) and then carries commands, pipelined where that is offered (RFC
// 2920), matching replies to commands by a queue of what was sent. It is strict: a reply that
// nothing asked for, a code that cannot answer the command, a byte after the 220 to STARTTLS end
// the session (RFC 3207 4.2, CVE-2021-38371). It must not know clients, sockets or clocks.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/instant.h"
#include "base/result.h"
#include "smtp/client_login.h"
#include "smtp/extensions.h"
#include "smtp/limits.h"
#include "smtp/mail_data.h"
#include "smtp/reply.h"

namespace smtp {

enum class StartTls {
  never,       // plaintext by configuration, or TLS runs already (implicit)
  if_offered,  // level may
  required,
};

struct ClientOptions {
  std::string ehlo_name;
  StartTls starttls = StartTls::required;
  base::Duration command_timeout = std::chrono::minutes(5);  // RFC 5321 4.5.3.2.1 to 4.5.3.2.4
  base::Duration data_timeout = std::chrono::minutes(10);    // 4.5.3.2.6: the final reply
  std::size_t chunk_size = kChunkSize;                       // octets from which a chunk is sent
  bool needs_login = false;  // not Ready without log_in_with(), which comes with the end of TLS
};

// What a reply answers.
enum class Sent {
  greeting,
  ehlo,
  helo,
  starttls,
  rset,
  mail,
  rcpt,
  data,         // DATA, up to its 354
  chunk,        // BDAT (RFC 3030), not the last: never told, end_of_data stands for all chunks
  end_of_data,  // the final dot, or BDAT ... LAST
  auth,
  quit,
};
[[nodiscard]] std::string_view to_string(Sent sent);

namespace from_smarthost {
struct TlsWanted {};  // the 220 to STARTTLS came: run TLS, then tls_established()
struct Ready {};      // commands may be sent; extensions() is known
struct Replied {      // to one of our commands, in order
  Sent sent = Sent::quit;
  Reply reply;
};
struct Failed {  // the session is over; nothing more will come
  base::Error error;
};
}  // namespace from_smarthost

using ClientEvent = std::variant<NeedMore, from_smarthost::TlsWanted, from_smarthost::Ready,
                                 from_smarthost::Replied, from_smarthost::Failed>;

// Whether another transaction may use this session.
struct Reuse {
  bool is_clean = false;
  std::string_view why_not;  // when not clean
};

class ClientSession {
 public:
  ClientSession(ClientOptions options, base::Instant now);

  void receive(std::string_view bytes, base::Instant now);
  void receive_eof();
  // What happened; NeedMore when nothing did. Call until then, after every call that takes `now`:
  // a command that is sent can fail, too.
  [[nodiscard]] ClientEvent next_event();

  // TLS runs now: everything learnt before is forgotten, EHLO is sent again (RFC 3207 4.2).
  void tls_established(base::Instant now);

  // Once ready, and with no reply owed: says EHLO by another name. As after the greeting, no
  // transaction is open then (RFC 5321 4.1.1.1); Ready comes again, with the extensions that this
  // name is offered.
  void greet_again(std::string ehlo_name, base::Instant now);
  [[nodiscard]] const std::string& ehlo_name() const { return options_.ehlo_name; }

  // The credentials to log in with, once EHLO was answered inside TLS. To be given when it is known
  // who the smarthost is, before tls_established().
  void log_in_with(Login login);

  // A command line without CRLF, built by this program (never a client's line). Sent at once where
  // pipelining allows, else when the replies before it have come. Only after Ready.
  void send(Sent what, std::string_view line, base::Instant now);
  // Instead of DATA, where CHUNKING is offered: mail data goes out as BDAT chunks, without waiting
  // for a 354. Small mail data leaves as one BDAT LAST. A refused chunk is the last that is sent;
  // its reply is told as the one to end_of_data once no reply is owed any more.
  void begin_chunks();
  // Mail data after send(Sent::data, "DATA"): normalised bytes (CRLF only, unstuffed), held until
  // the 354 is there. After begin_chunks(): any bytes, held until a chunk is full, or may be sent.
  // held_data() says how much is held.
  void send_data(std::string_view bytes, base::Instant now);
  void end_data(base::Instant now);
  // No end of the mail data will come. Chunks leave the session fit for RSET; DATA does not.
  void abandon_data();
  [[nodiscard]] std::size_t held_data() const { return held_data_.size(); }
  // The end of the mail data was given here and never went out, failed or not.
  [[nodiscard]] bool is_end_unsent() const { return is_end_unsent_ || is_end_held_; }

  [[nodiscard]] std::string_view output() const { return output_.view(); }
  void consume_output(std::size_t count) { output_.consume(count); }

  [[nodiscard]] std::optional<base::Instant> deadline() const;
  void on_time(base::Instant now);

  [[nodiscard]] const Extensions& extensions() const { return extensions_; }
  [[nodiscard]] bool is_ready() const { return state_ == State::ready; }
  [[nodiscard]] Reuse reuse() const;
  // MAIL went out and no end of data or RSET was answered since: RSET is owed before the next MAIL.
  [[nodiscard]] bool is_in_transaction() const { return is_in_transaction_; }
  // What the smarthost said where it refused service or STARTTLS, for the log alone: before TLS
  // these may be anybody's words. Code 0: nothing.
  [[nodiscard]] const Reply& refusal_of_service() const { return service_refusal_; }
  // The login with our own credentials: null where there was none, or none yet.
  [[nodiscard]] const ClientLogin* login() const { return login_.get(); }
  // Text of the greeting and of the EHLO replies, for `check`.
  [[nodiscard]] const Reply& greeting() const { return greeting_; }
  [[nodiscard]] const Reply& ehlo_reply() const { return ehlo_reply_; }

 private:
  enum class State {
    greeting,    // waiting for 220
    ehlo,        // EHLO (or HELO) sent, before TLS
    starttls,    // STARTTLS sent
    tls,         // paused: the protocol is switching
    ehlo_again,  // EHLO (or HELO) sent, inside TLS
    login,       // AUTH sent, with credentials of ours
    ready,
    failed,
  };
  enum class DataPhase {
    none,
    waiting,  // for the 354
    open,     // data flows behind DATA
    chunks,   // between begin_chunks and BDAT LAST
  };

  struct Pending {  // a command in the queue
    Sent what;
    std::string line;  // empty once it is in the output
  };

  [[nodiscard]] ClientEvent on_reply(Reply reply);
  [[nodiscard]] ClientEvent on_greeting(Reply reply);
  [[nodiscard]] ClientEvent on_hello_reply(Sent sent, Reply reply);
  [[nodiscard]] ClientEvent on_starttls_reply(Reply reply);
  [[nodiscard]] ClientEvent on_command_reply(Sent sent, Reply reply);
  [[nodiscard]] ClientEvent on_data_reply(Reply reply);
  [[nodiscard]] ClientEvent on_early_verdict(Reply reply);
  [[nodiscard]] ClientEvent on_chunk_reply(Reply reply);
  [[nodiscard]] ClientEvent on_last_chunk_reply(Reply reply);
  [[nodiscard]] ClientEvent fail(base::Fault fault, std::string detail);
  // Sends the next command of the way to Ready, unless something came that nothing asked for.
  [[nodiscard]] ClientEvent proceed(Sent what, std::string line);
  [[nodiscard]] ClientEvent enter_ready();
  [[nodiscard]] ClientEvent log_in();
  [[nodiscard]] ClientEvent follow(ClientLogin::Step step);
  [[nodiscard]] ClientEvent on_login_reply(const Reply& reply);
  [[nodiscard]] ClientEvent want_starttls();
  void fail_later(base::Fault fault, std::string detail);
  void open_data();
  void expect_verdict();
  void send_chunk();
  [[nodiscard]] bool may_send_chunk() const;
  [[nodiscard]] std::optional<base::Instant> chunk_due() const;
  void drop_held_data();
  void mark_sent();
  void push(Sent what, std::string line);
  void flush_queue();
  [[nodiscard]] bool may_send_now(Sent what) const;
  [[nodiscard]] base::Duration timeout_of(Sent what) const;

  ClientOptions options_;
  State state_ = State::greeting;
  DataPhase data_phase_ = DataPhase::none;
  ReplyParser replies_;
  base::ByteQueue output_;
  std::deque<Pending> queue_;   // sent ones first, then those that wait
  std::size_t sent_count_ = 0;  // of the queue: already in the output
  Extensions extensions_;
  Reply greeting_;
  Reply service_refusal_;
  Reply ehlo_reply_;
  MailDataEncoder encoder_;
  std::string held_data_;     // encoded, waiting for the 354; or the next chunk
  base::Instant held_since_;  // the next chunk's first byte
  bool is_end_held_ = false;
  bool is_end_unsent_ = false;
  bool is_chunked_ = false;       // this mail data goes out as chunks
  std::optional<Reply> refusal_;  // of the first chunk that was refused
  std::optional<Login> credentials_;
  std::unique_ptr<ClientLogin> login_;
  bool is_encrypted_ = false;
  bool is_in_transaction_ = false;
  bool is_greeting_again_ = false;
  bool has_verdict_ = false;  // a refusal came before we had sent all mail data
  bool is_closing_ = false;   // 421 was seen
  bool has_eof_ = false;
  std::optional<from_smarthost::Failed> pending_failure_;
  base::Instant waiting_since_;  // since when the oldest reply is awaited
  base::Instant now_;
};

}  // namespace smtp
