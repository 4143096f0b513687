// What becomes of a mail once it is accepted: sent, removed, failed, restored. See store.h.
#include <algorithm>

#include "spool/names.h"
#include "spool/store.h"

namespace spool {

namespace {

using base::Error;
using base::Fault;
using base::Result;

// As if it had been accepted now: it would expire at once, else.
void renew(Envelope& envelope, base::WallTime now) {
  envelope.since = now;
  envelope.attempts = 0;
  envelope.last_error.clear();
  envelope.is_held = false;
  envelope.is_sender_warned = false;
  for (Recipient& recipient : envelope.recipients) {
    if (recipient.outcome == Outcome::failed) recipient.outcome = Outcome::pending;
  }
}

}  // namespace

Result<void> Store::begin_sending(const std::string& id) {
  Entry* const entry = find(id);
  if (entry == nullptr || entry->is_failed) {
    return Error{Fault::storage, "there is no mail " + id + " in the queue"};
  }
  if (entry->is_marked) return {};
  auto mark = disk_.create(path(kQueue, id, kSending));
  if (!mark) return mark.error();
  entry->is_marked = true;
  is_settled_ = false;
  return {};
}

void Store::end_sending(const std::string& id) {
  Entry* const entry = find(id);
  if (entry == nullptr || entry->is_in_doubt || !entry->is_marked) return;
  // A mark that stays says no more than that a duplicate is possible.
  entry->is_marked = !disk_.remove(path(kQueue, id, kSending)).is_ok();
  is_settled_ = false;
}

Result<void> Store::remove(const std::string& id) {
  const Entry* const entry = find(id);
  if (entry == nullptr) return {};
  const bool is_failed = entry->is_failed;
  auto removed = disk_.remove(path(kQueue, id, kEnvelope));
  // In failed/ the envelope goes last: without its mail it still says whose it was.
  if (removed && is_failed) removed = disk_.remove(path(kFailed, id, kMail));
  if (removed && is_failed) removed = disk_.remove(path(kFailed, id, kEnvelope));
  if (!removed) return removed;
  forget(id);
  is_settled_ = false;
  // Without an envelope what stays in queue/ is nobody's, and removed at the next start.
  if (!is_failed) static_cast<void>(disk_.remove(path(kQueue, id, kMail)));
  static_cast<void>(disk_.remove(path(kQueue, id, kSending)));
  return {};
}

Result<void> Store::fail(Envelope envelope) {
  Entry* const entry = find(envelope.id);
  if (entry == nullptr || entry->is_failed) {
    return Error{Fault::storage, "there is no mail " + envelope.id + " in the queue"};
  }
  Writing writing = write_durably(envelope);
  if (!writing.result) return writing.result;
  const std::string& id = envelope.id;
  writing.result = disk_.rename(path(kQueue, id, kMail), path(kFailed, id, kMail));
  if (writing.result) {
    writing.result = disk_.rename(path(kTmp, id, kEnvelope), path(kFailed, id, kEnvelope));
    // It stays accepted. If not even this succeeds, it is failed at the next start.
    if (!writing.result) {
      static_cast<void>(disk_.rename(path(kFailed, id, kMail), path(kQueue, id, kMail)));
    }
  }
  if (!writing.result) {
    withdraw(id, writing);
    return writing.result;
  }
  put(id, {.mail_size = entry->mail_size, .envelope_size = writing.size, .is_failed = true});
  return leave_failed(id);
}

// What is in failed/ by now stays there; only then is the rest of it removed from queue/.
Result<void> Store::leave_failed(const std::string& id) {
  auto synced = disk_.sync_folder(folder_path(kFailed));
  if (synced) synced = disk_.remove(path(kQueue, id, kEnvelope));
  if (!synced) return synced;
  // Alone, it is removed at the next start.
  static_cast<void>(disk_.remove(path(kQueue, id, kSending)));
  return sync_queue();
}

Result<void> Store::move_aside(const std::string& id, bool has_mail, bool has_envelope) {
  for (const std::string_view suffix : {kMail, kEnvelope}) {
    if (suffix == kMail ? !has_mail : !has_envelope) continue;
    auto moved = disk_.rename(path(kQueue, id, suffix), path(kFailed, id, suffix));
    if (!moved) return moved;
  }
  return leave_failed(id);
}

Result<void> Store::quarantine(const std::string& id, const std::string& reason) {
  const Entry* const entry = find(id);
  if (entry == nullptr || entry->is_failed) return {};
  if (auto envelope = read(id)) {
    envelope->last_error = reason;
    if (fail(*envelope)) return {};
    if (is_failed(id)) return {};
  }
  Entry moved = *entry;
  moved.is_failed = true;
  moved.is_marked = false;
  const auto names = disk_.list(folder_path(kQueue));
  if (!names) return names.error();
  const auto has = [&](std::string_view suffix) {
    return std::any_of(names->begin(), names->end(), [&](const Disk::Name& name) {
      return name.name == std::string(id).append(suffix);
    });
  };
  auto result = move_aside(id, has(kMail), has(kEnvelope));
  if (result) put(id, moved);
  return result;
}

Result<Envelope> Store::restore(const std::string& id, base::WallTime now) {
  const Entry* const entry = find(id);
  const std::string failed = path(kFailed, id, kEnvelope);
  if (entry == nullptr || !entry->is_failed) {
    return Error{Fault::storage, "there is no failed mail " + id};
  }
  const auto text = read_file(disk_, failed, kMaxEnvelopeFile);
  if (!text) return text.error();
  if (!*text) return Error{Fault::storage, failed + " is gone"};
  auto envelope = parse_envelope(**text);
  if (!envelope) return Error{Fault::storage, failed + ": " + envelope.error().detail};
  const auto mail = disk_.open(path(kFailed, id, kMail));
  const auto size = mail && *mail ? (*mail)->size() : Result<std::uint64_t>{0};
  if (envelope->id != id || !size || envelope->size != *size) {
    return Error{Fault::storage, failed + " does not belong to the mail beside it"};
  }
  renew(*envelope, now);
  const Writing writing = write_durably(*envelope);
  if (!writing.result) return writing.result.error();
  if (auto moved = leave_restored(id); !moved) return moved.error();
  put(id, {.mail_size = entry->mail_size, .envelope_size = writing.size});
  return envelope;
}

// The envelope goes first, for a mail alone in queue/ is nobody's; that it is there must be sure
// before the mail follows. Alone, it makes the mail no more than failed.
Result<void> Store::leave_restored(const std::string& id) {
  auto done = disk_.rename(path(kTmp, id, kEnvelope), path(kQueue, id, kEnvelope));
  if (done) done = sync_queue();
  if (done) done = disk_.rename(path(kFailed, id, kMail), path(kQueue, id, kMail));
  if (!done) {
    // In failed/ as before; what stays of this is put right at the next start.
    static_cast<void>(disk_.remove(path(kTmp, id, kEnvelope)));
    static_cast<void>(disk_.remove(path(kQueue, id, kEnvelope)));
    return done;
  }
  // It is accepted. A loss of power now at worst makes it failed again, whatever these say.
  static_cast<void>(sync_queue());
  static_cast<void>(disk_.remove(path(kFailed, id, kEnvelope)));
  return {};
}

std::vector<Request> Store::requests() {
  std::vector<Request> found;
  const auto names = disk_.list(folder_path(kRequests));
  if (!names) return found;  // whoever asks notices that nobody answers
  for (const Disk::Name& name : *names) {
    const auto request = name.is_file ? parse_request(name.name) : std::nullopt;
    if (request) found.push_back(*request);
  }
  return found;
}

void Store::answer(const Request& request) {
  // One that stays is answered again.
  static_cast<void>(disk_.remove(join(folder_path(kRequests), format_request(request))));
}

}  // namespace spool
