// The demo as a whole: a smarthost that insists on TLS, a real smtpseal before it, and a legacy
// application that goes first straight to the one and then through the other; after that, whoever
// comes. One loop, one process, nothing but 127.0.0.1.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/app.h"
#include "app/demo_client.h"
#include "app/demo_folder.h"
#include "app/demo_log.h"
#include "app/demo_mails.h"
#include "app/demo_screen.h"
#include "app/demo_smarthost.h"
#include "app/demo_tap.h"
#include "app/exit_status.h"
#include "net/signals.h"
#include "net/timer.h"

namespace app {

// Standard output, looked after: shown at once, and noticed when nobody reads it any more.
class DemoOutput {
 public:
  void print(const std::string& text);
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  bool is_broken_ = false;
};

class DemoStory final : DemoClientEvents, DemoTapEvents, DemoSmarthostEvents, net::SignalEvents {
 public:
  // `program`: how this one is called, for examples.
  DemoStory(net::Loop& loop, Look look, std::string program, bool is_once);
  ~DemoStory();
  DemoStory(const DemoStory&) = delete;
  DemoStory& operator=(const DemoStory&) = delete;

  // Sets the stage and begins; the loop then runs until the story is over. On an error nothing is
  // left to run.
  [[nodiscard]] base::Result<void> start();
  // Once the loop has ended: clients that are still there get smtpseal's last words.
  void settle();
  [[nodiscard]] ExitStatus status() const { return status_; }

 private:
  // A timer with a purpose.
  class Alarm final : net::TimerEvents {
   public:
    Alarm(net::Loop& loop, std::function<void()> action)
        : action_(std::move(action)), timer_(loop, *this) {}
    void arm(std::optional<base::Instant> deadline) { timer_.arm(deadline); }

   private:
    void on_timer() override { action_(); }

    std::function<void()> action_;
    net::Timer timer_;
  };
  // What the scenes added up to.
  struct Tally {
    unsigned delivered = 0;
    unsigned refused = 0;
    std::vector<unsigned> round_trips;
  };
  enum class Act { direct, scenes, live, over };

  void on_mail_done(const DemoOutcome& outcome) override;
  void on_client_exchange(const Exchange& exchange) override;
  void on_smarthost_exchange(const std::string&, const Exchange&) override {}
  void on_terminate() override;
  void on_reload() override { on_terminate(); }

  [[nodiscard]] base::Result<void> set_stage();
  [[nodiscard]] config::Config smtpseal_config(const std::string& ca_file) const;
  void go_on();
  void begin_direct();
  void end_direct();
  void begin_scene();
  void end_scene();
  void sum_up();
  void invite();
  void show(const Exchange& left, Exchange right);
  [[nodiscard]] std::string caption(const Exchange& left, const Exchange& right) const;
  void send(const DemoMail& mail, const net::SocketAddress& server);
  void fail(const std::string& why, ExitStatus status);
  void end(ExitStatus status);

  net::Loop& loop_;
  DemoScreen screen_;
  std::string program_;
  bool is_once_;
  bool has_utf8_;
  ExitStatus status_ = ExitStatus::temporary;
  DemoOutput output_;
  std::uint64_t counter_ = 0;
  DemoLog log_;
  DemoFolder folder_;
  std::string ca_file_;
  std::unique_ptr<net::Signals> signals_;
  DemoSmarthost smarthost_;
  Sessions sessions_;
  App app_;
  DemoTap tap_;
  std::unique_ptr<DemoClient> client_;
  Alarm next_;
  Alarm watchdog_;
  std::vector<DemoScene> scenes_ = demo_scenes();
  std::size_t scene_ = 0;
  DemoOutcome outcome_;
  Act act_ = Act::direct;
  Tally tally_;
  unsigned messages_of_others_ = 0;
};

}  // namespace app
