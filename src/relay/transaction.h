// One client's mail transactions, joined to the smarthost: the decisions, without any I/O.
//
// Events of both conversations come in; a short list of actions comes out, to be carried out in
// order by the link that owns the client. A transaction calls nothing and knows no socket, no pool
// and no clock. There is one a client session; between transactions it holds nothing.
//
// What it guarantees:
// - 250 at the end of data is the smarthost's own, for this mail, or says that the spool has it,
//   never both; trouble of ours is 4yz. A mail goes to the spool only once the smarthost has no
//   more part in it; the one doubt that is left (lost behind the end of data) is told.
// - A connection that died before the smarthost answered anything of this transaction is replaced
//   and the commands are sent again, once, invisibly. After the end of data went out nothing is
//   ever sent again.
// - A connection goes back clean or is given up with the reason.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/instant.h"
#include "base/result.h"
#include "smtp/client_session.h"
#include "smtp/command.h"
#include "smtp/extensions.h"
#include "smtp/mail_data.h"
#include "smtp/reply.h"
#include "smtp/server_session.h"

namespace relay {

// How mail gets to the smarthost, and so what 250 at the end of data promises.
enum class Delivery {
  relay,     // streamed, no copy is kept: the smarthost has it
  fallback,  // streamed, and kept until the smarthost answered: the smarthost has it, or the spool
  queue,     // the spool has it; the smarthost is not asked
};

struct TransactionOptions {
  std::string hostname;                // ours: the loop check looks for it
  bool early_replies = true;           // answer MAIL and DATA here
  std::uint64_t max_message_size = 0;  // octets; 0 = the smarthost decides
  bool checks_loops = true;            // a mail that has been here too often is refused
  Delivery delivery = Delivery::relay;
};

// What the link is asked to do.
namespace action {
struct Reply {  // to the client: settles its oldest owed reply
  smtp::Reply reply;
};
struct Lease {                 // ask the pool for a connection; Leased or LeaseFailed follows, once
  smtp::Extensions needs;      // what this mail relies on
  bool must_be_fresh = false;  // not a warm one: a warm one has just failed, or AUTH pins it
  bool is_pinned = false;      // stays with this client session and is closed after it
};
struct CancelLease {};  // the connection asked for is not wanted any more
struct Send {           // a command to the smarthost
  smtp::Sent sent;
  std::string line;
};
struct BeginData {          // mail data follows, the trace line first
  bool is_chunked = false;  // BDAT to the smarthost, else DATA
  bool is_sent = true;      // to the smarthost
  bool is_kept = false;     // a copy of it, for the spool
};
struct SendData {
  std::string_view bytes;  // valid until the transaction's next call
};
struct EndData {};
struct Publish {  // the copy; Published or PublishFailed follows, once
  smtp::MailCommand mail;
  std::vector<smtp::RcptCommand> recipients;
  bool is_in_doubt = false;  // the smarthost may have taken it already
};
struct DropCopy {};  // whether or not it was published
struct Return {      // give the connection back
  bool is_clean = false;
  std::string why;  // when not clean
};
struct CloseClient {  // say this, owed or not, and end the client's session
  smtp::Reply reply;
};
struct Finished {  // a mail transaction came to its end: for the log, once for each MAIL
  std::string reverse_path;
  std::size_t recipients = 0;  // accepted
  std::uint64_t size = 0;
  smtp::Reply reply;  // code 0: nobody got one
  std::string why;    // it was given up, where no reply tells; or went to the spool
  base::Instant began;
  base::Instant ended;
  bool is_in_doubt = false;  // the smarthost may have taken it although we said 4yz, or spooled it
  std::string spool_id;      // where that has it; else empty
};
}  // namespace action

using Action =
    std::variant<action::Reply, action::Lease, action::CancelLease, action::Send, action::BeginData,
                 action::SendData, action::EndData, action::Publish, action::DropCopy,
                 action::Return, action::CloseClient, action::Finished>;
using Actions = std::vector<Action>;

// What the pool and the leased connection report.
struct Leased {
  smtp::Extensions extensions;  // of the connection itself
  bool is_reused = false;       // it served somebody before
  bool is_reset_owed = false;   // a transaction was left open, or it sat idle: lead with RSET
};
struct LeaseFailed {
  base::Error error;
};
struct SmarthostLost {
  base::Error error;
  bool has_unsent = false;  // the end of what was sent never left us
};
// And the spool.
struct Published {
  std::string id;
};
struct PublishFailed {  // it is not there, and never will be
  base::Error error;    // Fault::busy: it is full
};

class Transaction {
 public:
  explicit Transaction(TransactionOptions options);

