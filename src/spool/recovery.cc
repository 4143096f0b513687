// What is found at start, put in order: the tables of store.h, line by line.
#include <algorithm>
#include <utility>

#include "spool/hex.h"
#include "spool/names.h"
#include "spool/state.h"
#include "spool/store.h"

namespace spool {

namespace {

using base::Result;
using Names = std::vector<Disk::Name>;

// The files of one mail in one folder, as far as they are there.
struct Found {
  const Disk::Name* mail = nullptr;
  const Disk::Name* envelope = nullptr;
  const Disk::Name* sending = nullptr;

  void add(const Disk::Name& name, std::string_view suffix) {
    (suffix == kMail ? mail : suffix == kEnvelope ? envelope : sending) = &name;
  }
  // The one of them that is no file; "" when all are.
  [[nodiscard]] std::string oddity() const {
    for (const Disk::Name* const name : {mail, envelope, sending}) {
      if (name != nullptr && !name->is_file) return name->name;
    }
    return {};
  }
};

}  // namespace

class StoreRecovery {
 public:
  StoreRecovery(Store& store, Recovery& recovery) : store_(store), recovery_(recovery) {}

  Result<void> run();

 private:
  Result<Names> list(std::string_view folder);
  Result<void> clear_tmp();
  Result<void> look_at_failed();
  Result<void> look_at_queue();
  void take(const std::string& id, const Found& found);
  void take_accepted(const std::string& id, const Found& found);
  void take_lone_envelope(const std::string& id, const Found& found);
  void take_lone_mail(const std::string& id, const Found& found);
  void remove(std::string_view folder, const std::string& id, std::string_view suffix);
  void move_aside(const std::string& id, const Found& found, const std::string& reason);

