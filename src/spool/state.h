// DIR/state: how the spool was left. See store.h.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "spool/disk.h"

namespace spool {

struct State {
  // boot_id() of the machine that works on it; kLeft: nobody does, and nothing is forgotten.
  std::string boot;
  std::uint64_t doubted = 0;  // up to this id every mail is in doubt

  friend bool operator==(const State&, const State&) = default;
};
inline constexpr std::string_view kLeft = "left";

// Where there is none, or it cannot be read: one of an unknown machine.
[[nodiscard]] State read_state(Disk& disk, const std::string& folder);
// Durably.
[[nodiscard]] base::Result<void> write_state(Disk& disk, const std::string& folder,
                                             const State& state);

}  // namespace spool
