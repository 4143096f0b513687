// What becomes of a mail after an attempt, and who is told: see spool_books.h.
#include <algorithm>
#include <utility>

#include "app/random_number.h"
#include "app/spool_books.h"

namespace app {

namespace {

using Ending = relay::SpoolSchedule::Ending;
using spool::Outcome;

// Of those that expire together, in one tick: the others have the disk in between.
constexpr std::size_t kExpiredATick = 20;

long long seconds(base::Duration span) {
  return std::chrono::duration_cast<std::chrono::seconds>(span).count();
}

long long age_in_seconds(const spool::Envelope& envelope) {
  return seconds(
      std::chrono::duration_cast<base::Duration>(net::Loop::wall_now() - envelope.since));
}

std::string section_label(const std::string& name) {
  return name.empty() ? "[smarthost]" : "[smarthost " + name + "]";
}

// Those that can be told of at all. What is about a notification is never answered by another.
bool is_sender_told(const spool::Envelope& envelope, const spool::Recipient& recipient,
                    smtp::DeliveryAction action) {
  return !envelope.is_notification &&
         smtp::is_sender_told(envelope.mail, recipient.command, action);
}

std::vector<std::size_t> indices_of(const spool::Envelope& envelope, Outcome outcome) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
    if (envelope.recipients[i].outcome == outcome) found.push_back(i);
  }
  return found;
}

}  // namespace

base::Result<spool::Envelope> SpoolBooks::read(const std::string& id) {
  const auto newer = unsaved_.find(number_of(id));
  if (newer != unsaved_.end()) return newer->second;
  return store_->read(id);
}

void SpoolBooks::on_attempt(SpoolAttempt attempt) {
  Job job = take_job(attempt.id);
  const std::string section = job.envelope.smarthost;
  if (attempt.is_answered) schedule_.on_answered(section);
  const std::vector<std::size_t> before = indices_of(job.envelope, Outcome::failed);
  const std::string last_error = job.envelope.last_error;
  const std::size_t pending = job.envelope.pending();
  const bool was_in_doubt = job.envelope.is_in_doubt;
  apply(job.envelope, attempt);
  if (job.envelope.pending() > 0) {
    schedule_.end_attempt(number_of(attempt.id), attempt.ending, now(), random_number());
  }
  log_attempt(job.envelope, attempt);
  std::vector<std::size_t> failed = indices_of(job.envelope, Outcome::failed);
  std::erase_if(failed, [&](std::size_t i) {
    return std::find(before.begin(), before.end(), i) != before.end();
  });
  if (!failed.empty()) tell_of_failures(job, failed, attempt.host, false);
  if (job.envelope.pending() > 0 && schedule_.is_expired(number_of(attempt.id), now())) expire(job);
  if (attempt.ending == Ending::unreachable || attempt.ending == Ending::cut_short) {
    is_expiry_due_ = true;
  }
  if (job.envelope.pending() != pending || job.envelope.last_error != last_error ||
      job.envelope.is_in_doubt != was_in_doubt) {
    job.is_changed = true;
  }
  settle(std::move(job), attempt);
}

void SpoolBooks::apply(spool::Envelope& envelope, const SpoolAttempt& attempt) {
  SMTPSEAL_CHECK(attempt.answers.size() == envelope.recipients.size());
  if (attempt.ending == Ending::not_tried || attempt.ending == Ending::no_room) {
    if (!attempt.is_answered) return;
  }
  ++envelope.attempts;
  for (std::size_t i = 0; i < attempt.answers.size(); ++i) {
    const SpoolAttempt::Answer& answer = attempt.answers[i];
    if (answer.reply.empty() || envelope.recipients[i].outcome != Outcome::pending) continue;
    envelope.recipients[i].outcome = answer.outcome;
    envelope.recipients[i].reply = answer.reply;
  }
  if (!attempt.trouble.empty()) envelope.last_error = attempt.trouble;
  if (attempt.is_in_doubt) envelope.is_in_doubt = true;
}

void SpoolBooks::settle(Job job, const SpoolAttempt& attempt) {
  const SpoolId number = number_of(job.envelope.id);
  if (job.drop) {
    const spool::Request request = *job.drop;
    job.drop.reset();
    if (job.envelope.pending() > 0) {
      if (drop_mail(request)) store_->answer(request);
      return;
    }
    store_->answer(request);
  }
  if (job.envelope.pending() == 0) return finish(job);
  if (attempt.ending == Ending::put_off && !job.envelope.is_sender_warned &&
      schedule_.is_warning_due(number, now())) {
    warn_of_delay(job.envelope, attempt.host);
    if (job.envelope.is_sender_warned) job.is_changed = true;
  }
  if (job.is_changed) {
    save(job);
  } else if (job.is_marked) {
    store_->end_sending(job.envelope.id);
  }
}

