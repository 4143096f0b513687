// The clients' sessions of the whole process, over all its loops: their ids, and how many there are
// of each client, so that limits hold whichever loop took a client. May be used from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace app {

class Sessions {
 public:
  // A listener section of one configuration: which configuration, which section.
  using Place = std::pair<std::uint64_t, std::size_t>;
  struct Counts {
    unsigned at_place = 0;
    unsigned from_host = 0;  // of these
  };

  Sessions();
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // No other session of this process has it.
  [[nodiscard]] std::uint64_t next_id() { return next_id_.fetch_add(1, std::memory_order_relaxed); }

  // A session begins; the counts include it.
  [[nodiscard]] Counts enter(Place place, const std::string& host);
  // One that began there ends; how many are left there.
  unsigned leave(Place place, const std::string& host);

 private:
  struct Tally {
    unsigned sum = 0;
    std::map<std::string, unsigned> by_host;
  };

  std::atomic<std::uint64_t> next_id_;
  std::mutex mutex_;  // of what follows
  std::map<Place, Tally> tallies_;
};

}  // namespace app
