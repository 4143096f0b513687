// See spool_policy.h.
#include "relay/spool_policy.h"

#include <algorithm>

#include "base/result.h"

namespace relay {

base::Duration retry_delay(unsigned failures, std::uint64_t random) {
  base::Duration delay = kFirstRetry;
  for (unsigned i = 1; i < failures && delay < kLastRetry; ++i) delay *= 2;
  delay = std::min(delay, kLastRetry);
  constexpr std::uint64_t kSpan = 2 * kRetryJitterPercent + 1;
  const auto percent = static_cast<base::Duration::rep>(100 - kRetryJitterPercent + random % kSpan);
  return delay / 100 * percent;
}

const SpoolSchedule::Mail& SpoolSchedule::at(Id id) const {
  const auto found = mails_.find(id);
  SMTPSEAL_CHECK(found != mails_.end());
  return found->second;
}

const SpoolSchedule::Section* SpoolSchedule::find(const std::string& section) const {
  const auto found = sections_.find(section);
  return found == sections_.end() ? nullptr : &found->second;
}

void SpoolSchedule::set_sections(std::span<const std::string> names) {
  for (auto& [name, section] : sections_) section.is_known = false;
  for (const std::string& name : names) sections_[name].is_known = true;
}

std::map<std::string, std::size_t> SpoolSchedule::stranded() const {
  std::map<std::string, std::size_t> found;
  for (const auto& [name, section] : sections_) {
    if (!section.is_known && section.mails > 0) found[name] = section.mails;
  }
  return found;
}

void SpoolSchedule::add(Id id, const std::string& section, base::Duration age, base::Instant now) {
  Mail mail;
  mail.section = &sections_[section];
  mail.accepted = now - std::max(age, base::Duration::zero());
  mail.due = now;
  ++mail.section->mails;
  const auto [entry, is_new] = mails_.emplace(id, mail);
  SMTPSEAL_CHECK(is_new);
  wait(id, entry->second);
}

void SpoolSchedule::remove(Id id) {
  Mail& mail = at(id);
  stop_waiting(id, mail);
  if (mail.section->probe == id) mail.section->probe.reset();
  --mail.section->mails;
  mails_.erase(id);
}

void SpoolSchedule::wait(Id id, Mail& mail) {
  if (!mail.is_held && !mail.is_under_way) mail.section->waiting.emplace(mail.due, id);
}

void SpoolSchedule::stop_waiting(Id id, Mail& mail) { mail.section->waiting.erase({mail.due, id}); }

void SpoolSchedule::set_held(Id id, bool is_held) {
  Mail& mail = at(id);
  stop_waiting(id, mail);
  mail.is_held = is_held;
  wait(id, mail);
}

bool SpoolSchedule::may_begin(const Section& section, base::Instant now) const {
  if (!section.is_known) return false;
  if (section.not_before && now < *section.not_before) return false;
  return section.failures == 0 || !section.probe;
}

void SpoolSchedule::begin(Id id, Mail& mail) {
  stop_waiting(id, mail);
  mail.is_under_way = true;
  mail.epoch = mail.section->epoch;
  if (mail.section->failures > 0) mail.section->probe = id;
}

std::optional<SpoolSchedule::Id> SpoolSchedule::begin_attempt(const std::string& name,
                                                              base::Instant now) {
  const auto found = sections_.find(name);
  if (found == sections_.end()) return std::nullopt;
  const Section& section = found->second;
  if (!may_begin(section, now) || section.waiting.empty()) return std::nullopt;
  const auto [due, id] = *section.waiting.begin();
  if (due > now) return std::nullopt;
  begin(id, at(id));
  return id;
}

bool SpoolSchedule::begin_attempt_of(Id id, base::Instant now) {
  Mail& mail = at(id);
  if (mail.is_held || mail.is_under_way || mail.due > now) return false;
  // A probe is the one that has waited longest.
  if (mail.section->failures > 0 || !may_begin(*mail.section, now)) return false;
  begin(id, mail);
  return true;
}

bool SpoolSchedule::may_begin_at_once(const std::string& name, base::Instant now) const {
  const Section* section = find(name);
  return section != nullptr && section->failures == 0 && may_begin(*section, now);
}

void SpoolSchedule::end_attempt(Id id, Ending ending, base::Instant now, std::uint64_t random) {
  Mail& mail = at(id);
  Section& section = *mail.section;
  mail.is_under_way = false;
  if (section.probe == id) section.probe.reset();
  switch (ending) {
    case Ending::not_tried: break;
    case Ending::no_room: section.not_before = now + kBusyPause; break;
    case Ending::unreachable: fail(section, mail, now, random); break;
    case Ending::cut_short: fail(section, mail, now, random); [[fallthrough]];
    case Ending::put_off:
      if (mail.failures < UINT16_MAX) ++mail.failures;
      // Another number than the section's, made of the same.
      mail.due = now + retry_delay(mail.failures, random >> 32);
      break;
  }
  wait(id, mail);
}

void SpoolSchedule::fail(Section& section, const Mail& mail, base::Instant now,
                         std::uint64_t random) {
  if (mail.epoch != section.epoch) return;
  ++section.epoch;
  ++section.failures;
  section.not_before = now + retry_delay(section.failures, random);
}

void SpoolSchedule::on_answered(const std::string& name) {
  const auto found = sections_.find(name);
  if (found == sections_.end()) return;
  found->second.failures = 0;
  found->second.not_before.reset();
}

void SpoolSchedule::on_reached(const std::string& name, base::Instant now) {
  const auto found = sections_.find(name);
  if (found == sections_.end() || found->second.failures == 0) return;
  found->second.not_before = now;
}

void SpoolSchedule::retry(Id id, base::Instant now) {
  Mail& mail = at(id);
  stop_waiting(id, mail);
  mail.is_held = false;
  mail.failures = 0;
  mail.due = now;
  mail.section->not_before.reset();
  wait(id, mail);
}

void SpoolSchedule::retry_all(base::Instant now) {
  for (auto& [id, mail] : mails_) {
    if (!mail.is_held) retry(id, now);
  }
}

bool SpoolSchedule::is_expired(Id id, base::Instant now) const {
  const Mail& mail = at(id);
  const bool has_failed = mail.failures > 0 || mail.section->failures > 0;
  return has_failed && !mail.is_held && now - mail.accepted >= max_age_;
}

std::vector<SpoolSchedule::Id> SpoolSchedule::expired(const std::string& name,
                                                      base::Instant now) const {
  std::vector<Id> found;
  const Section* section = find(name);
  if (section == nullptr || section->failures == 0) return found;
  for (const auto& [due, id] : section->waiting) {
    if (now - at(id).accepted >= max_age_) found.push_back(id);
  }
  return found;
}

std::optional<base::Instant> SpoolSchedule::next_time(base::Instant now) const {
  std::optional<base::Instant> next;
  for (const auto& [name, section] : sections_) {
    if (!section.is_known || section.waiting.empty()) continue;
    const bool is_waiting = section.not_before && now < *section.not_before;
    if (is_waiting) {
      next = base::earlier(next, std::max(*section.not_before, section.waiting.begin()->first));
      continue;
    }
    if (section.failures > 0 && section.probe) continue;
    const auto later = section.waiting.upper_bound({now, UINT64_MAX});
    if (later != section.waiting.end()) next = base::earlier(next, later->first);
  }
  return next;
}

std::optional<base::Instant> SpoolSchedule::waits_until(const std::string& name) const {
  const Section* section = find(name);
  return section == nullptr ? std::nullopt : section->not_before;
}

bool SpoolSchedule::is_failing(const std::string& name) const {
  const Section* section = find(name);
  return section != nullptr && section->failures > 0;
}

std::size_t SpoolSchedule::size_of(const std::string& name) const {
  const Section* section = find(name);
  return section == nullptr ? 0 : section->mails;
}

bool NotificationBudget::take(base::Instant now) {
  if (!since_ || now - *since_ >= std::chrono::minutes(1)) {
    since_ = now;
    taken_ = 0;
  }
  if (taken_ >= kMaxNotificationsAMinute) return false;
  ++taken_;
  return true;
}

}  // namespace relay
