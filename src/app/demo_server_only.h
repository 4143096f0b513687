// `smtpseal demo --smarthost-only`: the demo's smarthost alone, to see whether an application
// encrypts: `530 5.7.0 Must issue a STARTTLS command first`, or the message with its Received line.
#pragma once

#include <cstdint>
#include <memory>

#include "app/demo_folder.h"
#include "app/demo_screen.h"
#include "app/demo_smarthost.h"
#include "app/demo_story.h"
#include "app/exit_status.h"
#include "net/signals.h"

namespace app {

class DemoServerOnly final : DemoSmarthostEvents, net::SignalEvents {
 public:
  DemoServerOnly(net::Loop& loop, Look look);

  // Listens; the loop then runs until a signal ends it.
  [[nodiscard]] base::Result<void> start(const net::SocketAddress& address);
  // Once the loop has ended.
  [[nodiscard]] ExitStatus status() const {
    return output_.is_broken() ? ExitStatus::io_error : ExitStatus::ok;
  }

 private:
  void on_smarthost_exchange(const std::string& peer, const Exchange& exchange) override;
  void on_terminate() override { loop_.stop(); }
  void on_reload() override { loop_.stop(); }

  [[nodiscard]] std::string finding(const Exchange& exchange) const;

  net::Loop& loop_;
  DemoScreen screen_;
  DemoOutput output_;
  std::uint64_t counter_ = 0;
  DemoFolder folder_;
  std::unique_ptr<net::Signals> signals_;
  DemoSmarthost smarthost_;
};

}  // namespace app
