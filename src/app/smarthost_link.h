// One connection to the smarthost: a stream, TLS, and our side of the conversation.
//
// It opens by itself (connect, greeting, EHLO, STARTTLS or implicit TLS, EHLO) and then serves
// whoever holds it. It belongs to a SmarthostPool, which alone destroys it; a holder only sends
// through it and gives it back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "app/expiry_watch.h"
#include "app/host_lookup.h"
#include "app/link_target.h"
#include "app/mail_rates.h"
#include "app/smarthost_login.h"
#include "app/turn.h"
#include "base/log.h"
#include "config/config.h"
#include "net/background.h"
#include "net/connector.h"
#include "net/tcp_stream.h"
#include "net/timer.h"
#include "smtp/client_session.h"
#include "smtp/data_clock.h"
#include "tls/tls_engine.h"

namespace app {

class SmarthostLink;

// Who has leased the link.
class SmarthostHolder {
 public:
  virtual void on_smarthost_reply(const smtp::from_smarthost::Replied& replied) = 0;
  // The link is gone; the holder has no lease any more. `has_unsent`: not all that was to be sent
  // had left this process.
  virtual void on_smarthost_lost(const base::Error& error, bool has_unsent) = 0;
  // queued() has become small: more mail data may be sent.
  virtual void on_smarthost_drained() = 0;

 protected:
  ~SmarthostHolder() = default;
};

// Who owns the link.
class SmarthostLinkOwner {
 public:
  virtual void on_link_ready(SmarthostLink& link) = 0;
  // Before anybody who holds it is told. The link must live until the end of the turn.
  virtual void on_link_dead(SmarthostLink& link, const base::Error& error) = 0;

