// See spool_books.h.
#include "app/spool_books.h"

#include <algorithm>

#include "platform/platform.h"

namespace app {

namespace {

// How often requests of `smtpseal queue` and the free space are looked at. A look is one reading of
// a folder that is mostly empty; being told by the system instead (inotify) has limits of its own,
// and does not work on every file system.
constexpr base::Duration kTick = std::chrono::seconds(1);
// Mails that a loop has beyond those it has connections for, so that it need not wait for the
// disk's thread between two of them.
constexpr unsigned kAhead = 16;

}  // namespace

SpoolId number_of(const std::string& id) {
  SpoolId number = 0;
  for (const char c : id) {
    const auto digit = static_cast<unsigned char>(c);
    number = number << 4 | (digit <= '9' ? digit - '0' : digit - 'a' + 10U);
  }
  return number;
}

std::string id_of(SpoolId number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string id(16, '0');
  for (auto at = id.rbegin(); at != id.rend(); ++at, number >>= 4) *at = kDigits[number & 15];
  return id;
}

SpoolBooks::SpoolBooks(net::Loop& loop, base::LogSink& log, SpoolFacts& facts,
                       std::unique_ptr<spool::Store> store)
    : loop_(loop),
      log_(log),
      facts_(facts),
      store_(std::move(store)),
      schedule_(relay::SpoolOptions{}.max_age),
      ticked_(loop.now()),
      timer_(loop, *this) {}

SpoolBooks::~SpoolBooks() = default;

void SpoolBooks::begin(const spool::Recovery& recovery) {
  const base::WallTime wall = net::Loop::wall_now();
  std::size_t in_doubt = 0;
  for (const spool::Brief& mail : recovery.accepted) {
    const SpoolId number = number_of(mail.id);
    const auto age = std::chrono::duration_cast<base::Duration>(wall - mail.since);
    schedule_.add(number, mail.smarthost, age, now());
    if (mail.is_held) schedule_.set_held(number, true);
    if (mail.is_in_doubt) ++in_doubt;
  }
  for (const auto& damage : recovery.damaged) {
    log_.error(damage.id, "spool-damage", {{"reason", damage.reason}});
  }
  for (const std::string& path : recovery.foreign) {
    log_.warn("-", "spool-foreign", {{"file", path}});
  }
  if (!recovery.concern.empty()) log_.warn("-", "spool-concern", {{"reason", recovery.concern}});
  log_.info("-", "spool-recovered",
            {{"folder", store_->folder()},
             {"mails", recovery.accepted.size()},
             {"in-doubt", in_doubt},
             {"damaged", recovery.damaged.size()},
             {"removed", recovery.removed},
             {"size", store_->used()}});
  update_facts();
  platform::give_back_free_memory();
}

void SpoolBooks::use(const SpoolSettings& settings) {
  settings_ = settings;
  facts_.max_size = settings.options.max_size;
  schedule_.set_max_age(settings.options.max_age);
  room_.clear();
  std::vector<std::string> names;
  for (const SpoolSettings::Section& section : settings.sections) {
    names.push_back(section.name);
    // One connection is left to clients that are there, where there are several.
    room_[section.name] = std::max(1U, section.max_connections - 1) + kAhead;
  }
  schedule_.set_sections(names);
  // Never to another smarthost of our own accord, not even to the only one there is: it may be
  // another organisation's, and the mail none of its business.
  for (const auto& [name, mails] : schedule_.stranded()) {
    log_.error("-", "spool-stranded",
               {{"smarthost", name.empty() ? "[smarthost]" : "[smarthost " + name + "]"},
                {"mails", mails},
                {"meaning", "they wait until the configuration has that section again"}});
  }
}

void SpoolBooks::sit(SpoolSeat& seat) { places_.push_back({&seat, {}}); }

void SpoolBooks::leave(SpoolSeat& seat) {
  std::erase_if(places_, [&](const Place& place) { return place.seat == &seat; });
  seat.left();
}

SpoolBooks::Place* SpoolBooks::place_of(const SpoolSeat& seat) {
  const auto found = std::find_if(places_.begin(), places_.end(),
                                  [&](const Place& place) { return place.seat == &seat; });
  return found == places_.end() ? nullptr : &*found;
}

bool SpoolBooks::has_room(const Place& place, const std::string& section) const {
  const auto most = room_.find(section);
  if (most == room_.end()) return false;
  const auto taken = place.under_way.find(section);
  return taken == place.under_way.end() || taken->second < most->second;
}

SpoolBooks::Place* SpoolBooks::roomiest(const std::string& section) {
  Place* best = nullptr;
  for (Place& place : places_) {
    if (!has_room(place, section)) continue;
    if (best == nullptr || place.under_way[section] < best->under_way[section]) best = &place;
  }
  return best;
}

// --- a turn

void SpoolBooks::on_turn_end() {
  publish_batch();
  save_batch();
  dispatch();
  arm_timer();
}

void SpoolBooks::on_timer() {
  // What is due now is seen at the end of this turn.
  if (now() - ticked_ < kTick) return;
  ticked_ = now();
  answer_requests();
  expire_some();
  update_facts();
  // What was delivered is not to come back after a loss of power.
  if (const auto settled = store_->settle(); !settled) {
    log_.error("-", "spool-trouble", {{"reason", settled.error().detail}});
  }
}

void SpoolBooks::arm_timer() {
  timer_.arm(base::earlier(schedule_.next_time(now()), ticked_ + kTick));
}

void SpoolBooks::on_reached(const std::string& section) { schedule_.on_reached(section, now()); }

// --- delivery

void SpoolBooks::dispatch() {
  for (const auto& [section, room] : room_) {
    while (Place* place = roomiest(section)) {
      const std::optional<SpoolId> number = schedule_.begin_attempt(section, now());
      if (!number) break;
      start(*number, *place);
    }
  }
}

void SpoolBooks::start(SpoolId number, Place& place) {
  const std::string id = id_of(number);
  auto envelope = read(id);
  if (!envelope) return on_unreadable(id, envelope.error());
  start_with(std::move(envelope).value(), place, false);
}

void SpoolBooks::start_with(spool::Envelope envelope, Place& place, bool is_marked) {
  const std::string id = envelope.id;
  auto reader = store_->open_mail(envelope);
  if (!reader) return on_unreadable(id, reader.error());
  SpoolJob job;
  const auto read = (*reader)->read(kSpoolPiece, job.beginning);
  if (!read) return on_unreadable(id, read.error());
  Job under_way;
  under_way.envelope = envelope;
  under_way.seat = place.seat;
  under_way.is_marked = is_marked;
  if (job.beginning.size() < envelope.size) under_way.reader = std::move(reader).value();
  jobs_.emplace(number_of(id), std::move(under_way));
  ++place.under_way[envelope.smarthost];
  job.envelope = std::move(envelope);
  job.is_marked = is_marked;
  place.seat->deliver(std::move(job));
}

void SpoolBooks::want_more(const std::string& id) {
  const auto found = jobs_.find(number_of(id));
  if (found == jobs_.end() || !found->second.reader) return;
  Job& job = found->second;
  std::string octets;
  const auto read = job.reader->read(kSpoolPiece, octets);
  if (!read) {
    job.reader.reset();
    return job.seat->give(id, read.error());
  }
  if (octets.empty()) job.reader.reset();
  job.seat->give(id, std::move(octets));
}

void SpoolBooks::want_mark(const std::string& id) {
  const auto found = jobs_.find(number_of(id));
  if (found == jobs_.end()) return;
  Job& job = found->second;
  const base::Result<void> marked = store_->begin_sending(id);
  if (marked) job.is_marked = true;
  job.seat->marked(id, marked);
}

SpoolBooks::Job SpoolBooks::take_job(const std::string& id) {
  auto entry = jobs_.extract(number_of(id));
  SMTPSEAL_CHECK(!entry.empty());
  Job job = std::move(entry.mapped());
  // One that has left does not count any more.
  if (Place* place = place_of(*job.seat)) --place->under_way[job.envelope.smarthost];
  return job;
}

void SpoolBooks::on_damage(const std::string& id, const std::string& reason) {
  const Job job = take_job(id);
  if (job.is_marked) store_->end_sending(id);
  give_up_damaged(id, reason);
}

void SpoolBooks::on_unreadable(const std::string& id, const base::Error& error) {
  if (error.fault == base::Fault::storage) return give_up_damaged(id, error.detail);
  // No descriptor, no memory: nothing is wrong with the mail.
  log_.error(id, "spool-trouble", {{"reason", error.detail}});
  const SpoolId number = number_of(id);
  if (!schedule_.is_under_way(number)) return;
  schedule_.end_attempt(number, relay::SpoolSchedule::Ending::no_room, now(), 0);
}

// Out of the way: what is not what was accepted is never sent.
void SpoolBooks::give_up_damaged(const std::string& id, const std::string& reason) {
  log_.error(id, "spool-damage", {{"reason", reason}});
  if (const auto moved = store_->quarantine(id, reason); !moved) {
    log_.error(id, "spool-trouble", {{"reason", moved.error().detail}});
  }
  unsaved_.erase(number_of(id));
  schedule_.remove(number_of(id));
}

}  // namespace app
