// One mail of the spool, sent once, over a connection of the pool: it does what a client that said
// all of it at once would have done.
//
// The conversation is relay::Transaction's, so that what is replayed, reset, chunked or in doubt is
// so for the same reasons as for a client. The end of the data goes out when the disk's thread has
// said that the mail is whole and has marked it. It belongs to the runner, which alone destroys it,
// after is_finished().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "app/smarthost_pool.h"
#include "app/spool_job.h"
#include "base/instant.h"
#include "base/log.h"
#include "relay/transaction.h"

namespace app {

class SpoolDelivery;

// What a delivery asks of the disk's thread, and tells.
class SpoolDeliveryOwner {
 public:
  virtual void want_more(const std::string& id) = 0;  // give() follows
  virtual void want_mark(const std::string& id) = 0;  // marked() follows
  // It is finished, this came of it.
  virtual void on_attempt(SpoolDelivery& delivery, SpoolAttempt attempt) = 0;
  virtual void on_damage(SpoolDelivery& delivery, const std::string& reason) = 0;

 protected:
  ~SpoolDeliveryOwner() = default;
};

class SpoolDelivery final : PoolClient {
 public:
  // `pool` must live until it is finished or destroyed.
  SpoolDelivery(SpoolDeliveryOwner& owner, SmarthostPool& pool, net::Loop& loop, base::LogSink& log,
                SpoolJob job);
  ~SpoolDelivery();
  SpoolDelivery(const SpoolDelivery&) = delete;
  SpoolDelivery& operator=(const SpoolDelivery&) = delete;

  void start();
  void give(const base::Result<std::string>& octets);
  void on_marked(const base::Result<void>& result);

  [[nodiscard]] const std::string& id() const { return job_.envelope.id; }
  [[nodiscard]] const SmarthostPool& pool() const { return pool_; }
  [[nodiscard]] bool is_finished() const { return stage_ == Stage::finished; }

 private:
  enum class Stage {
    envelope,  // MAIL and RCPT are said; replies to these awaited
    data,      // mail data goes out
    marking,   // all but the end is out; the mark awaited
    ending,    // the final reply awaited
    finished,
  };

  void on_leased(SmarthostLink& link, bool is_reused, bool is_reset_owed) override;
  void on_lease_failed(const base::Error& error) override;
  void on_extensions_known() override {}
  void on_extensions_unknown(const base::Error&) override {}
  void on_smarthost_reply(const smtp::from_smarthost::Replied& replied) override;
  void on_smarthost_lost(const base::Error& error, bool has_unsent) override;
  void on_smarthost_drained() override;

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
  // What is for clients alone.
  template <typename Other>
  void perform(const Other&) {}

  void go_on();
  void begin_data();
  void send(std::string_view octets);
  void send_or_end();
  void end();
  void on_recipient_reply(const smtp::Reply& reply);
  void on_final_reply(const smtp::Reply& reply);
  void answer_rest(const smtp::Reply& reply);
  [[nodiscard]] std::string why_unfit(const smtp::Extensions& offered) const;
  void fail_unfit();
  [[nodiscard]] bool strip_dsn();
  void start_again();
  void finish();
  [[nodiscard]] relay::SpoolSchedule::Ending ending() const;
  [[nodiscard]] base::Instant now() const { return loop_.now(); }

  SpoolDeliveryOwner& owner_;
  SmarthostPool& pool_;
  net::Loop& loop_;
  base::LogSink& log_;
  SpoolJob job_;
  relay::Transaction transaction_;
  SpoolAttempt attempt_;
  Stage stage_ = Stage::envelope;
  SmarthostLink* lease_ = nullptr;
  std::vector<std::size_t> asked_;  // recipients, in the order of their RCPT
  std::size_t answered_ = 0;        // of these
  std::size_t accepted_ = 0;
  bool is_mail_answered_ = false;
  bool is_go_ = false;               // mail data may be sent
  bool is_waiting_ = false;          // for more of the mail, or for the smarthost to take it
  bool is_over_ = false;             // the conversation is: nothing more is to be said
  std::uint64_t sent_ = 0;           // octets of the mail
  std::string unfit_;                // what a fresh connection lacks that the mail needs
  std::optional<base::Error> lost_;  // the connection, or none came about
  bool was_leased_ = false;
  bool was_serving_ = false;  // the pool had connections when it had none for us
  bool is_path_refusal_ = false;
  bool is_doubtful_ = false;  // it was before
  base::Instant began_;
};

}  // namespace app