  // From the client. `promised`: what the client was shown in EHLO.
  [[nodiscard]] Actions on(const smtp::from_client::Mail& event, const smtp::Extensions& promised,
                           base::Instant now);
  [[nodiscard]] Actions on(const smtp::from_client::Rcpt& event, base::Instant now);
  [[nodiscard]] Actions on(const smtp::from_client::Data& event, base::Instant now);
  [[nodiscard]] Actions on(const smtp::from_client::MailData& event, base::Instant now);
  [[nodiscard]] Actions on(const smtp::from_client::MailDataRefused& event, base::Instant now);
  [[nodiscard]] Actions on(const smtp::from_client::EndOfChunk& event, base::Instant now);
  [[nodiscard]] Actions on(const smtp::from_client::EndOfData& event, base::Instant now);
  [[nodiscard]] Actions on(const smtp::from_client::Auth& event, base::Instant now);
  [[nodiscard]] Actions on(const smtp::from_client::AuthResponse& event, base::Instant now);
  // RSET, EHLO: the open transaction is dropped.
  [[nodiscard]] Actions on(const smtp::from_client::Reset& event, base::Instant now);
  // STARTTLS: so is everything that was said before, a client's authentication too.
  [[nodiscard]] Actions on(const smtp::from_client::StartTls& event, base::Instant now);
  // QUIT or the connection's end: everything is given up.
  [[nodiscard]] Actions on(const smtp::from_client::Gone& event, base::Instant now);

  // From the pool and the smarthost.
  [[nodiscard]] Actions on(const Leased& event, base::Instant now);
  [[nodiscard]] Actions on(const LeaseFailed& event, base::Instant now);
  [[nodiscard]] Actions on(const smtp::from_smarthost::Replied& event, base::Instant now);
  [[nodiscard]] Actions on(const SmarthostLost& event, base::Instant now);
  [[nodiscard]] Actions on(const Published& event, base::Instant now);
  [[nodiscard]] Actions on(const PublishFailed& event, base::Instant now);
  // Why the spool takes no mail just now; nothing when it does. To be told before any event above
  // that may lead there: MAIL in queue mode, trouble of the smarthost in fallback.
  void tell_spool_trouble(std::optional<base::Error> trouble) {
    spool_trouble_ = std::move(trouble);
  }
  // Octets that the open mail has, or is said to have.
  [[nodiscard]] std::uint64_t expected_size() const;

  // Whether mail data that comes now goes to a smarthost (and so must wait when that is slow).
  [[nodiscard]] bool is_streaming() const { return stage_ == Stage::mail_data && !verdict_; }
  // Whom the smarthost's next reply to RCPT is about, for the log; empty when to nobody.
  [[nodiscard]] std::string_view awaited_recipient() const {
    return rcpts_.empty() ? std::string_view() : rcpts_.front().command.forward_path;
  }
  // Whether the client authenticated on the leased connection, which stays its own.
  [[nodiscard]] bool is_pinned() const { return is_pinned_; }
  // Whether the open mail is one for the spool.
  [[nodiscard]] bool is_spooled() const { return is_spooled_; }
  [[nodiscard]] bool is_idle() const { return stage_ == Stage::idle && lease_ == LeaseState::none; }

 private:
  enum class Stage {
    idle,        // no MAIL given
    envelope,    // MAIL given; RCPT may follow
    data_wait,   // DATA sent, its reply awaited on the client's behalf (early_replies = no)
    mail_data,   // the client sends mail data
    ending,      // end of data sent; the final reply awaited
    publishing,  // the spool makes the copy durable
    auth,        // an AUTH exchange is under way
  };
  enum class LeaseState { none, waiting, held };
  // Why a connection is given up.
  static constexpr std::string_view kSaid421 = "smarthost said 421";
  static constexpr std::string_view kRepliesOwed = "replies are owed";
  static constexpr std::string_view kRefusedEarly = "smarthost refused the mail before its end";

  struct Recipient {
    smtp::RcptCommand command;
    std::optional<smtp::Reply> refusal;  // of ours, to be given in its turn; it was not sent
  };
  // Why the smarthost does not take the mail.
  struct Trouble {
    smtp::Reply reply;           // what the client is told when there is no spool
    std::string why;             // for the log
    bool is_smarthosts = false;  // the reply is the smarthost's own
    bool is_in_doubt = false;    // it may have taken it all the same
  };
  [[nodiscard]] static Trouble trouble_of(const base::Error& error);
  [[nodiscard]] static Trouble trouble_of(const smtp::Reply& reply);

