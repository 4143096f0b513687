#include "spool/look.h"

#include <algorithm>
#include <map>

#include "spool/names.h"

namespace spool {

namespace {

using base::Error;
using base::Fault;
using base::Result;

// The files of one mail in one folder.
struct Files {
  bool has_envelope = false;
  bool is_sending = false;
  std::optional<std::uint64_t> mail_size;
};

// Ids without regard to what is not ours.
Result<std::map<std::string, Files>> files_in(Disk& disk, const std::string& folder,
                                              const std::string& id) {
  const auto names = disk.list(folder);
  if (!names) return names.error();
  std::map<std::string, Files> found;
  for (const Disk::Name& name : *names) {
    const auto parts = parse_file_name(name.name);
    if (!parts || (!id.empty() && parts->id != id)) continue;
    Files& files = found[std::string(parts->id)];
    if (parts->suffix == kEnvelope) files.has_envelope = true;
    if (parts->suffix == kSending) files.is_sending = true;
    if (parts->suffix == kMail) files.mail_size = name.size;
  }
  return found;
}

// Nothing when it went away meanwhile.
std::optional<Seen> look_at_one(Disk& disk, const std::string& folder, const std::string& id,
                                const Files& files) {
  Seen seen;
  const std::string name = join(folder, id).append(kEnvelope);
  const auto text = read_file(disk, name, kMaxEnvelopeFile);
  if (text && !*text && files.has_envelope) return std::nullopt;
  if (!text) {
    seen.damage = text.error().detail;
  } else if (!*text) {
    seen.damage = "its envelope is missing";
  } else if (auto envelope = parse_envelope(**text); !envelope) {
    seen.damage = "its envelope: " + envelope.error().detail;
  } else {
    seen.envelope = std::move(*envelope);
    if (!files.mail_size) {
      seen.damage = "its mail is missing";
    } else if (*files.mail_size != seen.envelope.size) {
      seen.damage = "its mail has " + std::to_string(*files.mail_size) + " octets, and " +
                    std::to_string(seen.envelope.size) + " were accepted";
    } else if (seen.envelope.id != id) {
      seen.damage = "its envelope is of another mail";
    }
  }
  seen.envelope.id = id;
  seen.is_sending = files.is_sending;
  return seen;
}

// Nothing was ever kept there. (Not when that cannot be told.)
bool is_no_spool(Disk& disk, const std::string& folder) {
  const auto lock = disk.open(join(folder, kLock));
  return lock && *lock == nullptr;
}

std::string request_path(const std::string& folder, const Request& request) {
  return join(join(folder, kRequests), format_request(request));
}

}  // namespace

Result<std::vector<Seen>> look_at(Disk& disk, const std::string& folder, const std::string& id) {
  std::vector<Seen> all;
  for (const std::string_view place : {kQueue, kFailed}) {
    const bool is_failed = place == kFailed;
    const auto found = files_in(disk, join(folder, place), id);
    if (!found && is_no_spool(disk, folder)) return all;
    if (!found) return found.error();
    for (const auto& [name, files] : *found) {
      // In queue/ what has no envelope is being published, or removed.
      if (!is_failed && !files.has_envelope) continue;
      auto seen = look_at_one(disk, join(folder, place), name, files);
      if (!seen) continue;
      seen->is_failed = is_failed;
      all.push_back(std::move(*seen));
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Seen& a, const Seen& b) { return a.envelope.id < b.envelope.id; });
  return all;
}

Result<std::string> look_at_mail(Disk& disk, const std::string& folder, const Seen& seen,
                                 std::size_t most) {
  const std::string name =
      join(join(folder, seen.is_failed ? kFailed : kQueue), seen.envelope.id).append(kMail);
  auto file = disk.open(name);
  if (!file) return file.error();
  if (!*file) return Error{Fault::storage, name + " is gone"};
  std::string text;
  const auto count = (*file)->read(0, most, text);
  if (!count) return count.error();
  return text;
}

Result<void> ask(Disk& disk, const std::string& folder, const Request& request) {
  auto file = disk.create(request_path(folder, request));
  if (file) return {};
  // Somebody asked already.
  const auto is_done = is_answered(disk, folder, request);
  return is_done && !*is_done ? Result<void>{} : file.error();
}

Result<bool> is_answered(Disk& disk, const std::string& folder, const Request& request) {
  const auto file = disk.open(request_path(folder, request));
  if (!file) return file.error();
  return *file == nullptr;
}

}  // namespace spool
