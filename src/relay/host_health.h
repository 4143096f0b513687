// Which of several hosts a connection goes to: pure decisions over facts and a time.
//
// Hosts are tried in the order of their preference. Health is passive: only what became of real
// connections counts. One that could not be brought to take mail is a suspect and comes after those
// that are well, until a connection to it is ready. While others serve it is given trials of its
// own, beside them, so that no client waits for it; more and more seldom while they fail. Where
// nobody is well, all are tried in their order by every connection.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "base/result.h"

namespace relay {

// Where a connection can be opened to.
struct Target {
  std::string host;  // a name or an address
  std::uint16_t port = 0;
  unsigned rank = 0;    // of its preference, the lower the sooner
  unsigned weight = 0;  // share of the connections among those of one rank, as in RFC 2782
  std::string name;     // that its certificate must carry

  // "smtp.example.edu:587"
  [[nodiscard]] std::string label() const { return host + ":" + std::to_string(port); }

  friend bool operator==(const Target&, const Target&) = default;
};

// Any number, anew with each call.
using Random = std::function<std::uint64_t()>;

// By rank; those of one rank in the order of a draw by their weights (RFC 2782, "Weight").
[[nodiscard]] std::vector<Target> arranged(std::vector<Target> targets, const Random& random);

class HostHealth {
 public:
  // Between two trials of a suspect: doubled with each that fails, up to a quarter less for many
  // sidecars not to strike together.
  static constexpr base::Duration kFirst = std::chrono::seconds(1);
  static constexpr base::Duration kMost = std::chrono::seconds(60);

  // A connection to it was ready for mail.
  void on_ready(const Target& target) { suspects_.erase(key(target)); }
  // A connection to it was not. `random`: any number, for the jitter.
  void on_failure(const Target& target, base::Instant now, std::uint64_t random);
  // Of a trial, that it is on its way.
  void on_trial(const Target& target);
  // And that it was given up before anything came of it: the next is as far off as after a failure.
  void on_trial_ended(const Target& target, base::Instant now);

  [[nodiscard]] bool is_suspect(const Target& target) const {
    return suspects_.find(key(target)) != suspects_.end();
  }
  // The index of the one to try next of those that are left, which are in order: the first that is
  // well, or else the first.
  [[nodiscard]] std::size_t first_of(std::span<const Target> left) const;
  // A suspect that is due for a trial, and preferred to all that are well; the first of several.
  // Nothing while nobody is well: then every connection tries it.
  [[nodiscard]] std::optional<Target> due_for_trial(std::span<const Target> all,
                                                    base::Instant now) const;
  // Whether one that is well is preferred to it. One that is not among all is not outdone.
  [[nodiscard]] bool is_outdone(const Target& target, std::span<const Target> all) const;
  // Forgets hosts that are not among these any more.
  void keep_only(std::span<const Target> all);

 private:
  struct Suspect {
    unsigned failures = 0;
    base::Instant due;
    bool is_on_trial = false;
  };
  using Key = std::pair<std::string, std::uint16_t>;

  [[nodiscard]] static base::Duration spacing(const Suspect& suspect);
  [[nodiscard]] static Key key(const Target& target) { return {target.host, target.port}; }

  std::map<Key, Suspect> suspects_;
};

// Why a connection to a host was not ready for mail.
struct HostFailure {
  std::string label;
  base::Error error;
};

// One error for a connection that failed everywhere: that of a single host as it is; of several,
// each by its name, and the fault of the first, which is the preferred one.
[[nodiscard]] base::Error summary_of(std::span<const HostFailure> failures);

}  // namespace relay
