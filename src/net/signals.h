// Signals as events of the loop: terminate (SIGTERM, SIGINT; console close on Windows), reload
// (SIGHUP).
#pragma once

#include <memory>

#include "base/result.h"
#include "net/loop.h"

namespace net {

class SignalEvents {
 public:
  virtual void on_terminate() = 0;
  virtual void on_reload() = 0;

 protected:
  ~SignalEvents() = default;
};

class Signals {
 public:
  struct Handles;

  [[nodiscard]] static base::Result<std::unique_ptr<Signals>> watch(Loop& loop,
                                                                    SignalEvents& events);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  Signals() = default;
  Handles* handles_ = nullptr;
};

}  // namespace net
