// One client: its stream, our server's side of the conversation, and its mail transactions.
//
// The straight descent: a callback feeds the session, takes its events, carries out the
// transaction's actions, and asks for one flush at the end of the turn. It belongs to the App,
// which alone destroys it, after is_finished().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/client_login.h"
#include "app/client_origin.h"
#include "app/mail_sink.h"
#include "app/sender_rewriting.h"
#include "app/server_tls.h"
#include "app/smarthost_pool.h"
#include "app/spool_desk.h"
#include "app/turn.h"
#include "base/log.h"
#include "config/config.h"
#include "net/tcp_stream.h"
#include "net/timer.h"
#include "relay/crowding.h"
#include "relay/transaction.h"
#include "smtp/limits.h"
#include "smtp/server_session.h"

namespace app {

// What every session of one listener shares.
struct ListenerContext {
  net::Loop* loop = nullptr;
  Turn* turn = nullptr;
  base::LogSink* log = nullptr;
  config::Listener listener;
  std::string hostname;
  SmarthostPool* pool = nullptr;
  // Of smarthosts that take the mail of certain senders, whichever the listener's is.
  std::vector<SmarthostPool*> pools_by_sender;
  SpoolDesk* spool = nullptr;               // where delivery is not relay
  std::uint64_t spool_max_size = 0;         // octets, 0 = not known: a bigger mail never fits
  std::unique_ptr<tls::ServerContext> tls;  // nothing with tls = none
  std::unique_ptr<LoginDesk> desk;          // where AUTH ends here
  base::Duration handshake_timeout = smtp::kHandshakeTimeout;
  relay::Crowding crowding;  // as this loop knows it

  [[nodiscard]] bool is_implicit_tls() const { return listener.tls == config::ClientTls::implicit; }
  // Who takes mail with this reverse-path, "<app@example.edu>".
  [[nodiscard]] SmarthostPool& pool_for(std::string_view reverse_path) const;
};

class ClientLink final : PoolClient,
                         KeptMailEvents,
                         net::StreamEvents,
                         net::TimerEvents,
                         ClientLoginEvents,
                         TurnTask {
 public:
  ClientLink(ListenerContext& context, net::TcpStream stream, ClientOrigin origin,
             std::uint64_t id);
  ~ClientLink();
  ClientLink(const ClientLink&) = delete;
  ClientLink& operator=(const ClientLink&) = delete;

  // `early`: what it said that was read already.
  void start(std::string_view early = {});
  // Instead of serving this client: says why and closes.
  void start_refusing(const smtp::Reply& reply);
  // context().crowding says something else than before.
  void on_crowding_changed();
  // Ends the session once no transaction is open (421).
  void drain();
  // Ends it now.
  void stop();

  [[nodiscard]] bool is_finished() const { return is_finished_; }
  [[nodiscard]] const ListenerContext& context() const { return context_; }
  // Called once, when is_finished() becomes true; the link still exists then.
  std::function<void(ClientLink&)> on_finished;

 private:
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_error(const base::Error& error) override;
  void on_drained() override;
  void on_timer() override;
  void on_turn_end() override;
  void on_login_answered() override;

  void on_leased(SmarthostLink& link, bool is_reused, bool is_reset_owed) override;
  void on_lease_failed(const base::Error& error) override;
  void on_extensions_known() override;
  void on_extensions_unknown(const base::Error& error) override;
  void on_smarthost_reply(const smtp::from_smarthost::Replied& replied) override;
  void on_smarthost_lost(const base::Error& error, bool has_unsent) override;
  void on_smarthost_drained() override;

  // client_link_spool.cc
  void on_published(const std::string& id) override;
  void on_publish_failed(const base::Error& error) override;
  void on_kept() override;
  void tell_spool_trouble(std::uint64_t size = 0);
  void perform(const relay::action::Publish& action);
  void perform(const relay::action::DropCopy& action);
  void log_spooled(const relay::action::Finished& mail);

  void welcome();
  void greet();
  [[nodiscard]] smtp::Extensions offer(bool is_encrypted) const;
  void drive();
  void dispatch(smtp::ServerEvent& event);
  void answer_hello(const smtp::from_client::Hello& hello);
  void prepare_login();
  void on_auth(const smtp::from_client::Auth& event);
  void on_auth_response(const smtp::from_client::AuthResponse& event);
  void settle_login();
  [[nodiscard]] bool may_send(smtp::from_client::Mail& mail);
  [[nodiscard]] bool is_client_authenticated() const;
  [[nodiscard]] std::string client_user() const;
  void on_starttls();
  void begin_tls(std::unique_ptr<tls::Engine> engine, ServerTls::Begin begin);
  void pump_tls();
  void on_tls_up();
  void on_tls_failure();
  [[nodiscard]] bool is_tls_up() const { return tls_ && session_.is_tls_up(); }
  [[nodiscard]] bool refuse_over_rate();
  void perform(const relay::Actions& actions);
  void perform(const relay::action::Reply& action);
  void perform(const relay::action::Lease& action);
  void perform(const relay::action::CancelLease& action);
  void perform(const relay::action::Send& action);
  void perform(const relay::action::BeginData& action);
  void perform(const relay::action::SendData& action);
  void perform(const relay::action::EndData& action);
  void perform(const relay::action::Return& action);
  void perform(const relay::action::CloseClient& action);
  void perform(const relay::action::Finished& action);
  [[nodiscard]] std::string trace_line();
  void leave(const std::string& why);
  void log_close(const std::string& why);
  void log_tolerated();
  void flush();
  void arm_timer();
  void update_reading();
  void finish();
  [[nodiscard]] base::Instant now() const { return context_.loop->now(); }

  ListenerContext& context_;
  std::uint64_t id_;
  std::string id_text_;
  net::Timer timer_;
  std::optional<net::TcpStream> stream_;
  ClientOrigin origin_;
  std::unique_ptr<ServerTls> tls_;      // from STARTTLS on, or from the first byte
  std::unique_ptr<ClientLogin> login_;  // where AUTH ends here
  smtp::ServerSession session_;
  relay::Transaction transaction_;
  std::unique_ptr<SenderRewriting> senders_;  // with `sender`
  SmarthostPool* pool_;                       // whom a connection was asked of, last
  SmarthostPool* pool_of_mail_;               // whom the mail under way is for
  SmarthostLink* lease_ = nullptr;
  MailSink sink_;
  smtp::Extensions promised_;
  base::Instant opened_;
  unsigned transactions_ = 0;
  // Facts of the connection that served the transaction, for the log after it was given back.
  std::string served_by_;
  std::string served_tls_;
  bool was_reused_ = false;
  bool is_behind_trace_ = false;  // nothing stands behind our trace line yet
  bool is_held_up_ = false;       // by a slow smarthost, or a slow disk
  bool is_draining_ = false;
  bool is_driving_ = false;
  bool is_cut_ = false;  // events wait until replies have left
  bool is_greeted_ = false;
  bool is_waiting_for_smarthost_ = false;  // for what it offers, before the greeting
  bool has_left_ = false;                  // the transaction was told that the client is gone
  bool is_finished_ = false;
};

}  // namespace app
