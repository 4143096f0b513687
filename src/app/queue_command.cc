// `smtpseal queue`: what is in the spool, and what a person wants done with it.
//
// Looking needs no lock. What changes anything is asked of the daemon where one has the spool, and
// done here, with the lock, where none has it.
#include <chrono>
#include <iostream>
#include <thread>

#include "app/commands.h"
#include "app/load_config.h"
#include "app/queue_report.h"
#include "app/spooler.h"
#include "base/text.h"
#include "platform/privilege.h"
#include "spool/look.h"
#include "spool/store.h"

namespace app {

namespace {

using base::Error;
using base::Result;

// The daemon looks for requests every second, and may be waiting for its disk.
constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::milliseconds kPause{100};

base::WallTime now() { return std::chrono::system_clock::now(); }

ExitStatus complain(const std::string& text, ExitStatus status) {
  std::cerr << "smtpseal: queue: " << base::printable(text, 1000) << '\n';
  return status;
}

ExitStatus complain(const Error& error) {
  return complain(error.detail, exit_status_of(error.fault));
}

ExitStatus no_such_mail(const std::string& id) {
  return complain("there is no mail " + id + " in the queue (smtpseal queue list)",
                  ExitStatus::data);
}

spool::Verb verb_of(QueueAction action) {
  switch (action) {
    case QueueAction::hold: return spool::Verb::hold;
    case QueueAction::drop: return spool::Verb::drop;
    case QueueAction::list:
    case QueueAction::show:
    case QueueAction::retry: break;
  }
  return spool::Verb::retry;
}

// One run of the command.
class QueueCommand {
 public:
  QueueCommand(const Invocation& invocation, std::string folder)
      : invocation_(invocation), id_(invocation.mail_id), folder_(std::move(folder)) {}

  ExitStatus run();

 private:
  ExitStatus list();
  ExitStatus show(const spool::Seen& mail);
  ExitStatus change();
  [[nodiscard]] Result<std::string> ask_or_act(const spool::Request& request);
  [[nodiscard]] Result<std::string> act(spool::Store& store, const spool::Recovery& recovery);
  [[nodiscard]] Result<std::string> act_on_mail(spool::Store& store);
  [[nodiscard]] Result<std::string> what_became();
  ExitStatus tell(const std::string& outcome);

  const Invocation& invocation_;
  const std::string& id_;
  const std::string folder_;
  const std::unique_ptr<spool::Disk> disk_ = spool::system_disk();
};

ExitStatus QueueCommand::run() {
  if (invocation_.queue_action == QueueAction::list) return list();
  if (id_.empty()) return change();
  if (!spool::is_id(id_)) return no_such_mail(base::printable(id_, 40));
  const auto seen = spool::look_at(*disk_, folder_, id_);
  if (!seen) return complain(seen.error());
  if (seen->empty()) return no_such_mail(id_);
  if (invocation_.queue_action == QueueAction::show) return show(seen->front());
  if (invocation_.queue_action == QueueAction::hold && seen->front().is_failed) {
    return complain(id_ + " has failed: it is not tried unless smtpseal queue retry says so",
                    ExitStatus::data);
  }
  return change();
}

ExitStatus QueueCommand::list() {
  const auto seen = spool::look_at(*disk_, folder_);
  if (!seen) return complain(seen.error());
  std::cout << (invocation_.is_json ? format_queue_json(*seen) : format_queue(*seen, now()));
  return ExitStatus::ok;
}

ExitStatus QueueCommand::show(const spool::Seen& mail) {
  const auto beginning = spool::look_at_mail(*disk_, folder_, mail, kMaxShownHeader);
  // What there is of it is shown all the same.
  if (!beginning) static_cast<void>(complain(beginning.error()));
  const std::string text = beginning ? *beginning : std::string();
  std::cout << (invocation_.is_json ? format_mail_json(mail, text)
                                    : format_mail(mail, folder_, text, now()));
  return beginning ? ExitStatus::ok : exit_status_of(beginning.error().fault);
}

ExitStatus QueueCommand::change() {
  const auto outcome = ask_or_act({verb_of(invocation_.queue_action), id_});
  return outcome ? tell(*outcome) : complain(outcome.error());
}

// Whoever has the lock may be a daemon, or another `smtpseal queue`, which lets go soon.
Result<std::string> QueueCommand::ask_or_act(const spool::Request& request) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  bool is_asked = false;
  while (true) {
    spool::Recovery recovery;
    auto store = spool::Store::open(*disk_, folder_, recovery);
    if (store) {
      if (is_asked) (*store)->answer(request);
      return act(**store, recovery);
    }
    if (store.error().fault != base::Fault::busy) return store.error();
    if (!is_asked) {
      if (const auto asked = spool::ask(*disk_, folder_, request); !asked) return asked.error();
      is_asked = true;
    }
    const auto answered = spool::is_answered(*disk_, folder_, request);
    if (!answered) return answered.error();
    if (*answered) return what_became();
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error{base::Fault::busy,
                   "smtpseal has not done it within " + std::to_string(kPatience.count()) +
                       " s: it will, once it can (a mail that is being sent has to wait for that)"};
    }
    std::this_thread::sleep_for(kPause);
  }
}

