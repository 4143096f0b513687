// What `run` gives up once its ports are open: being root, gaining privileges by programs that it
// runs, and every file that it has no use for.
//
// Commands that print secrets inherit all of it. They need files and programs that nobody here
// knows, so where one is configured the files stay open (Landlock is left out), and the log says
// so.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "config/config.h"
#include "platform/privilege.h"
#include "platform/sandbox.h"

namespace app {

// What is wrong with `user`, at the line that says it: there is no such user or group.
[[nodiscard]] std::optional<config::Problem> trouble_with_user(const config::Config& config);

// For somebody who starts `run` as root and has not said which user to become: the ways out. Empty
// when that is not so.
[[nodiscard]] std::string refusal_of_root(const config::Config& config);

// Files and folders that a configuration leads to: to look at now and at every reload.
[[nodiscard]] platform::Confinement confinement_of(const config::Config& config);

class Seclusion {
 public:
  explicit Seclusion(base::LogSink& log) : log_(log) {}

  // Once every port is open and before there are threads. Afterwards this process is the user's,
  // and confined. Fault::config, a line for each, for files that the user cannot read: better now
  // than at the next reload.
  [[nodiscard]] base::Result<void> enter(const config::Config& config);

  // Why a configuration cannot come into force without a restart.
  [[nodiscard]] std::vector<config::Problem> barriers_to(const config::Config& next) const;

 private:
  static void make_spool_folder(const config::Config& config);
  [[nodiscard]] base::Result<void> change_user(const config::Config& config);
  [[nodiscard]] base::Result<void> confine(const config::Config& config);

  base::LogSink& log_;
  std::optional<platform::Confinement> in_force_;  // while the files are closed
};

}  // namespace app
