// The spool's own thread: the only one that touches the disk, and the one that knows every mail.
//
// Loops hand in what they receive, and are given mails to deliver; both by messages. Whatever is to
// be made durable in one turn is made so together (group commit): while the disk works, the next
// batch gathers.
//
// The order of steps keeps every mail at least in one place: a notification is durable before the
// mail that it is about is removed; a mark says that the end of data may go out before it does;
// what came of an attempt is durable before the mark is taken away. What could not be written stays
// in memory until it can, and the mark with it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "app/spool_facts.h"
#include "app/spool_job.h"
#include "base/instant.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/timer.h"
#include "relay/spool_policy.h"
#include "smtp/delivery_status.h"
#include "spool/store.h"

namespace app {

// Of the configuration in force.
struct SpoolSettings {
  struct Section {
    std::string name;
    unsigned max_connections = 1;  // of each loop
  };
  relay::SpoolOptions options;
  std::string hostname;
  std::vector<Section> sections;
};

class SpoolBooks final : net::TimerEvents {
 public:
  SpoolBooks(net::Loop& loop, base::LogSink& log, SpoolFacts& facts,
             std::unique_ptr<spool::Store> store);
  ~SpoolBooks();
  SpoolBooks(const SpoolBooks&) = delete;
  SpoolBooks& operator=(const SpoolBooks&) = delete;

  // Once: what was found. Then the configuration in force, each time it is another.
  void begin(const spool::Recovery& recovery);
  void use(const SpoolSettings& settings);

  // A loop is there to deliver; it is not any more: left() follows.
  void sit(SpoolSeat& seat);
  void leave(SpoolSeat& seat);

  // A mail that is being received, under a key of its own: octets for its file; it is given up; it
  // is all there.
  void keep(SpoolSeat& seat, std::uint64_t key, const std::string& octets);
  void drop(std::uint64_t key);
  void publish(SpoolSeat& seat, std::uint64_t key, const std::string& octets,
               spool::Envelope envelope);

  // Of a mail under way.
  void want_more(const std::string& id);
  void want_mark(const std::string& id);
  void on_attempt(SpoolAttempt attempt);
  // It is not what was accepted: nothing of it was delivered.
  void on_damage(const std::string& id, const std::string& reason);

  // Somebody could open a connection to this section's smarthost.
  void on_reached(const std::string& section);

  // Everything that was asked in this turn, done.
  void on_turn_end();

 private:
  struct Place {
    SpoolSeat* seat = nullptr;
    std::map<std::string, unsigned> under_way;  // by section
  };
  struct Reception {  // of a mail with a file
    std::string id;
    std::unique_ptr<spool::Draft> draft;
    std::optional<base::Error> trouble;  // then there is no draft
  };
  struct Handing {  // a mail that is all there
    SpoolSeat* seat = nullptr;
    std::uint64_t key = 0;
    spool::Publication publication;
    bool is_sent_at_once = false;
  };
  struct Job {
    spool::Envelope envelope;
    std::unique_ptr<spool::MailReader> reader;  // while there is more to read
    SpoolSeat* seat = nullptr;
    bool is_marked = false;
    bool is_changed = false;  // the envelope is to be written whatever comes of the attempt
    bool is_untold = false;   // its sender should know and cannot be told
    std::optional<spool::Request> drop;  // once the attempt has ended
  };

  void on_timer() override;
  void arm_timer();
  [[nodiscard]] base::Instant now() const { return loop_.now(); }

  // spool_books_intake.cc
  [[nodiscard]] Reception& reception_of(std::uint64_t key);
  static void append(Reception& reception, const std::string& octets);
  void publish_batch();
  void add_published(Handing& handing);
  void update_facts();

  // Delivery.
  [[nodiscard]] Place* place_of(const SpoolSeat& seat);
  [[nodiscard]] Place* roomiest(const std::string& section);
  [[nodiscard]] bool has_room(const Place& place, const std::string& section) const;
  void dispatch();
  void start(SpoolId number, Place& place);
  void start_with(spool::Envelope envelope, Place& place, bool is_marked);
  [[nodiscard]] Job take_job(const std::string& id);
  void on_unreadable(const std::string& id, const base::Error& error);
  void give_up_damaged(const std::string& id, const std::string& reason);

  // spool_books_outcome.cc
  void apply(spool::Envelope& envelope, const SpoolAttempt& attempt);
  void settle(Job job, const SpoolAttempt& attempt);
  void finish(const Job& job);
  void fail(spool::Envelope envelope);
  void save(const Job& job);
  void save_batch();
  void expire_some();
  void expire(Job& job);
  // Recipients that failed and whose sender is to know are told of, or pending again if that cannot
  // be now and there are others to come back for.
  void tell_of_failures(Job& job, const std::vector<std::size_t>& failed, const std::string& host,
                        bool has_expired);
  void warn_of_delay(spool::Envelope& envelope, const std::string& host);
  [[nodiscard]] bool notify(const spool::Envelope& envelope,
                            std::vector<smtp::RecipientReport> reports);
  [[nodiscard]] base::Result<void> publish_one(spool::Publication publication,
                                               const std::string& text);
  void log_attempt(const spool::Envelope& envelope, const SpoolAttempt& attempt);

  // spool_books_requests.cc
  void answer_requests();
  [[nodiscard]] bool answer_request(const spool::Request& request);
  [[nodiscard]] bool retry(const spool::Request& request);
  [[nodiscard]] bool hold(const std::string& id);
  [[nodiscard]] bool drop_mail(const spool::Request& request);
  [[nodiscard]] base::Result<spool::Envelope> read(const std::string& id);

  net::Loop& loop_;
  base::LogSink& log_;
  SpoolFacts& facts_;
  std::unique_ptr<spool::Store> store_;
  relay::SpoolSchedule schedule_;
  relay::NotificationBudget budget_;
  SpoolSettings settings_;
  std::map<std::string, unsigned> room_;  // by section: mails under way in one loop
  std::vector<Place> places_;
  std::unordered_map<std::uint64_t, Reception> receptions_;
  std::vector<Handing> handings_;
  std::unordered_map<SpoolId, Job> jobs_;  // under way
  std::vector<Job> saves_;                 // to be made durable at the end of the turn
  std::unordered_map<SpoolId, spool::Envelope> unsaved_;  // newer than what the disk has
  bool is_expiry_due_ = false;
  base::Instant ticked_;
  net::Timer timer_;
};

}  // namespace app