// Nothing is left to be tried. Who failed was told of, unless that was not possible.
void SpoolBooks::finish(const Job& job) {
  const spool::Envelope& envelope = job.envelope;
  const std::vector<std::size_t> failed = indices_of(envelope, Outcome::failed);
  const bool is_untold =
      job.is_untold || std::any_of(failed.begin(), failed.end(), [&](std::size_t i) {
        return !is_sender_told(envelope, envelope.recipients[i], smtp::DeliveryAction::failed);
      });
  if (is_untold) return fail(envelope);
  schedule_.remove(number_of(envelope.id));
  unsaved_.erase(number_of(envelope.id));
  if (const auto removed = store_->remove(envelope.id); !removed) {
    // The mark stays with it, so that it is told as doubtful at the next start.
    log_.error(envelope.id, "spool-trouble", {{"reason", removed.error().detail}});
  }
}

// Neither delivered nor bounced: a person has to look at it.
void SpoolBooks::fail(spool::Envelope envelope) {
  const SpoolId number = number_of(envelope.id);
  log_.error(envelope.id, "spool-failed",
             {{"from", envelope.mail.reverse_path},
              {"recipients", indices_of(envelope, Outcome::failed).size()},
              {"reason", envelope.last_error},
              {"folder", store_->folder() + "/failed"}});
  schedule_.remove(number);
  unsaved_.erase(number);
  const std::string id = envelope.id;
  if (const auto moved = store_->fail(std::move(envelope)); !moved) {
    log_.error(id, "spool-trouble", {{"reason", moved.error().detail}});
  }
}

// --- durably

void SpoolBooks::save(const Job& job) {
  unsaved_[number_of(job.envelope.id)] = job.envelope;
  Job saved;
  saved.envelope = job.envelope;
  saved.is_marked = job.is_marked;
  saves_.push_back(std::move(saved));
}

void SpoolBooks::save_batch() {
  if (saves_.empty()) return;
  const std::vector<Job> batch = std::exchange(saves_, {});
  std::vector<spool::Envelope> envelopes;
  for (const Job& each : batch) envelopes.push_back(each.envelope);
  const std::vector<base::Result<void>> results = store_->update(envelopes);
  SMTPSEAL_CHECK(results.size() == batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::string& id = batch[i].envelope.id;
    if (!results[i]) {
      // It is known here what became of it; if that is lost, the mark says that there is a doubt.
      log_.error(id, "spool-trouble", {{"reason", results[i].error().detail}});
      continue;
    }
    unsaved_.erase(number_of(id));
    if (batch[i].is_marked && !batch[i].envelope.is_in_doubt) store_->end_sending(id);
  }
}

// --- too old

// Those that never had an attempt of their own, since their section has failed all the time.
void SpoolBooks::expire_some() {
  if (!is_expiry_due_) return;
  is_expiry_due_ = false;
  std::size_t left = kExpiredATick;
  for (const auto& [section, room] : room_) {
    for (const SpoolId number : schedule_.expired(section, now())) {
      if (left-- == 0) {
        is_expiry_due_ = true;
        return;
      }
      const std::string id = id_of(number);
      auto envelope = read(id);
      if (!envelope) {
        on_unreadable(id, envelope.error());
        continue;
      }
      Job job;
      job.envelope = std::move(envelope).value();
      expire(job);
      if (job.envelope.pending() == 0) finish(job);
    }
  }
}

void SpoolBooks::expire(Job& job) {
  spool::Envelope& envelope = job.envelope;
  const std::vector<std::size_t> pending = indices_of(envelope, Outcome::pending);
  for (const std::size_t i : pending) {
    spool::Recipient& recipient = envelope.recipients[i];
    recipient.outcome = Outcome::failed;
    if (recipient.reply.empty()) recipient.reply = envelope.last_error;
  }
  log_.warn(envelope.id, "expired",
            {{"from", envelope.mail.reverse_path},
             {"recipients", pending.size()},
             {"age", age_in_seconds(envelope)},
             {"attempts", envelope.attempts},
             {"reason", envelope.last_error}});
  tell_of_failures(job, pending, "", true);
}

// --- telling the sender

void SpoolBooks::tell_of_failures(Job& job, const std::vector<std::size_t>& failed,
                                  const std::string& host, bool has_expired) {
  spool::Envelope& envelope = job.envelope;
  std::vector<smtp::RecipientReport> reports;
  std::vector<std::size_t> told;
  for (const std::size_t i : failed) {
    const spool::Recipient& recipient = envelope.recipients[i];
    if (!is_sender_told(envelope, recipient, smtp::DeliveryAction::failed)) continue;
    reports.push_back(
        {recipient.command, smtp::DeliveryAction::failed, recipient.reply, host, has_expired});
    told.push_back(i);
  }
  if (told.empty()) return;
  if (notify(envelope, std::move(reports))) return;
  // Not now. If it comes back for others anyway, it is for these, too; else a person is told.
  if (envelope.pending() > 0) {
    for (const std::size_t i : told) envelope.recipients[i].outcome = Outcome::pending;
    return;
  }
  envelope.last_error += "; its sender could not be told";
  job.is_untold = true;
}

