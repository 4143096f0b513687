// How other threads have something done on a loop's thread: the only part of net that may be used
// from a thread that is not the loop's.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "net/loop.h"

namespace net {

class Mailbox {
 public:
  struct Handle;

  // The loop runs on while its mailbox is open.
  [[nodiscard]] static base::Result<std::unique_ptr<Mailbox>> open(Loop& loop);
  // On the loop's thread, or once that has ended; nobody may post any more. Tasks that have not run
  // are dropped.
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // From any thread: `task` runs on the loop's, soon, after those posted before it. A task may
  // destroy the mailbox.
  void post(std::function<void()> task);

 private:
  Mailbox() = default;
  Handle* handle_ = nullptr;
};

}  // namespace net
