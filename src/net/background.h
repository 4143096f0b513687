// Work that would block the loop, done in libuv's pool of threads.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "net/loop.h"

namespace net {

class BackgroundEvents {
 public:
  // In the loop's thread, on a later turn than begin().
  virtual void on_background_done(base::Result<void> result) = 0;

 protected:
  ~BackgroundEvents() = default;
};

// Whoever destroys it is told nothing any more; the work itself cannot be stopped once it runs, so
// it must refer to nothing that may be gone by then.
class Background {
 public:
  using Work = std::function<base::Result<void>()>;

  [[nodiscard]] static std::unique_ptr<Background> begin(Loop& loop, Work work,
                                                         BackgroundEvents& events);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

 private:
  struct Request;

  Background() = default;

  Request* request_ = nullptr;
};

}  // namespace net