void SpoolBooks::warn_of_delay(spool::Envelope& envelope, const std::string& host) {
  std::vector<smtp::RecipientReport> reports;
  for (const spool::Recipient& recipient : envelope.recipients) {
    if (recipient.outcome != Outcome::pending) continue;
    if (!is_sender_told(envelope, recipient, smtp::DeliveryAction::delayed)) continue;
    reports.push_back(
        {recipient.command, smtp::DeliveryAction::delayed, recipient.reply, host, false});
  }
  if (!reports.empty() && notify(envelope, std::move(reports))) envelope.is_sender_warned = true;
}

// Puts a notification into the spool, durably. False: there are too many of them, or the disk is in
// trouble.
bool SpoolBooks::notify(const spool::Envelope& about, std::vector<smtp::RecipientReport> reports) {
  const bool is_delay = reports.front().action == smtp::DeliveryAction::delayed;
  const std::size_t recipients = reports.size();
  const std::string reply = reports.front().reply;
  if (!budget_.take(now())) return false;
  smtp::DeliveryReport report;
  report.hostname = settings_.hostname;
  report.id = store_->make_id(net::Loop::wall_now());
  report.mail_id = about.id;
  report.mail = about.mail;
  report.arrival = about.since;
  report.now = net::Loop::wall_now();
  if (is_delay) {
    report.retry_until = report.now + std::chrono::duration_cast<base::WallTime::duration>(
                                          schedule_.expires_at(number_of(about.id)) - now());
  }
  report.recipients = std::move(reports);
  report.has_other_recipients = recipients < about.recipients.size();
  std::string original;
  if (const auto reader = store_->open_mail(about); reader) {
    // What cannot be read is left out.
    const auto read = reader.value()->read(smtp::kMaxReturnedMail, original);
    if (!read) original.clear();
  }
  report.original = original;
  report.original_size = about.size;
  smtp::DeliveryNotification made = smtp::make_delivery_notification(report);
  spool::Publication publication;
  publication.envelope.id = report.id;
  publication.envelope.since = report.now;
  publication.envelope.smarthost = about.smarthost;
  publication.envelope.client = "smtpseal, about " + about.id;
  publication.envelope.mail = std::move(made.mail);
  publication.envelope.recipients.push_back({std::move(made.rcpt), Outcome::pending, {}});
  publication.envelope.is_notification = true;
  const auto published = publish_one(std::move(publication), made.text);
  if (!published) {
    log_.error(about.id, "spool-trouble", {{"reason", published.error().detail}});
    return false;
  }
  schedule_.add(number_of(report.id), about.smarthost, base::Duration::zero(), now());
  log_.warn(about.id, is_delay ? "delay-warned" : "bounced",
            {{"to", about.mail.reverse_path},
             {"recipients", recipients},
             {"reply", reply},
             {"notification", report.id}});
  return true;
}

base::Result<void> SpoolBooks::publish_one(spool::Publication publication,
                                           const std::string& text) {
  auto draft = store_->begin(publication.envelope.id);
  if (!draft) return draft.error();
  if (const auto appended = (*draft)->append(text); !appended) return appended;
  publication.draft = std::move(draft).value();
  std::vector<spool::Publication> one;
  one.push_back(std::move(publication));
  return store_->publish(std::move(one)).front();
}

// --- the log

void SpoolBooks::log_attempt(const spool::Envelope& envelope, const SpoolAttempt& attempt) {
  if (attempt.ending == Ending::not_tried && !attempt.is_answered) return;
  std::size_t delivered = 0;
  std::string reply;
  for (const SpoolAttempt::Answer& answer : attempt.answers) {
    if (answer.outcome != Outcome::delivered) continue;
    ++delivered;
    reply = answer.reply;
  }
  if (delivered > 0) {
    log_.info(envelope.id, "delivered",
              {{"from", envelope.mail.reverse_path},
               {"recipients", delivered},
               {"size", envelope.size},
               {"reply", reply},
               {"ms", attempt.milliseconds},
               {"smarthost", attempt.connection},
               {"attempts", envelope.attempts},
               {"age", age_in_seconds(envelope)}});
  }
  if (envelope.pending() == 0) return;
  const SpoolId number = number_of(envelope.id);
  const auto wait = schedule_.waits_until(envelope.smarthost);
  const base::Instant next = std::max(schedule_.due_at(number), wait.value_or(now()));
  const bool is_for_all = attempt.ending == Ending::unreachable ||
                          attempt.ending == Ending::cut_short || attempt.ending == Ending::no_room;
  const base::LogLevel level =
      attempt.ending == Ending::no_room ? base::LogLevel::debug : base::LogLevel::warn;
  if (!log_.is_enabled(level)) return;
  log_.write(level, envelope.id, "deferred",
             {{"from", envelope.mail.reverse_path},
              {"recipients", envelope.pending()},
              {"reason", attempt.trouble},
              {"in-doubt", attempt.is_in_doubt},
              {"attempts", envelope.attempts},
              {"next", seconds(next - now())},
              {is_for_all ? "waiting" : "", section_label(envelope.smarthost)},
              {is_for_all ? "mails" : "", schedule_.size_of(envelope.smarthost)}});
}

}  // namespace app