// Nobody else works on the spool.
Result<std::string> QueueCommand::act(spool::Store& store, const spool::Recovery& recovery) {
  for (const spool::Recovery::Damage& damage : recovery.damaged) {
    static_cast<void>(complain(damage.id + " is damaged: " + damage.reason, ExitStatus::io_error));
  }
  if (id_.empty()) return std::string("tried when smtpseal runs: it does not now");
  return act_on_mail(store);
}

Result<std::string> QueueCommand::act_on_mail(spool::Store& store) {
  if (invocation_.queue_action == QueueAction::drop) {
    if (const auto removed = store.remove(id_); !removed) return removed.error();
    if (const auto settled = store.settle(); !settled) return settled.error();
    return std::string("dropped");
  }
  const bool is_hold = invocation_.queue_action == QueueAction::hold;
  if (store.is_failed(id_)) {
    if (const auto restored = store.restore(id_, now()); !restored) return restored.error();
    return std::string("back in the queue, and tried when smtpseal runs");
  }
  auto envelope = store.read(id_);
  if (!envelope) return envelope.error();
  if (envelope->is_held != is_hold) {
    envelope->is_held = is_hold;
    if (const auto updated = store.update(*envelope); !updated) return updated.error();
  }
  return std::string(is_hold ? "held" : "tried when smtpseal runs");
}

// The daemon has answered. It may have been refused by its disk: the mail itself tells.
Result<std::string> QueueCommand::what_became() {
  if (id_.empty()) return std::string("tried now");
  const auto seen = spool::look_at(*disk_, folder_, id_);
  if (!seen) return seen.error();
  const bool is_there = !seen->empty();
  const bool is_held = is_there && seen->front().envelope.is_held;
  const bool is_failed = is_there && seen->front().is_failed;
  switch (invocation_.queue_action) {
    case QueueAction::hold:
      if (is_held) return std::string("held");
      if (!is_there) return std::string("delivered, or dropped, meanwhile");
      break;
    case QueueAction::drop:
      if (!is_there) return std::string("dropped");
      break;
    case QueueAction::list:
    case QueueAction::show:
    case QueueAction::retry:
      if (!is_held && !is_failed) return std::string("tried now");
      break;
  }
  return Error{base::Fault::storage, "smtpseal could not do it for " + id_ + ": its log says why"};
}

ExitStatus QueueCommand::tell(const std::string& outcome) {
  const std::string what = id_.empty() ? "everything" : id_;
  std::cout << (invocation_.is_json ? format_outcome_json(id_, outcome)
                                    : what + ": " + outcome + "\n");
  return ExitStatus::ok;
}

// As `run` opens one: also for what was left there when it was last configured.
bool has_spool(const config::Config& config) {
  const auto left = spool::look_at(*spool::system_disk(), config.general.spool.folder);
  return (left && !left->empty()) || wants_spool(config);
}

// What is made in the spool has to be its user's, whoever calls.
Result<void> become_user(const config::Config& config) {
  if (!platform::is_root() || config.general.user.empty()) return {};
  const auto user = platform::find_user(config.general.user);
  if (!user) return user.error();
  if (user->is_root()) return {};
  return platform::become(*user);
}

}  // namespace

ExitStatus queue_command(const Invocation& invocation) {
  const std::optional<config::Loaded> loaded = load_config(invocation);
  if (!loaded) return ExitStatus::config;
  if (const auto become = become_user(loaded->config); !become) return complain(become.error());
  if (has_spool(loaded->config)) {
    return QueueCommand(invocation, loaded->config.general.spool.folder).run();
  }
  const bool is_list = invocation.queue_action == QueueAction::list;
  if (is_list && invocation.is_json) std::cout << format_queue_json({});
  return complain("no spool is configured: no listener has delivery = fallback or queue",
                  is_list ? ExitStatus::ok : ExitStatus::config);
}

}  // namespace app
