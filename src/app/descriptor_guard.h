// Keeps descriptors free for what mail needs beside its clients: the way to the smarthost, names to
// be looked up, files. A client too many is told so, while there is still one to tell it through.
#pragma once

#include <cstdint>
#include <optional>

#include "base/log.h"
#include "config/config.h"

namespace app {

// Open in any case, or for a moment: the log, listeners, the loop's own, resolvers, files.
inline constexpr std::uint64_t kOtherDescriptors = 64;
// For a spool: the files of a batch that is made durable together, and what is looked at beside it.
inline constexpr std::uint64_t kSpoolDescriptors = 192;

// Of a configuration whose limits are all reached.
[[nodiscard]] std::uint64_t descriptors_for_clients(const config::Config& config);
[[nodiscard]] std::uint64_t descriptors_beside_clients(const config::Config& config);

class DescriptorGuard {
 public:
  // `limit`: of the process; nothing when it has none. So many are `reserved`, of a small limit no
  // more than half.
  void set(std::optional<std::uint64_t> limit, std::uint64_t reserved);

  // Whether a client may be served whose socket has this number. The system gives the lowest that
  // is free, so that it tells how many are in use. What it comes to is logged, once.
  [[nodiscard]] bool may_serve(std::optional<unsigned> descriptor, base::LogSink& log);

 private:
  std::optional<std::uint64_t> first_refused_;
  std::uint64_t limit_ = 0;
  std::uint64_t refused_ = 0;  // since it was logged
};

}  // namespace app
