#include "spool/store.h"

#include <algorithm>
#include <chrono>

#include "spool/hex.h"
#include "spool/names.h"

namespace spool {

namespace {

using base::Error;
using base::Fault;
using base::Result;

std::uint64_t number_of(std::string_view id) { return parse_hex(id, kIdDigits).value_or(0); }

Error unknown(const std::string& id) {
  return {Fault::storage, "there is no mail " + id + " in the queue"};
}

}  // namespace

Brief brief(const Envelope& envelope) {
  return {envelope.id,
          envelope.since,
          envelope.smarthost,
          envelope.size,
          envelope.attempts,
          envelope.is_held,
          envelope.is_in_doubt,
          envelope.is_sender_warned,
          envelope.is_notification};
}

Store::Store(Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}

std::string Store::folder_path(std::string_view name) const { return join(folder_, name); }

std::string Store::path(std::string_view folder, std::string_view id,
                        std::string_view suffix) const {
  return join(folder_path(folder), id).append(suffix);
}

Store::Entry* Store::find(const std::string& id) {
  const auto found = is_id(id) ? entries_.find(number_of(id)) : entries_.end();
  return found == entries_.end() ? nullptr : &found->second;
}

void Store::put(const std::string& id, const Entry& entry) {
  forget(id);
  entries_[number_of(id)] = entry;
  used_ += entry.mail_size + entry.envelope_size;
}

void Store::forget(const std::string& id) {
  const Entry* const entry = find(id);
  if (entry == nullptr) return;
  used_ -= entry->mail_size + entry->envelope_size;
  entries_.erase(number_of(id));
}

bool Store::is_accepted(const std::string& id) {
  const Entry* const entry = find(id);
  return entry != nullptr && !entry->is_failed;
}

bool Store::is_failed(const std::string& id) {
  const Entry* const entry = find(id);
  return entry != nullptr && entry->is_failed;
}

// Microseconds since 1970, with room for 256 ids in each, fill 60 bits.
std::string Store::make_id(base::WallTime now) {
  const auto elapsed =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  const auto clock = static_cast<std::uint64_t>(std::max<long long>(elapsed, 0)) << 8;
  last_id_ = std::max(last_id_ + 1, clock);
  return format_hex(last_id_, kIdDigits);
}

Result<std::unique_ptr<Draft>> Store::begin(const std::string& id) {
  std::string name = path(kTmp, id, kMail);
  auto file = disk_.create(name);
  if (!file) return file.error();
  return std::unique_ptr<Draft>(new Draft(disk_, std::move(name), std::move(*file)));
}

Store::Writing Store::write_envelope(const Envelope& envelope) {
  Writing writing;
  const std::string text = format(envelope);
  // What could not be read again must not be promised to anybody.
  if (const auto readable = parse_envelope(text); !readable) {
    writing.result =
        Error{Fault::storage, "an envelope cannot be kept: " + readable.error().detail};
    return writing;
  }
  const std::string name = path(kTmp, envelope.id, kEnvelope);
  auto file = disk_.create(name);
  // One that could not be removed when it should have been is in the way.
  if (!file && disk_.remove(name)) file = disk_.create(name);
  if (!file) {
    writing.result = file.error();
    return writing;
  }
  writing.file = std::move(*file);
  writing.size = text.size();
  writing.result = writing.file->append(text);
  return writing;
}

Store::Writing Store::write_durably(const Envelope& envelope) {
  Writing writing = write_envelope(envelope);
  if (writing.result) writing.result = writing.file->sync();
  if (!writing.result) withdraw(envelope.id, writing);
  return writing;
}

Store::Writing Store::begin_publishing(Publication& publication) {
  Draft& draft = *publication.draft;
  Envelope& envelope = publication.envelope;
  SMTPSEAL_CHECK(draft.path_ == path(kTmp, envelope.id, kMail));
  SMTPSEAL_CHECK(find(envelope.id) == nullptr);
  if (draft.trouble_) {
    Writing writing;
    writing.result = *draft.trouble_;
    return writing;
  }
  envelope.size = draft.size_;
  envelope.checksum = draft.checksum_;
  return write_envelope(envelope);
}

Result<void> Store::move_into_queue(const Publication& publication) {
  const std::string& id = publication.envelope.id;
  if (publication.is_sending) {
    if (auto marked = disk_.create(path(kQueue, id, kSending)); !marked) return marked.error();
  }
  auto moved = disk_.rename(publication.draft->path_, path(kQueue, id, kMail));
  if (!moved) return moved;
  publication.draft->path_.clear();
  return disk_.rename(path(kTmp, id, kEnvelope), path(kQueue, id, kEnvelope));
}

// Whatever of it is there already. The envelope first: without it, nothing is ours.
void Store::withdraw(const std::string& id, Writing& writing) {
  if (writing.is_moved) {
    const auto removed = disk_.remove(path(kQueue, id, kEnvelope));
    if (!removed) {
      writing.result = Error{writing.result.error().fault,
                             writing.result.error().detail +
                                 "; it may be delivered all the same: " + removed.error().detail};
      return;
    }
    // Without its envelope the rest is removed at the next start, at the latest.
    static_cast<void>(disk_.remove(path(kQueue, id, kMail)));
    static_cast<void>(disk_.remove(path(kQueue, id, kSending)));
  }
  // The same goes for all that is in tmp/.
  if (writing.file) static_cast<void>(disk_.remove(path(kTmp, id, kEnvelope)));
}

std::vector<Result<void>> Store::publish(std::vector<Publication> publications) {
  std::vector<Writing> writings;
  std::vector<DiskFile*> files;
  for (Publication& publication : publications) {
    writings.push_back(begin_publishing(publication));
    if (!writings.back().result) continue;
    files.push_back(publication.draft->file_.get());
    files.push_back(writings.back().file.get());
  }
  const std::vector<Result<void>> synced = disk_.sync_all(files);
  auto next = synced.begin();
  bool is_anything_moved = false;
  for (std::size_t i = 0; i < writings.size(); ++i) {
    Writing& writing = writings[i];
    if (!writing.result) continue;
    const Result<void>& mail = *next++;
    const Result<void>& envelope = *next++;
    writing.result = mail ? envelope : mail;
    if (!writing.result) continue;
    writing.is_moved = true;
    writing.result = move_into_queue(publications[i]);
    is_anything_moved = true;
  }
  const Result<void> settled = is_anything_moved ? sync_queue() : Result<void>{};
  std::vector<Result<void>> results;
  for (std::size_t i = 0; i < writings.size(); ++i) {
    Writing& writing = writings[i];
    const Publication& publication = publications[i];
    if (writing.result) writing.result = settled;
    if (writing.result) {
      put(publication.envelope.id, {.mail_size = publication.envelope.size,
                                    .envelope_size = writing.size,
                                    .is_marked = publication.is_sending});
    } else {
      withdraw(publication.envelope.id, writing);
    }
    results.push_back(writing.result);
  }
  return results;
}

Result<void> Store::sync_queue() {
  auto synced = disk_.sync_folder(folder_path(kQueue));
  if (synced) is_settled_ = true;
  return synced;
}

Result<void> Store::settle() { return is_settled_ ? Result<void>{} : sync_queue(); }

Result<Envelope> Store::read(const std::string& id) {
  if (!is_accepted(id)) return unknown(id);
  const auto text = read_file(disk_, path(kQueue, id, kEnvelope), kMaxEnvelopeFile);
  if (!text) return text.error();
  return read(id, *text);
}

Result<Envelope> Store::read(const std::string& id, const std::optional<std::string>& text) {
  const std::string name = path(kQueue, id, kEnvelope);
  if (!text) return Error{Fault::storage, name + " is gone"};
  auto envelope = parse_envelope(*text);
  if (!envelope) return Error{Fault::storage, name + ": " + envelope.error().detail};
  if (envelope->id != id) return Error{Fault::storage, name + " is of another mail"};
  envelope->is_in_doubt = envelope->is_in_doubt || find(id)->is_in_doubt;
  return envelope;
}

Result<std::unique_ptr<MailReader>> Store::open_mail(const Envelope& envelope) {
  const std::string name = path(kQueue, envelope.id, kMail);
  auto file = disk_.open(name);
  if (!file) return file.error();
  if (!*file) return Error{Fault::storage, name + " is gone"};
  const auto size = (*file)->size();
  if (!size) return size.error();
  if (*size != envelope.size) {
    return Error{Fault::storage, name + " is not what was accepted: its size differs"};
  }
  return std::unique_ptr<MailReader>(
      new MailReader(std::move(*file), envelope.size, envelope.checksum));
}

Result<void> Store::replace_envelope(const Envelope& envelope, Entry& entry,
                                     const Writing& writing) {
  auto renamed =
      disk_.rename(path(kTmp, envelope.id, kEnvelope), path(kQueue, envelope.id, kEnvelope));
  if (!renamed) return renamed;
  used_ += writing.size - entry.envelope_size;
  entry.envelope_size = writing.size;
  return {};
}

std::vector<Result<void>> Store::update(const std::vector<Envelope>& envelopes) {
  std::vector<Writing> writings;
  std::vector<DiskFile*> files;
  for (const Envelope& envelope : envelopes) {
    if (is_accepted(envelope.id)) {
      writings.push_back(write_envelope(envelope));
    } else {
      writings.emplace_back().result = unknown(envelope.id);
    }
    if (writings.back().result) files.push_back(writings.back().file.get());
  }
  const std::vector<Result<void>> synced = disk_.sync_all(files);
  auto next = synced.begin();
  bool is_anything_renamed = false;
  for (std::size_t i = 0; i < writings.size(); ++i) {
    Writing& writing = writings[i];
    const Envelope& envelope = envelopes[i];
    if (writing.result) writing.result = *next++;
    if (writing.result) {
      writing.result = replace_envelope(envelope, *find(envelope.id), writing);
    }
    if (!writing.result) withdraw(envelope.id, writing);
    if (writing.result) is_anything_renamed = true;
  }
  const Result<void> settled = is_anything_renamed ? sync_queue() : Result<void>{};
  std::vector<Result<void>> results;
  for (const Writing& writing : writings) {
    results.push_back(writing.result ? settled : writing.result);
  }
  return results;
}

Result<void> Store::update(const Envelope& envelope) { return update(std::vector{envelope})[0]; }

std::optional<std::uint64_t> Store::free_space() { return disk_.free_space(folder_); }

}  // namespace spool
