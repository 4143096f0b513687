// See scripted_smarthost.h.
#include "support/scripted_smarthost.h"

#include <poll.h>
#include <sys/socket.h>

#include "support/smarthost_session.h"

namespace support {

Hook always(std::string bytes, Then then) {
  return [answer = Answer{std::move(bytes), then}](const Situation&) { return answer; };
}

Hook once(std::string bytes, Then then) {
  auto is_done = std::make_shared<std::atomic<bool>>(false);
  return [answer = Answer{std::move(bytes), then},
          is_done](const Situation&) -> std::optional<Answer> {
    if (is_done->exchange(true)) return std::nullopt;
    return answer;
  };
}

ScriptedSmarthost::ScriptedSmarthost(Behavior behavior, Place place)
    : place_(place),
      listener_(bind_loopback(true, place.port, place.number)),
      behavior_(std::move(behavior)) {
  port_ = port_of(listener_);
  acceptor_ = std::thread(&ScriptedSmarthost::accept_connections, this);
}

void ScriptedSmarthost::set_behavior(Behavior behavior) {
  const std::lock_guard lock(mutex_);
  behavior_ = std::move(behavior);
}

Behavior ScriptedSmarthost::behavior() const {
  const std::lock_guard lock(mutex_);
  return behavior_;
}

void ScriptedSmarthost::on(Point point, Hook hook) {
  const std::lock_guard lock(mutex_);
  hooks_[point] = std::move(hook);
}

void ScriptedSmarthost::be_healthy() {
  const std::lock_guard lock(mutex_);
  hooks_.clear();
  scripts_.clear();
  script_always_ = nullptr;
}

void ScriptedSmarthost::script(Script script) {
  const std::lock_guard lock(mutex_);
  scripts_.push_back(std::move(script));
}

void ScriptedSmarthost::script_always(Script script) {
  const std::lock_guard lock(mutex_);
  script_always_ = std::move(script);
}

Script ScriptedSmarthost::next_script() {
  const std::lock_guard lock(mutex_);
  if (scripts_.empty()) return script_always_;
  Script script = std::move(scripts_.front());
  scripts_.pop_front();
  return script;
}

void ScriptedSmarthost::accept_connections() {
  while (true) {
    const Wakeup wakeup =
        wait_for(listener_.get(), POLLIN, Deadline(kPatience), stop_pipe_.read_end.get());
    if (wakeup == Wakeup::stopped) return;
    if (wakeup == Wakeup::timeout) continue;  // only stop() ends this
    Fd socket = accept_on(listener_);
    if (!socket.is_open()) continue;
    const int number = journal_.open(behavior().is_implicit_tls);
    auto wire = std::make_shared<SmarthostConnection>(std::move(socket), number, journal_);
    const std::lock_guard lock(mutex_);
    served_.push_back({wire, std::thread([this, wire] { serve(*wire); })});
  }
}

void ScriptedSmarthost::serve(SmarthostConnection& wire) {
  try {
    if (const Script script = next_script()) {
      script(wire);
    } else {
      SmarthostSession(wire, journal_, behavior(), [this](const Situation& situation) {
        Hook hook;
        {
          const std::lock_guard lock(mutex_);
          const auto found = hooks_.find(situation.point);
          if (found != hooks_.end()) hook = found->second;
        }
        return hook ? hook(situation) : std::nullopt;
      }).run();
    }
    wire.carry_out(Then::close);
  } catch (const Over&) {
  } catch (const std::exception& failure) {
    journal_.complain("connection " + std::to_string(wire.number()) + ": " + failure.what());
  }
  wire.hang_up();
}

void ScriptedSmarthost::tell_all(const Answer& answer) {
  const std::lock_guard lock(mutex_);
  for (const Served& each : served_) each.wire->order(answer);
}

void ScriptedSmarthost::drop_connections() {
  std::vector<Served> dropped;
  {
    const std::lock_guard lock(mutex_);
    dropped.swap(served_);
  }
  for (const Served& each : dropped) each.wire->stop();
  for (Served& each : dropped) each.thread.join();
}

void ScriptedSmarthost::go_down() {
  stop_pipe_.write_end.reset();
  acceptor_.join();
  listener_.reset();
  listener_ = bind_loopback(false, port_, place_.number);
  drop_connections();
}

void ScriptedSmarthost::come_up() {
  stop_pipe_ = make_pipe();
  if (listen(listener_.get(), 128) != 0) throw Failure("the smarthost cannot listen again");
  acceptor_ = std::thread(&ScriptedSmarthost::accept_connections, this);
}

void ScriptedSmarthost::stop() {
  stop_pipe_.write_end.reset();
  if (acceptor_.joinable()) acceptor_.join();
  listener_.reset();
  drop_connections();
}

std::size_t ScriptedSmarthost::handshakes() const {
  std::size_t count = 0;
  for (const ConnectionRecord& each : journal_.records()) count += each.is_tls_up ? 1 : 0;
  return count;
}

std::vector<StoredMail> ScriptedSmarthost::wait_for_mails(std::size_t count) const {
  const bool has_come = journal_.wait_until(
      [count](const auto&, const auto& mails) { return mails.size() >= count; });
  if (!has_come) throw Failure("the smarthost did not get the mail");
  return journal_.mails();
}

void ScriptedSmarthost::wait_until_idle(Milliseconds patience) const {
  const auto is_idle = [](const auto& records, const auto&) {
    for (const ConnectionRecord& each : records) {
      if (!each.is_over) return false;
    }
    return true;
  };
  if (!journal_.wait_until(is_idle, patience)) {
    throw Failure("smtpseal keeps a connection to the smarthost open");
  }
}

}  // namespace support
