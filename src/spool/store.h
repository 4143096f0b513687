// The mails that smtpseal has taken responsibility for, as files.
//
//   DIR/lock                  held by the process that owns the spool
//   DIR/state                 how it was left: see below
//   DIR/tmp/ID.mail           being received: nobody was told 250
//   DIR/tmp/ID.envelope       being written
//   DIR/queue/ID.mail         the mail, as it is to be sent: CRLF, not dot-stuffed
//   DIR/queue/ID.envelope     makes the mail beside it ours; renamed here last, removed first
//   DIR/queue/ID.sending      its end of data may have gone out: after a crash it is in doubt
//   DIR/failed/ID.mail, .envelope   could neither be delivered nor bounced, or is damaged
//   DIR/requests/VERB-ID      an empty file: what `smtpseal queue` asks of the running daemon
//
// | tmp/.mail | queue/.mail | queue/.envelope | queue/.sending | it is | at start |
// |---|---|---|---|---|---|
// | any | – | – | – | being received | removed |
// | – | x | – | – | being published or removed; nobody relies on it | removed |
// | – | x | x | – | accepted: responsibility is ours | to be delivered |
// | – | x | x | x | accepted, perhaps delivered | to be delivered, in doubt |
// | – | – | x | any | damaged by hand | to failed/, with the reason |
// | – | – | – | x | delivered, being removed | removed |
//
// and on the way between queue/ and failed/, where the envelope that is to be left comes last:
//
// | queue/ | failed/ | it is | at start |
// |---|---|---|---|
// | .envelope | .mail, perhaps .envelope | being failed, or being restored | failed |
// | .mail | .envelope | the same, with names lost by the machine | failed |
// | .mail, .envelope | .envelope | restored | accepted, the other envelope removed |
//
// Publishing: .mail and .envelope are written in tmp/ and synced, .mail is renamed into queue/,
// then .envelope, then queue/ is synced: only then may 250 be said. An envelope is changed by
// renaming a new one over it. After a failed sync a file is never trusted again. Whatever does not
// fit this table, is not a regular file, or does not parse, goes to failed/ (names that are not
// ours stay where they are, and are told); nothing is ever deleted that somebody may rely on.
//
// A process that dies leaves all it did to the system, .sending marks, too, without a sync. A
// machine that loses power may forget them, and removals with them. So DIR/state keeps the id of
// the machine's boot; where that is another at the next start, and no Store said goodbye, every
// mail that is found is in doubt, marked or not, for as long as it is there.
//
// One folder holds them all: ext4, XFS, btrfs, APFS and NTFS find a name among a million in a tree
// or by its hash, and to sync one folder for a batch is cheaper than to sync several.
//
// Not thread-safe, and it blocks: one thread has it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "spool/disk.h"
#include "spool/envelope.h"

namespace spool {

// A mail being received, in tmp/. Destroyed before it was published, it is gone.
class Draft {
 public:
  ~Draft();
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  // After an error it cannot be published any more.
  [[nodiscard]] base::Result<void> append(std::string_view bytes);
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  friend class Store;
  Draft(Disk& disk, std::string path, std::unique_ptr<DiskFile> file);

  Disk& disk_;
  std::string path_;  // empty once it was published
  std::unique_ptr<DiskFile> file_;
  std::uint64_t size_ = 0;
  std::uint64_t unwritten_ = 0;  // since the system was last told to begin to write
  std::uint32_t checksum_ = 0;
  std::optional<base::Error> trouble_;
};

// A mail to be accepted: `envelope` wants everything but size and checksum.
struct Publication {
  std::unique_ptr<Draft> draft;
  Envelope envelope;
  bool is_sending = false;  // as after begin_sending(): it is going to be sent at once
};

// A mail being sent: never one octet that is not what was accepted.
class MailReader {
 public:
  // The next octets, at most `most`, appended to `out`; none at the end. At the end, and before
  // the last octets are given out, size and checksum have been compared: Fault::storage when the
  // mail is not what was accepted (the end of data must not be sent then).
  [[nodiscard]] base::Result<std::size_t> read(std::size_t most, std::string& out);

 private:
  friend class Store;
  MailReader(std::unique_ptr<DiskFile> file, std::uint64_t size, std::uint32_t checksum);

  std::unique_ptr<DiskFile> file_;
  std::uint64_t size_;
  std::uint32_t checksum_;
  std::uint64_t offset_ = 0;
  std::uint32_t so_far_ = 0;
};

// What `smtpseal queue` asks.
enum class Verb { retry, hold, drop };
struct Request {
  Verb verb = Verb::retry;
  std::string id;  // empty: all (retry only)
};

// What whoever delivers has to know of every mail, at all times: a hundred thousand fit in memory.
struct Brief {
  std::string id;
  base::WallTime since;
  std::string smarthost;
  std::uint64_t size = 0;
  unsigned attempts = 0;
  bool is_held = false;
  bool is_in_doubt = false;
  bool is_sender_warned = false;
  bool is_notification = false;
};
[[nodiscard]] Brief brief(const Envelope& envelope);

// What was found at start.
struct Recovery {
  std::vector<Brief> accepted;  // oldest first; is_in_doubt as the table says
  struct Damage {
    std::string id, reason;
  };
  std::vector<Damage> damaged;       // went to failed/, or cannot be read now, and stays
  std::vector<std::string> foreign;  // were left where they are; their paths
  std::uint64_t removed = 0;         // files of mails that nobody relies on
  std::string concern;               // why this is no good place for a spool; mostly ""
};

class Store {
 public:
  // Takes the lock, makes the folders (all but DIR's parent), recovers. Fault::busy: another
  // process has it; `smtpseal queue` has it for moments.
  [[nodiscard]] static base::Result<std::unique_ptr<Store>> open(Disk& disk, std::string folder,
                                                                 Recovery& recovery);
  ~Store();  // says goodbye in DIR/state
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Later than every id before it, in this process and in earlier ones as far as the clock tells.
  [[nodiscard]] std::string make_id(base::WallTime now);
  [[nodiscard]] base::Result<std::unique_ptr<Draft>> begin(const std::string& id);
  // Accepts several at once, which costs little more than one: each its own outcome. One that
  // failed is gone. Two files are open for each.
  [[nodiscard]] std::vector<base::Result<void>> publish(std::vector<Publication> publications);