  void begin(const smtp::MailCommand& mail, const smtp::Extensions& promised, base::Instant now);
  void ask_lease(Actions& actions, bool must_be_fresh);
  void send_envelope(base::Instant now, Actions& actions);
  void send_rcpt(Recipient& rcpt, Actions& actions);
  void answer_here(Actions& actions);
  void begin_data(bool is_client_chunking, Actions& actions);
  void on_mail_reply(const smtp::Reply& reply, base::Instant now, Actions& actions);
  void on_rcpt_reply(const smtp::Reply& reply, base::Instant now, Actions& actions);
  void on_data_reply(const smtp::Reply& reply, base::Instant now, Actions& actions);
  void on_final_reply(const smtp::Reply& reply, base::Instant now, Actions& actions);
  void on_auth_reply(const smtp::Reply& reply, Actions& actions);
  void answer(const smtp::Reply& reply, Actions& actions);
  // Answers every RCPT that waits.
  void answer_recipients(const smtp::Reply& reply, Actions& actions);
  void log_end(const smtp::Reply& reply, bool is_in_doubt, base::Instant now, Actions& actions);
  // The smarthost does not take it: the spool does, or everybody who waits gets the reply, and so
  // does who asks.
  void fail(Trouble trouble, base::Instant now, Actions& actions);
  // The verdict on mail data is known before its end; the rest is swallowed.
  void decide(smtp::Reply verdict, std::string why_dirty, Actions& actions);
  void finish(const smtp::Reply& reply, bool is_in_doubt, base::Instant now, Actions& actions);
  // Behind the reply that ended the transaction.
  void give_back_after(const smtp::Reply& reply, Actions& actions);
  void give_back(bool is_clean, std::string why, Actions& actions);
  // Whatever is open or asked for is dropped; `is_leaving`: so is a pinned connection.
  void abandon(bool is_leaving, Actions& actions);
  void log_abandoned(const std::string& why, base::Instant now, Actions& actions);
  [[nodiscard]] bool is_looping(std::string_view bytes);
  void give_back_if_settled(Actions& actions);
  [[nodiscard]] bool may_replay() const;
  void clear();

  // transaction_spool.cc
  [[nodiscard]] bool may_spool() const;
  void begin_spooled(base::Instant now, Actions& actions);
  // Whether the spool takes over; if not, `trouble` has the reply for that.
  [[nodiscard]] bool hand_over(Trouble& trouble, Actions& actions);
  void accept_here(smtp::RcptCommand rcpt, Actions& actions);
  void begin_spooled_data(Actions& actions);
  void publish(Actions& actions);
  void drop_copy(Actions& actions);
  void on_stray_reply(const smtp::Reply& reply, Actions& actions);

  TransactionOptions options_;
  Stage stage_ = Stage::idle;
  LeaseState lease_ = LeaseState::none;
  std::optional<smtp::MailCommand> mail_;

  smtp::Extensions needs_;
  smtp::Extensions connection_;  // what the leased connection offers
  // RCPTs the smarthost has not answered yet, oldest first; all of them are sent again on a replay.
  std::deque<Recipient> rcpts_;
  std::size_t rcpts_sent_ = 0;  // on this connection
  std::size_t rcpts_accepted_ = 0;
  std::size_t awaited_ = 0;  // replies the leased connection owes us
  std::size_t stale_ = 0;    // of a transaction that was dropped: they come first
  bool is_mail_sent_ = false;
  bool is_mail_reply_due_ = false;  // the client waits for MAIL's own reply
  bool is_reset_owed_ = false;      // by the leased connection, before MAIL
  bool is_reused_ = false;
  bool has_data_go_ = false;  // mail data leaves: the smarthost said 354, or needs not
  bool is_chunked_ = false;   // toward the smarthost
  bool has_answer_ = false;   // the smarthost answered something of this transaction
  bool is_retried_ = false;
  bool is_pinned_ = false;  // the client authenticated on the leased connection
  bool is_pinned_lost_ = false;
  bool is_auth_reply_due_ = false;  // the client waits for the smarthost's answer to AUTH
  bool is_logged_ = false;
  std::optional<smtp::Reply> failure_;  // for every later RCPT and DATA of this transaction
  std::optional<smtp::Reply> verdict_;  // for the end of data, once it is known
  bool is_spooled_ = false;             // the spool gets it, the smarthost has no part in it
  bool has_copy_ = false;
  std::optional<Trouble> trouble_;           // why it is spooled
  std::vector<smtp::RcptCommand> accepted_;  // where the spool may get it
  std::optional<base::Error> spool_trouble_;
  std::string spool_id_;
  std::uint64_t size_ = 0;
  std::uint64_t max_size_ = 0;
  std::optional<smtp::HeaderScanner> header_;
  std::string auth_argument_;
  unsigned auth_rounds_ = 0;  // challenges so far
  base::Instant began_;
};

}  // namespace relay
