#include "spool/sync_in_parallel.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>

namespace spool {

std::vector<base::Result<void>> sync_in_turn(const std::vector<DiskFile*>& files) {
  std::vector<base::Result<void>> results;
  results.reserve(files.size());
  for (DiskFile* const file : files) results.push_back(file->sync());
  return results;
}

std::vector<base::Result<void>> sync_in_parallel(const std::vector<DiskFile*>& files) {
  if (files.size() < 2) return sync_in_turn(files);
  for (DiskFile* const file : files) file->start_writing();
  std::vector<base::Result<void>> results(files.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&files, &results, &next]() noexcept {
    for (std::size_t i = next++; i < files.size(); i = next++) results[i] = files[i]->sync();
  };
  std::vector<std::thread> threads;
  const std::size_t wanted = std::min(files.size(), kSyncThreads) - 1;
  threads.reserve(wanted);
  try {
    while (threads.size() < wanted) threads.emplace_back(work);
  } catch (const std::system_error&) {
    // A limit on threads: those that there are, and this one, do it all.
  }
  work();
  for (std::thread& thread : threads) thread.join();
  return results;
}

}  // namespace spool
