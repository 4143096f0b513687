// Whether a listener is so full that idle clients are borne for less time, and that a host which
// has most of the sessions gets no more: a pure decision over counts.
#pragma once

namespace relay {

class Crowding {
 public:
  // With fewer sessions permitted than this, all of them taken is no crowd.
  static constexpr unsigned kLeast = 10;

  // Of `most` sessions so many are open. Whether the answer of is_crowded() changed: yes above four
  // fifths, no below seven tenths, so that it does not change with every client.
  [[nodiscard]] bool on_count(unsigned sessions, unsigned most) {
    if (most < kLeast) return false;
    const bool was_crowded = is_crowded_;
    const unsigned long long count = sessions;
    if (count * 5 > most * 4ULL) is_crowded_ = true;
    if (count * 10 < most * 7ULL) is_crowded_ = false;
    return is_crowded_ != was_crowded;
  }
  [[nodiscard]] bool is_crowded() const { return is_crowded_; }

  // Whether a host that has so many of them now has had its share: what is left is for others.
  [[nodiscard]] bool is_share_used_up(unsigned from_host, unsigned most) const {
    return is_crowded_ && from_host > most / 2;
  }

 private:
  bool is_crowded_ = false;
};

}  // namespace relay