 protected:
  ~SmarthostLinkOwner() = default;
};

// What every link to one smarthost shares.
struct SmarthostContext {
  net::Loop* loop = nullptr;
  Turn* turn = nullptr;
  base::LogSink* log = nullptr;
  config::Smarthost smarthost;
  std::string hostname;                     // ours
  ExpiryWatch* expiry = nullptr;            // nobody is warned without it
  std::shared_ptr<MailRate> rate;           // nothing without a limit
  std::unique_ptr<tls::ClientContext> tls;  // of which each host gets its own; none with tls = none
  AskDns ask_dns = ask_system_dns();
  std::unique_ptr<SmarthostLogin> login;  // nothing without credentials of our own
  // Whether an address is one that this process itself listens on: mail must not go round.
  std::function<bool(const net::SocketAddress&)> is_own_listener;
  // A connection could be opened, to where mail can be sent. Nobody is told without it.
  std::function<void()> on_reached;
};

// Whether STARTTLS is asked for.
[[nodiscard]] smtp::StartTls starttls_policy(const config::Smarthost& smarthost);

class SmarthostLink final : net::ConnectorEvents,
                            net::StreamEvents,
                            net::TimerEvents,
                            net::BackgroundEvents,
                            LoginWaiter,
                            TurnTask {
 public:
  // Octets waiting to be sent above which the client behind is not read any more.
  static constexpr std::size_t kHighWater = 256 * 1024;
  // And below which it is read again.
  static constexpr std::size_t kLowWater = kHighWater / 2;

  SmarthostLink(SmarthostContext& context, SmarthostLinkOwner& owner, std::uint64_t id,
                LinkTarget target);
  ~SmarthostLink();
  SmarthostLink(const SmarthostLink&) = delete;
  SmarthostLink& operator=(const SmarthostLink&) = delete;

  void open();
  void set_holder(SmarthostHolder* holder) { holder_ = holder; }
  [[nodiscard]] bool has_holder() const { return holder_ != nullptr; }

  // The name we give of our own accord.
  [[nodiscard]] const std::string& own_name() const { return own_name_; }
  // Of a link that is ready and clean: says EHLO by this name; on_link_ready comes again.
  void greet_as(const std::string& name);

  void send(smtp::Sent what, std::string_view line);
  // Mail data as BDAT chunks; else send() DATA first.
  void begin_chunks();
  void send_data(std::string_view bytes);
  void end_data();
  // The holder sends no more mail data: see ClientSession::abandon_data.
  void abandon_data();
  // Octets that wait here for the smarthost to take them.
  [[nodiscard]] std::size_t queued() const;
  // The holder stops sending mail data until on_smarthost_drained, which comes once queued() is
  // below kLowWater: for sure, at the end of this turn if not later.
  void tell_when_drained();

  // Says QUIT when that is polite, and closes. The link is dead after it; nobody is told.
  void close();

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] const relay::Target& target() const { return target_.target; }
  [[nodiscard]] std::string id_text() const;
  // Only once connected: see has_session.
  [[nodiscard]] const smtp::ClientSession& session() const { return *session_; }
  [[nodiscard]] bool has_session() const { return session_.has_value(); }
  // Mail could be sent through it, at least until it died.
  [[nodiscard]] bool was_ready() const { return is_ready_; }
  [[nodiscard]] bool is_dead() const { return is_dead_; }
  [[nodiscard]] base::Instant opened() const { return opened_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // As it stands in the log: version, cipher, verdict. Empty without TLS.
  [[nodiscard]] std::string tls_summary() const;
  [[nodiscard]] bool has_tls() const { return engine_ != nullptr; }
  // What mail can rely on here: see usable_extensions.h.
  [[nodiscard]] smtp::Extensions usable_extensions() const;

  // For the pool's books.
  unsigned transactions = 0;
  base::Instant idle_since;
  bool is_unused = true;

 private:
  void on_connected(net::TcpStream stream) override;
  void on_connect_failed(const base::Error& error) override;
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_error(const base::Error& error) override;
  void on_drained() override;
  void on_timer() override;
  void on_background_done(base::Result<void> verdict) override;
  void on_turn_end() override;

  // smarthost_link_login.cc: before connect(), before EHLO inside TLS, and at the end of it.
  void prepare_login();
  void on_credentials(const base::Result<smtp::Credentials>& credentials) override;
  void begin_attempt();
  void hand_over_credentials();
  void settle_login();
  // Into the books: whether what the connection fails with counts as a refused login.
  void enter_login_verdict(const base::Error& error);
  [[nodiscard]] bool may_log_in_again(const base::Error& error);
  void log_in_again(const base::Error& error);

  void connect();
  void drop_connection();
  [[nodiscard]] bool may_try_without_session() const;
  void try_without_session();
  void start_tls();
  void pump_tls();
  void begin_judging();
  void pump();
  void flush();
  void arm_timer();
  void tell_if_drained();
  [[nodiscard]] std::uint64_t taken() const;
  void watch_taking();
  [[nodiscard]] std::optional<base::Instant> taking_deadline() const;
  [[nodiscard]] bool has_unsent() const;
  void fail(const base::Error& error);
  void log_open();
  void warn_of_expiry();
  void log_refusal(const base::Error& error);

  SmarthostContext& context_;
  SmarthostLinkOwner& owner_;
  SmarthostHolder* holder_ = nullptr;
  std::uint64_t id_;
  LinkTarget target_;
  net::Timer timer_;
  std::unique_ptr<net::Connector> connector_;
  std::optional<net::TcpStream> stream_;
  std::unique_ptr<tls::Engine> engine_;
  std::unique_ptr<net::Background> judging_;  // of the smarthost's certificate, while it lasts
  std::optional<smtp::ClientSession> session_;
  std::optional<smtp::Credentials> credentials_;  // until we are in, or are not
  std::optional<LoginGuard::Attempt> attempt_;
  std::optional<base::Error> login_refusal_;  // of the credentials that were at hand
  std::optional<base::Error> early_failure_;  // of the next timer: nobody is told from open()
  std::string own_name_;
  std::string peer_;
  base::Instant opened_;
  std::optional<base::Instant> handshake_deadline_;
  smtp::DataClock taking_;  // runs while something is queued
  std::uint64_t last_taken_ = 0;
  std::uint64_t written_ = 0;  // octets given to the stream
  std::uint64_t bytes_ = 0;
  bool is_dead_ = false;
  bool is_ready_ = false;
  bool is_pumping_ = false;
  bool is_tls_up_ = false;
  bool is_drain_wanted_ = false;
  bool is_login_waiting_ = false;  // for others that try
  tls::Resumption resumption_ = tls::Resumption::allowed;
};

}  // namespace app
