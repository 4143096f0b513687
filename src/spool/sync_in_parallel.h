// Many files synced together.
//
// An fsync is a flush of the device for each file, one after another, even where a single one
// would have done for all. Side by side, file systems join them: of 100 new files, in 16 threads,
// each costs a tenth.
#pragma once

#include <vector>

#include "base/result.h"
#include "spool/disk.h"

namespace spool {

// More gain little, and a batch is seldom larger.
inline constexpr std::size_t kSyncThreads = 16;

[[nodiscard]] std::vector<base::Result<void>> sync_in_turn(const std::vector<DiskFile*>& files);
// On threads of its own, which are gone when it returns; with fewer, down to none, where the
// system gives no more.
[[nodiscard]] std::vector<base::Result<void>> sync_in_parallel(const std::vector<DiskFile*>& files);

}  // namespace spool
