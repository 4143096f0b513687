// When the spool tries which mail: pure decisions over facts and a time.
//
// The smarthost is what mostly fails, so it is a smarthost section that backs off, not its mails:
// while a section waits nothing of it is tried, at its time one mail is the probe, and only when
// the smarthost has answered that one does everything that is due follow, as fast as the caller has
// room. A mail that is put off for its own sake backs off by itself and stops no other. A mail on
// which the connection was lost does both: if it was the cause, it is not the next probe.
//
// Nothing here knows a wall clock: how old a mail is was found out once, when it was loaded, and is
// counted from then on by the monotonic clock, so that a clock that is set neither expires mail nor
// keeps it for ever. A hundred thousand mails may wait: an entry has some 150 octets.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/instant.h"

namespace relay {

// RFC 5321 4.5.4.1 asks for 30 minutes at least between attempts at one destination, for senders of
// other people's mail; a smarthost is one's own, expects us, and is mostly down for a minute.
inline constexpr base::Duration kFirstRetry = std::chrono::seconds(60);
inline constexpr base::Duration kLastRetry = std::chrono::minutes(30);
// More or less, so that many sidecars do not strike together.
inline constexpr unsigned kRetryJitterPercent = 20;
// While there is no room at the smarthost (max_rate, max_connections): no failure of anybody.
inline constexpr base::Duration kBusyPause = std::chrono::seconds(5);
// RFC 5321 4.5.4.1: a sender is to hear of a delay; everybody's habit is 4 hours.
inline constexpr base::Duration kWarnAfter = std::chrono::hours(4);
// Notifications in a minute, whatever goes wrong with however many mails.
inline constexpr unsigned kMaxNotificationsAMinute = 100;

// How long to wait after so many failures in a row (1 or more). `random`: any number.
[[nodiscard]] base::Duration retry_delay(unsigned failures, std::uint64_t random);

struct SpoolOptions {
  std::string folder;
  std::uint64_t max_size = std::uint64_t{1} << 30;      // octets of mail and envelopes
  base::Duration max_age = std::chrono::hours(5 * 24);  // RFC 5321 4.5.4.1: 4 to 5 days

  friend bool operator==(const SpoolOptions&, const SpoolOptions&) = default;
};

class SpoolSchedule {
 public:
  using Id = std::uint64_t;

  // How an attempt ended that leaves recipients to be tried again.
  enum class Ending {
    not_tried,    // given up before anything was asked of the smarthost
    no_room,      // the pool has no connection to spare, or the rate is used up
    unreachable,  // no connection came about: the section waits
    cut_short,    // the connection was lost, or ended by the smarthost: section and mail wait
    put_off,      // 4yz for its own sake: the mail waits
  };

  explicit SpoolSchedule(base::Duration max_age) : max_age_(max_age) {}

  void set_max_age(base::Duration max_age) { max_age_ = max_age; }
  // The sections there are. Mails of others wait until theirs is there (again).
  void set_sections(std::span<const std::string> names);

  // `age`: how long ago it was accepted. Due at once.
  void add(Id id, const std::string& section, base::Duration age, base::Instant now);
  void remove(Id id);
  [[nodiscard]] bool has(Id id) const { return mails_.find(id) != mails_.end(); }
  [[nodiscard]] std::size_t size() const { return mails_.size(); }
  // Mails of sections that there are not, by section.
  [[nodiscard]] std::map<std::string, std::size_t> stranded() const;

  // One that is held is neither tried nor expires.
  void set_held(Id id, bool is_held);
  [[nodiscard]] bool is_held(Id id) const { return at(id).is_held; }
  [[nodiscard]] bool is_under_way(Id id) const { return at(id).is_under_way; }

  // The mail to be tried now, of those that are due the one that has waited longest; it is under
  // way until end_attempt() or remove(). Nothing when there is none or the section waits.
  [[nodiscard]] std::optional<Id> begin_attempt(const std::string& section, base::Instant now);
  // As begin_attempt() for a mail just added, if may_begin_at_once().
  [[nodiscard]] bool begin_attempt_of(Id id, base::Instant now);
  // Whether all is well with a section, as far as is known.
  [[nodiscard]] bool may_begin_at_once(const std::string& section, base::Instant now) const;
  // `random`: any number.
  void end_attempt(Id id, Ending ending, base::Instant now, std::uint64_t random);
  // The smarthost answered for a mail, whatever it said about it.
  void on_answered(const std::string& section);
  // A connection could be opened, by whomsoever: a wait is over.
  void on_reached(const std::string& section, base::Instant now);

  // By a person: this one, or all that are not held, as if nothing had happened before.
  void retry(Id id, base::Instant now);
  void retry_all(base::Instant now);

  // A mail is given up when it is too old, but not before an attempt failed in this life of ours:
  // it may be the machine that was off for a week.
  [[nodiscard]] bool is_expired(Id id, base::Instant now) const;
  // All of a section whose last attempt failed; none that is under way.
  [[nodiscard]] std::vector<Id> expired(const std::string& section, base::Instant now) const;
  [[nodiscard]] bool is_warning_due(Id id, base::Instant now) const {
    return now - at(id).accepted >= kWarnAfter;
  }
  [[nodiscard]] base::Instant expires_at(Id id) const { return at(id).accepted + max_age_; }

  // When something becomes due that is not yet.
  [[nodiscard]] std::optional<base::Instant> next_time(base::Instant now) const;
  // When a section that waits tries again; nothing when it does not wait.
  [[nodiscard]] std::optional<base::Instant> waits_until(const std::string& section) const;
  // When a mail is tried again for its own sake.
  [[nodiscard]] base::Instant due_at(Id id) const { return at(id).due; }
  [[nodiscard]] bool is_failing(const std::string& section) const;
  // Mails of a section.
  [[nodiscard]] std::size_t size_of(const std::string& section) const;

 private:
  struct Section {
    bool is_known = false;
    std::set<std::pair<base::Instant, Id>> waiting;  // neither held nor under way
    std::size_t mails = 0;
    unsigned failures = 0;  // in a row
    // Counts failures for good: one that began before the last of them says nothing new.
    std::uint32_t epoch = 0;
    std::optional<base::Instant> not_before;
    std::optional<Id> probe;  // under way while the section fails
  };
  struct Mail {
    Section* section = nullptr;
    base::Instant accepted;
    base::Instant due;
    std::uint32_t epoch = 0;     // of the section, when its attempt began
    std::uint16_t failures = 0;  // for its own sake, in a row
    bool is_held = false;
    bool is_under_way = false;
  };

  [[nodiscard]] const Mail& at(Id id) const;
  [[nodiscard]] Mail& at(Id id) { return const_cast<Mail&>(std::as_const(*this).at(id)); }
  [[nodiscard]] const Section* find(const std::string& section) const;
  [[nodiscard]] bool may_begin(const Section& section, base::Instant now) const;
  void begin(Id id, Mail& mail);
  void wait(Id id, Mail& mail);
  void stop_waiting(Id id, Mail& mail);
  void fail(Section& section, const Mail& mail, base::Instant now, std::uint64_t random);

  base::Duration max_age_;
  std::map<std::string, Section> sections_;  // mails point into it
  std::unordered_map<Id, Mail> mails_;
};

// How many notifications there may still be of kMaxNotificationsAMinute.
class NotificationBudget {
 public:
  [[nodiscard]] bool take(base::Instant now);

 private:
  std::optional<base::Instant> since_;  // of the minute that is counted
  unsigned taken_ = 0;
};

}  // namespace relay
