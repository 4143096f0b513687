// The mails that smtpseal has taken responsibility for, as files.
//
//   DIR/lock                  held by the process that owns the spool
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
// Publishing: .mail and .envelope are written in tmp/ and synced, .mail is renamed into queue/,
// then .envelope, then queue/ is synced: only then may 250 be said. An envelope is changed by
// renaming a new one over it. After a failed sync a file is never trusted again. Whatever does not
// fit this table, is not a regular file, or does not parse, goes to failed/ (names that are not
// ours stay where they are, and are told); nothing is ever deleted that somebody may rely on.
//
// Not thread-safe, and it blocks: one thread has it.
#pragma once

#include <cstdint>
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

  [[nodiscard]] base::Result<void> append(std::string_view bytes);
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  friend class Store;
  Draft(Disk& disk, std::string path, std::unique_ptr<DiskFile> file);

  Disk& disk_;
  std::string path_;  // empty once it was published
  std::unique_ptr<DiskFile> file_;
  std::uint64_t size_ = 0;
  std::uint32_t checksum_ = 0;
};

// A mail to be accepted: `envelope` wants everything but size and checksum.
struct Publication {
  std::unique_ptr<Draft> draft;
  Envelope envelope;
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

// What was found at start.
struct Recovery {
  std::vector<Envelope> accepted;  // oldest first; is_in_doubt as the table says
  struct Damage {
    std::string name, reason;
  };
  std::vector<Damage> damaged;       // went to failed/
  std::vector<std::string> foreign;  // were left where they are
  std::uint64_t removed = 0;         // files of mails that nobody relies on
};

class Store {
 public:
  // Takes the lock, makes the folders, recovers. Fault::busy: another process has it.
  [[nodiscard]] static base::Result<std::unique_ptr<Store>> open(Disk& disk, std::string folder,
                                                                 Recovery& recovery);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Later than every id before it, in this process and in earlier ones as far as the clock tells.
  [[nodiscard]] std::string make_id();
  [[nodiscard]] base::Result<std::unique_ptr<Draft>> begin(const std::string& id);
  // Accepts several at once, which costs little more than one: each its own outcome. One that
  // failed is gone.
  [[nodiscard]] std::vector<base::Result<void>> publish(std::vector<Publication> publications);

  [[nodiscard]] base::Result<Envelope> read(const std::string& id);
  [[nodiscard]] base::Result<std::unique_ptr<MailReader>> open_mail(const Envelope& envelope);
  // What became of it so far, durable.
  [[nodiscard]] base::Result<void> update(const Envelope& envelope);
  // Before the end of data is sent; and when it is known that it was not taken.
  [[nodiscard]] base::Result<void> begin_sending(const std::string& id);
  void end_sending(const std::string& id);
  // It is delivered, bounced, or dropped by hand.
  [[nodiscard]] base::Result<void> remove(const std::string& id);
  // Out of the way, with the reason in its envelope: `envelope.last_error`.
  [[nodiscard]] base::Result<void> fail(const Envelope& envelope);
  // Out of the way as it is, since it is damaged.
  void quarantine(const std::string& id, const std::string& reason);
  // Back from failed/.
  [[nodiscard]] base::Result<Envelope> restore(const std::string& id);

  // What others ask; each is told answer() when it is done.
  [[nodiscard]] std::vector<Request> requests();
  void answer(const Request& request);

  // Octets of mail and envelopes in queue/ and failed/.
  [[nodiscard]] std::uint64_t used() const { return used_; }
  [[nodiscard]] std::optional<std::uint64_t> free_space();
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  Store(Disk& disk, std::string folder);

  Disk& disk_;
  std::string folder_;
  std::unique_ptr<Disk::Lock> lock_;
  std::uint64_t last_id_ = 0;
  std::uint64_t used_ = 0;
};

// A spool as another process sees it, whether or not a daemon works on it: for `smtpseal queue`.
struct Seen {
  Envelope envelope;
  bool is_failed = false;
  bool is_sending = false;
  std::string damage;  // why the envelope cannot be read; then only envelope.id is known
};
[[nodiscard]] base::Result<std::vector<Seen>> look_at(Disk& disk, const std::string& folder);
// Asks the daemon that has the spool. Done once the file is gone again.
[[nodiscard]] base::Result<void> ask(Disk& disk, const std::string& folder, const Request& request);
[[nodiscard]] bool is_answered(Disk& disk, const std::string& folder, const Request& request);

}  // namespace spool
