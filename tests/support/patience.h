// How long tests wait for what must come, and what they throw when it does not.
//
// Nothing here sleeps: every wait is for an event and has a deadline. Patience is only spent when
// something is broken, so it is generous (sanitizers and busy machines are slow).
#pragma once

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

namespace support {

using namespace std::chrono_literals;

using TestClock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

inline constexpr Milliseconds kPatience = 30s;

// Something that had to happen did not. GoogleTest reports what() as the failure of the test.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A point in time, and what is left until then as poll() wants it.
class Deadline {
 public:
  explicit Deadline(Milliseconds patience) : at_(TestClock::now() + patience) {}

  [[nodiscard]] TestClock::time_point at() const { return at_; }
  [[nodiscard]] bool has_passed() const { return TestClock::now() >= at_; }
  // Milliseconds, at least 0, rounded up.
  [[nodiscard]] int left() const {
    const auto left = std::chrono::ceil<Milliseconds>(at_ - TestClock::now());
    return static_cast<int>(std::max<Milliseconds::rep>(left.count(), 0));
  }

 private:
  TestClock::time_point at_;
};

}  // namespace support
