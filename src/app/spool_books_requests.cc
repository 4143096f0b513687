// What `smtpseal queue` asks of the running daemon: see spool_books.h.
#include "app/spool_books.h"

namespace app {

namespace {

std::string_view to_string(spool::Verb verb) {
  switch (verb) {
    case spool::Verb::retry: return "retry";
    case spool::Verb::hold: return "hold";
    case spool::Verb::drop: return "drop";
  }
  return "";
}

}  // namespace

void SpoolBooks::answer_requests() {
  for (const spool::Request& request : store_->requests()) {
    const bool is_done = answer_request(request);
    if (is_done) store_->answer(request);
  }
}

// Whether it is done, or cannot be: then whoever asked looks for himself.
bool SpoolBooks::answer_request(const spool::Request& request) {
  const auto under_way = request.id.empty() ? jobs_.end() : jobs_.find(number_of(request.id));
  if (under_way != jobs_.end() && under_way->second.drop) return false;  // was seen before
  log_.info(request.id.empty() ? "-" : request.id, "spool-request",
            {{"verb", to_string(request.verb)}});
  switch (request.verb) {
    case spool::Verb::retry: return retry(request);
    case spool::Verb::hold: return hold(request.id);
    case spool::Verb::drop: return drop_mail(request);
  }
  return true;
}

bool SpoolBooks::retry(const spool::Request& request) {
  if (request.id.empty()) {
    schedule_.retry_all(now());
    return true;
  }
  const SpoolId number = number_of(request.id);
  if (!schedule_.has(number)) {
    auto restored = store_->restore(request.id, net::Loop::wall_now());
    if (!restored) {
      log_.warn(request.id, "spool-trouble", {{"reason", restored.error().detail}});
      return true;
    }
    schedule_.add(number, restored->smarthost, base::Duration::zero(), now());
  }
  const bool was_held = schedule_.is_held(number);
  schedule_.retry(number, now());
  if (!was_held) return true;
  if (const auto job = jobs_.find(number); job != jobs_.end()) {
    job->second.envelope.is_held = false;
    job->second.is_changed = true;
    return true;
  }
  auto envelope = read(request.id);
  if (!envelope) {
    on_unreadable(request.id, envelope.error());
    return true;
  }
  Job job;
  job.envelope = std::move(envelope).value();
  job.envelope.is_held = false;
  save(job);
  return true;
}

bool SpoolBooks::hold(const std::string& id) {
  const SpoolId number = number_of(id);
  if (!schedule_.has(number)) return true;
  schedule_.set_held(number, true);
  // One that is being sent is held if it comes back.
  Job held;
  if (const auto job = jobs_.find(number); job != jobs_.end()) {
    job->second.envelope.is_held = true;
    held.envelope = job->second.envelope;
  } else {
    auto envelope = read(id);
    if (!envelope) {
      on_unreadable(id, envelope.error());
      return true;
    }
    held.envelope = std::move(envelope).value();
    held.envelope.is_held = true;
  }
  save(held);
  return true;
}

bool SpoolBooks::drop_mail(const spool::Request& request) {
  const SpoolId number = number_of(request.id);
  if (const auto job = jobs_.find(number); job != jobs_.end()) {
    // Its attempt is under way and cannot be called back: answered when that has ended.
    job->second.drop = request;
    return false;
  }
  if (const auto removed = store_->remove(request.id); !removed) {
    log_.error(request.id, "spool-trouble", {{"reason", removed.error().detail}});
    return true;
  }
  if (schedule_.has(number)) schedule_.remove(number);
  unsaved_.erase(number);
  log_.warn(request.id, "spool-dropped", {{"by", "request"}});
  return true;
}

}  // namespace app