  Store& store_;
  Recovery& recovery_;
  bool is_everything_doubted_ = false;
  // What is in failed/, by id. A name there beside an entry of the store: in queue/, too.
  std::map<std::uint64_t, Found> failed_;
  Names failed_names_;
};

Result<void> StoreRecovery::run() {
  const State before = read_state(store_.disk_, store_.folder_);
  const std::string boot = store_.disk_.boot_id();
  is_everything_doubted_ = before.boot != kLeft && (boot.empty() || before.boot != boot);
  store_.doubted_ = before.doubted;
  recovery_.concern = store_.disk_.concern(store_.folder_);
  auto done = clear_tmp();
  if (done) done = look_at_failed();
  if (done) done = look_at_queue();
  if (!done) return done;
  const auto& accepted = recovery_.accepted;
  if (is_everything_doubted_ && !accepted.empty()) {
    store_.doubted_ = parse_hex(accepted.back().id, kIdDigits).value_or(0);
  }
  if (!store_.entries_.empty()) store_.last_id_ = store_.entries_.rbegin()->first;
  store_.last_id_ = std::max(store_.last_id_, store_.doubted_);
  const State now{boot, store_.doubted_};
  return now == before ? Result<void>{} : write_state(store_.disk_, store_.folder_, now);
}

// In the order of names, and so of ids; what is not ours is told and left out.
Result<Names> StoreRecovery::list(std::string_view folder) {
  auto names = store_.disk_.list(store_.folder_path(folder));
  if (!names) return names;
  std::erase_if(*names, [&](const Disk::Name& name) {
    if (parse_file_name(name.name)) return false;
    recovery_.foreign.push_back(join(store_.folder_path(folder), name.name));
    return true;
  });
  std::sort(names->begin(), names->end(),
            [](const Disk::Name& a, const Disk::Name& b) { return a.name < b.name; });
  return names;
}

void StoreRecovery::remove(std::string_view folder, const std::string& id,
                           std::string_view suffix) {
  const std::string name = store_.path(folder, id, suffix);
  if (store_.disk_.remove(name)) {
    ++recovery_.removed;
  } else {
    recovery_.foreign.push_back(name);  // a folder, or the like
  }
}

Result<void> StoreRecovery::clear_tmp() {
  const auto names = list(kTmp);
  if (!names) return names.error();
  for (const Disk::Name& name : *names) {
    const auto parts = parse_file_name(name.name);
    remove(kTmp, std::string(parts->id), parts->suffix);
  }
  return {};
}

Result<void> StoreRecovery::look_at_failed() {
  auto names = list(kFailed);
  if (!names) return names.error();
  failed_names_ = std::move(*names);
  for (const Disk::Name& name : failed_names_) {
    const auto parts = parse_file_name(name.name);
    failed_[parse_hex(parts->id, kIdDigits).value_or(0)].add(name, parts->suffix);
  }
  for (const auto& [number, found] : failed_) {
    store_.put(format_hex(number, kIdDigits),
               {.mail_size = found.mail == nullptr ? 0 : found.mail->taken,
                .envelope_size = found.envelope == nullptr ? 0 : found.envelope->taken,
                .is_failed = true});
  }
  return {};
}

Result<void> StoreRecovery::look_at_queue() {
  const auto names = list(kQueue);
  if (!names) return names.error();
  for (auto name = names->begin(); name != names->end();) {
    const std::string id(parse_file_name(name->name)->id);
    Found found;
    for (; name != names->end() && name->name.starts_with(id); ++name) {
      found.add(*name, parse_file_name(name->name)->suffix);
    }
    take(id, found);
  }
  return {};
}

void StoreRecovery::take(const std::string& id, const Found& found) {
  if (const std::string oddity = found.oddity(); !oddity.empty()) {
    move_aside(id, found, oddity + " is no regular file");
  } else if (found.envelope != nullptr && found.envelope->size > kMaxEnvelopeFile) {
    move_aside(id, found, "its envelope is bigger than one can be");
  } else if (found.mail != nullptr && found.envelope != nullptr) {
    take_accepted(id, found);
  } else if (found.envelope != nullptr) {
    take_lone_envelope(id, found);
  } else if (found.mail != nullptr) {
    take_lone_mail(id, found);
  } else {
    remove(kQueue, id, kSending);
  }
}

void StoreRecovery::take_accepted(const std::string& id, const Found& found) {
  const auto failed = failed_.find(parse_hex(id, kIdDigits).value_or(0));
  const bool was_failed = failed != failed_.end();
  store_.put(id, {.mail_size = found.mail->taken,
                  .envelope_size = found.envelope->taken,
                  .is_marked = found.sending != nullptr,
                  .is_in_doubt = found.sending != nullptr || is_everything_doubted_ ||
                                 parse_hex(id, kIdDigits).value_or(0) <= store_.doubted_});
  // Trouble of the disk, or too many open files, may have passed at the next start: no damage.
  const auto text = read_file(store_.disk_, store_.path(kQueue, id, kEnvelope), kMaxEnvelopeFile);
  if (!text) {
    recovery_.damaged.push_back({id, text.error().detail + " (it stays where it is)"});
    return;
  }
  const auto envelope = store_.read(id, *text);
  if (!envelope) {
    move_aside(id, found, envelope.error().detail);
  } else if (envelope->size != found.mail->size) {
    move_aside(id, found,
               "it has " + std::to_string(found.mail->size) + " octets, and " +
                   std::to_string(envelope->size) + " were accepted");
  } else {
    recovery_.accepted.push_back(brief(*envelope));
    // Restored: that its old envelope stayed is all that is left of failed/.
    if (was_failed && failed->second.mail == nullptr) remove(kFailed, id, kEnvelope);
  }
}

void StoreRecovery::take_lone_envelope(const std::string& id, const Found& found) {
  const auto failed = failed_.find(parse_hex(id, kIdDigits).value_or(0));
  if (failed == failed_.end() || failed->second.mail == nullptr) {
    move_aside(id, found, "its mail is missing");
    return;
  }
  // On the way between queue/ and failed/, where its mail is: the envelope there is the newer one.
  if (failed->second.envelope != nullptr) {
    remove(kQueue, id, kEnvelope);
    if (found.sending != nullptr) remove(kQueue, id, kSending);
    return;
  }
  move_aside(id, found, "");
}

void StoreRecovery::take_lone_mail(const std::string& id, const Found& found) {
  const auto failed = failed_.find(parse_hex(id, kIdDigits).value_or(0));
  if (failed != failed_.end() && failed->second.mail == nullptr) {
    move_aside(id, found, "");
    return;
  }
  remove(kQueue, id, kMail);
  if (found.sending != nullptr) remove(kQueue, id, kSending);
}

// With no reason it is no damage, but something that was interrupted.
void StoreRecovery::move_aside(const std::string& id, const Found& found,
                               const std::string& reason) {
  const auto there = failed_.find(parse_hex(id, kIdDigits).value_or(0));
  const bool is_taken =
      there != failed_.end() && ((found.mail != nullptr && there->second.mail != nullptr) ||
                                 (found.envelope != nullptr && there->second.envelope != nullptr));
  Store::Entry entry{.is_failed = true};
  if (there != failed_.end() && there->second.mail != nullptr) {
    entry.mail_size = there->second.mail->taken;
  }
  if (there != failed_.end() && there->second.envelope != nullptr) {
    entry.envelope_size = there->second.envelope->taken;
  }
  std::string trouble;
  if (is_taken) {
    trouble = " (it stays where it is: failed/ has one of that name)";
  } else {
    const auto moved = store_.move_aside(id, found.mail != nullptr, found.envelope != nullptr);
    if (!moved) trouble = " (" + moved.error().detail + ")";
    if (found.mail != nullptr) entry.mail_size = found.mail->taken;
    if (found.envelope != nullptr) entry.envelope_size = found.envelope->taken;
  }
  store_.put(id, entry);
  if (!reason.empty() || !trouble.empty()) recovery_.damaged.push_back({id, reason + trouble});
}

Result<std::unique_ptr<Store>> Store::open(Disk& disk, std::string folder, Recovery& recovery) {
  std::unique_ptr<Store> store(new Store(disk, std::move(folder)));
  if (auto made = disk.make_folder(store->folder_); !made) return made.error();
  auto lock = disk.lock(join(store->folder_, kLock));
  if (!lock) return lock.error();
  for (const std::string_view name : {kTmp, kQueue, kFailed, kRequests}) {
    if (auto made = disk.make_folder(store->folder_path(name)); !made) return made.error();
  }
  if (auto done = StoreRecovery(*store, recovery).run(); !done) return done.error();
  store->lock_ = std::move(*lock);
  return store;
}

Store::~Store() {
  // One that was never opened has nothing to say.
  if (!lock_) return;
  const bool is_any_doubted = !entries_.empty() && entries_.begin()->first <= doubted_;
  // Without it, everything is in doubt at the next start: that is no more than a warning too many.
  if (settle()) {
    static_cast<void>(
        write_state(disk_, folder_, {std::string(kLeft), is_any_doubted ? doubted_ : 0}));
  }
}

}  // namespace spool
