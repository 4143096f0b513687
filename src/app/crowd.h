// Whether a crowd of clients has gone: the moment to give back the memory that it used.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

namespace app {

class Crowd {
 public:
  // Fewer clients leave nothing behind that is worth the time.
  static constexpr std::size_t kLeast = 256;
  // One in so many may stay: a monitor's connection, or those of a pool.
  static constexpr std::size_t kStaying = 8;

  // Asked once a turn. Says so in the second turn that finds it gone, since the clients' handles go
  // a turn later than they do; whoever stayed is what the next crowd is measured by.
  [[nodiscard]] bool has_gone(std::size_t clients) {
    most_ = std::max(most_, clients);
    if (most_ < kLeast || clients > most_ / kStaying) {
      is_going_ = false;
      return false;
    }
    if (!std::exchange(is_going_, true)) return false;
    most_ = clients;
    is_going_ = false;
    return true;
  }
  // It was found gone once: to be asked again soon, though nothing else may happen then.
  [[nodiscard]] bool is_going() const { return is_going_; }

 private:
  std::size_t most_ = 0;  // since memory was given back last
  bool is_going_ = false;
};

}  // namespace app
