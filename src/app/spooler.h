// The spool of the process: its thread, and how others talk to it.
//
// Made once; open() when the configuration wants it, at the start or at a reload, before listeners
// accept for it; close() when the last loop has ended. Everything asked of it before close() is
// done by then.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/spool_books.h"
#include "app/spool_facts.h"
#include "base/log.h"
#include "base/result.h"
#include "config/config.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "net/thread.h"
#include "spool/disk.h"

namespace app {

// Whether a configuration says that mail is to be kept: a listener uses the spool, or spool_dir is
// written down.
[[nodiscard]] bool wants_spool(const config::Config& config);

class Spooler {
 public:
  explicit Spooler(base::LogSink& log);
  ~Spooler();
  Spooler(const Spooler&) = delete;
  Spooler& operator=(const Spooler&) = delete;

  // Whether a configuration wants one: a listener uses it, spool_dir is written down, or mail was
  // left in the default folder by an earlier configuration.
  [[nodiscard]] bool is_needed(const config::Config& config) const {
    return need_of(config) != Need::none;
  }
  // Nothing to do when it is open or not needed. Blocks while the disk is read. Fault::busy:
  // another process has it, Fault::storage: it cannot be used; nothing is open then. Mail that was
  // only left there is no reason not to start: that it cannot be had is logged.
  [[nodiscard]] base::Result<void> open(const config::Config& config);
  [[nodiscard]] bool is_open() const { return thread_ != nullptr; }
  // Of the spool that is open.
  [[nodiscard]] const std::string& folder() const { return folder_; }
  // Mails that were found in it.
  [[nodiscard]] std::size_t found() const { return found_; }

  // This configuration is in force.
  void use(const config::Config& config);
  void close();

  // While it is open, from any thread: `task` runs on the spool's.
  void post(std::function<void(SpoolBooks&)> task);
  [[nodiscard]] SpoolFacts& facts() { return facts_; }

 private:
  enum class Need { none, if_left, demanded };
  [[nodiscard]] Need need_of(const config::Config& config) const;
  [[nodiscard]] base::Result<void> begin(std::unique_ptr<spool::Store> store,
                                         const spool::Recovery& recovery,
                                         const SpoolSettings& settings);
  void drop();

  base::LogSink& log_;
  SpoolFacts facts_;
  std::unique_ptr<spool::Disk> disk_;
  std::string folder_;
  std::size_t found_ = 0;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<net::Mailbox> mailbox_;
  std::unique_ptr<SpoolBooks> books_;
  std::unique_ptr<net::Thread> thread_;  // waited for before anything of the above goes
};

}  // namespace app