  // In queue/. It is in doubt where the marks that were found at start say so.
  [[nodiscard]] base::Result<Envelope> read(const std::string& id);
  [[nodiscard]] base::Result<std::unique_ptr<MailReader>> open_mail(const Envelope& envelope);
  // What became of them so far, durable. Several cost little more than one; after trouble the old
  // one is in force, or (when only the last sync failed) the new one.
  [[nodiscard]] std::vector<base::Result<void>> update(const std::vector<Envelope>& envelopes);
  [[nodiscard]] base::Result<void> update(const Envelope& envelope);
  // Before the end of data is sent; and when it is known that it was not taken. A mail that was in
  // doubt at start stays so: what became of it then is as unknown as before.
  [[nodiscard]] base::Result<void> begin_sending(const std::string& id);
  void end_sending(const std::string& id);
  // It is delivered, bounced, or dropped by hand. In queue/ or failed/; done when there is none.
  [[nodiscard]] base::Result<void> remove(const std::string& id);
  // Makes removals survive a loss of power; publish() and update() do so on their way. Worth one
  // call when there is nothing else to do: until then such a loss doubles what was delivered.
  [[nodiscard]] base::Result<void> settle();
  // Out of the way, with the reason in its envelope: `envelope.last_error`.
  [[nodiscard]] base::Result<void> fail(Envelope envelope);
  // Out of the way as it is, since it is damaged; the reason is in its envelope if that can be
  // read.
  [[nodiscard]] base::Result<void> quarantine(const std::string& id, const std::string& reason);
  // Back from failed/, as if it were accepted now: what failed for a recipient is pending again.
  [[nodiscard]] base::Result<Envelope> restore(const std::string& id, base::WallTime now);

  [[nodiscard]] bool is_accepted(const std::string& id);  // in queue/
  [[nodiscard]] bool is_failed(const std::string& id);    // in failed/

  // What others ask; each is told answer() when it is done, or cannot be.
  [[nodiscard]] std::vector<Request> requests();
  void answer(const Request& request);

  // Octets of mail and envelopes in queue/ and failed/; holes in files found at start do not count.
  [[nodiscard]] std::uint64_t used() const { return used_; }
  [[nodiscard]] std::optional<std::uint64_t> free_space();
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  friend class StoreRecovery;

  // What is known of a mail without asking the disk.
  struct Entry {
    std::uint64_t mail_size = 0;  // as it counts for used()
    std::uint64_t envelope_size = 0;
    bool is_failed = false;
    bool is_marked = false;    // .sending is there
    bool is_in_doubt = false;  // since start
  };
  using Entries = std::map<std::uint64_t, Entry>;  // by the number that an id is

  // An envelope on its way from tmp/ to queue/, with what became of that.
  struct Writing {
    std::unique_ptr<DiskFile> file;  // there once it was made
    std::uint64_t size = 0;
    bool is_moved = false;  // something may be in queue/
    base::Result<void> result;
  };

  Store(Disk& disk, std::string folder);

  [[nodiscard]] std::string folder_path(std::string_view name) const;
  [[nodiscard]] std::string path(std::string_view folder, std::string_view id,
                                 std::string_view suffix) const;
  [[nodiscard]] Entry* find(const std::string& id);
  void put(const std::string& id, const Entry& entry);
  void forget(const std::string& id);

  // From what its file in queue/ holds.
  [[nodiscard]] base::Result<Envelope> read(const std::string& id,
                                            const std::optional<std::string>& text);
  [[nodiscard]] Writing write_envelope(const Envelope& envelope);
  [[nodiscard]] Writing write_durably(const Envelope& envelope);
  [[nodiscard]] Writing begin_publishing(Publication& publication);
  [[nodiscard]] base::Result<void> move_into_queue(const Publication& publication);
  void withdraw(const std::string& id, Writing& writing);
  [[nodiscard]] base::Result<void> replace_envelope(const Envelope& envelope, Entry& entry,
                                                    const Writing& writing);
  [[nodiscard]] base::Result<void> sync_queue();
  // The files of it that are there, as they are, from queue/ to failed/.
  [[nodiscard]] base::Result<void> move_aside(const std::string& id, bool has_mail,
                                              bool has_envelope);
  [[nodiscard]] base::Result<void> leave_failed(const std::string& id);
  [[nodiscard]] base::Result<void> leave_restored(const std::string& id);

  Disk& disk_;
  std::string folder_;
  std::unique_ptr<Disk::Lock> lock_;
  Entries entries_;
  std::uint64_t doubted_ = 0;  // up to this id every mail is in doubt
  std::uint64_t last_id_ = 0;
  std::uint64_t used_ = 0;
  bool is_settled_ = true;
};

}  // namespace spool
