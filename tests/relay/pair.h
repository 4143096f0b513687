// Both conversations joined by a transaction, driven without sockets, threads or a clock.
//
// The Pair carries out the actions of one client's transaction against smarthosts without sockets,
// in small steps that a test can stop, reorder or break at any point, and keeps books: every lease
// asked for is granted, refused or cancelled; every lease granted is returned or lost, never both;
// what is returned as clean is clean; a copy that is begun is dropped, and published only when it
// is whole and no smarthost has a part in the mail any more. What is wrong collects in faults().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relay/fake_smarthost.h"
#include "relay/transaction.h"
#include "smtp/client_session.h"
#include "smtp/server_session.h"
#include "support/connection_record.h"

namespace relay {

struct PairOptions {
  TransactionOptions transaction;
  smtp::ServerOptions server;
  SmarthostScript smarthost;  // of the first connection
  SmarthostScript later;      // of every other
  bool starts_warm = false;   // the first connection is open and has served somebody
  bool is_idle_long = false;  // so long that RSET must lead
  bool is_reachable = true;
  std::uint64_t max_size = 0;  // promised to the client
  bool is_auth_offered = false;
  bool is_chunking_offered = false;
  bool is_spool_full = false;     // told before a mail is begun for it
  bool is_spool_failing = false;  // nothing can be published
};

// How a smarthost connection can end or go wrong.
enum class Break {
  closed,    // end of file
  cut,       // reset: the link reports an error
  said_421,  // 421, then end of file
  garbage,   // what is no reply
  half,      // half a reply, then end of file
  mute,      // nothing comes any more
};

class Pair {
 public:
  explicit Pair(PairOptions options);

  // The client's side.
  void client_says(std::string_view bytes);
  void client_half_closes();
  void client_vanishes();                    // its connection was reset
  [[nodiscard]] std::string client_hears();  // since the last call

  // Does the next thing that is due: lets a lease be granted, bytes travel to the smarthost, one
  // reply travel back. False when nothing is.
  bool step();
  void settle();  // steps until nothing is due
  // Lets time pass to the next deadline of either session. False when there is none.
  bool wait();
  void set_now(base::Instant now) { now_ = now; }
  [[nodiscard]] base::Instant now() const { return now_; }

  // The leased connection breaks now. False when none is leased.
  bool break_connection(Break how);
  // Bytes from the smarthost that nothing asked for. False when it owes a reply or none is leased.
  bool inject(std::string_view bytes);
  // The same, in one segment with the reply that settles everything it owes next.
  void inject_behind_reply(std::string_view bytes) { surplus_ = std::string(bytes); }
  // Any bytes from the leased connection at any time: from here on its smarthost says nothing else.
  // False when none is leased.
  bool smarthost_says(std::string_view bytes);
  void set_reachable(bool is_reachable) { options_.is_reachable = is_reachable; }
  // Leases wait until told otherwise.
  void hold_leases(bool is_held) { is_lease_held_ = is_held; }

  [[nodiscard]] const smtp::ServerSession& server() const { return server_; }
  [[nodiscard]] bool is_leased() const { return leased_ != nullptr; }
  [[nodiscard]] bool is_lease_wanted() const { return request_.has_value(); }
  // Octets on their way to the smarthost and held for it.
  [[nodiscard]] std::size_t queued() const;
  // What went over each connection, for a judge; in the order they were opened, as the next.
  [[nodiscard]] std::vector<support::ConnectionRecord> records() const;
  // Of all connections, in the order they were opened.
  [[nodiscard]] std::vector<const FakeSmarthost*> smarthosts() const;
  [[nodiscard]] std::vector<FakeSmarthost::Mail> accepted() const;
  // What is in the spool.
  struct Spooled {
    std::string id;
    FakeSmarthost::Mail mail;
    bool is_in_doubt = false;
  };
  [[nodiscard]] const std::vector<Spooled>& spooled() const { return spooled_; }
  void set_spool_failing(bool is_failing) { options_.is_spool_failing = is_failing; }
  void set_spool_full(bool is_full) { options_.is_spool_full = is_full; }
  [[nodiscard]] const std::vector<action::Finished>& finished() const { return finished_; }
  // Each action and each connection's end, in words.
  [[nodiscard]] const std::vector<std::string>& log() const { return log_; }
  // Everything that must not have happened; the session over or not.
  [[nodiscard]] std::vector<std::string> faults() const;

 private:
  struct Connection {
    std::uint64_t id = 0;
    std::optional<smtp::ClientSession> session;
    std::optional<FakeSmarthost> smarthost;
    support::ConnectionRecord record;
    bool is_alive = true;
    bool is_mute = false;
    bool is_unused = true;
    bool is_idle_long = false;
    unsigned mails = 0;  // times MAIL was sent for the transaction that holds it
  };

  Connection& open(const SmarthostScript& script);
  bool grant();
  bool travel(Connection& connection);
  // From the smarthost; recorded.
  void tell(Connection& connection, std::string_view bytes);
  bool pump(Connection& connection);
  void drive();
  void dispatch(const smtp::ServerEvent& event);
  void leave();
  void lost(Connection& connection, const base::Error& error);
  void perform(const Actions& actions);
  void perform(const action::Reply& action);
  void perform(const action::Lease& action);
  void perform(const action::CancelLease& action);
  void perform(const action::Send& action);
  void perform(const action::BeginData& action);
  void perform(const action::SendData& action);
  void perform(const action::EndData& action);
  void perform(const action::Publish& action);
  void perform(const action::DropCopy& action);
  void perform(const action::Return& action);
  void perform(const action::CloseClient& action);
  void perform(const action::Finished& action);
  bool publish();
  void tell_spool_trouble();
  void check_clean(const Connection& connection);
  void fault(const std::string& what);
  [[nodiscard]] smtp::Extensions offered() const;

  PairOptions options_;
  base::Instant now_{std::chrono::hours(1)};
  smtp::ServerSession server_;
  Transaction transaction_;
  std::vector<std::unique_ptr<Connection>> connections_;
  Connection* leased_ = nullptr;
  std::optional<action::Lease> request_;
  std::string surplus_;
  bool is_lease_held_ = false;
  bool is_driving_ = false;
  bool has_left_ = false;
  bool is_data_sent_ = false;  // DATA of the open transaction
  bool is_data_chunked_ = false;
  bool is_end_sent_ = false;  // and the end of its mail data
  bool is_data_whole_ = false;
  std::optional<std::string> copy_;
  std::optional<Spooled> publication_;  // under way
  bool is_publication_awaited_ = false;
  std::vector<Spooled> spooled_;
  unsigned envelopes_ = 0;  // times the open transaction's MAIL was sent
  unsigned asked_ = 0;
  unsigned granted_ = 0;
  unsigned refused_ = 0;
  unsigned cancelled_ = 0;
  unsigned returned_ = 0;
  unsigned lost_ = 0;
  std::vector<action::Finished> finished_;
  std::vector<std::string> log_;
  std::vector<std::string> faults_;
};

}  // namespace relay
