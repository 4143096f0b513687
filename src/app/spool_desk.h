// Where a loop's clients hand in mail for the spool: the side of the spool that faces clients.
//
// The disk is another thread's business; nothing here blocks. What a client says is kept in memory
// while it is small, and goes to a file of the spool's beyond that, neither synced nor promised to
// anybody until publish().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "spool/envelope.h"

namespace app {

// Who hands in a mail. Called on the loop's thread, on a later turn than the call that led to it.
class KeptMailEvents {
 public:
  // It is durable, under this id: 250 may be said.
  virtual void on_published(const std::string& id) = 0;
  // It is not, and gone: Fault::busy when the spool is full, Fault::storage for disk trouble.
  virtual void on_publish_failed(const base::Error& error) = 0;
  // queued() has become small.
  virtual void on_kept() = 0;

 protected:
  ~KeptMailEvents() = default;
};

// One mail that is being received. Destroyed before publish(), it is gone; after it, nobody is told
// how that ends, but it still may end well (the client did not hear 250: it may send it again).
class KeptMail {
 public:
  virtual ~KeptMail() = default;
  virtual void append(std::string_view bytes) = 0;
  // Octets that wait for the disk: read no more from the client above SmarthostLink::kHighWater.
  [[nodiscard]] virtual std::size_t queued() const = 0;
  // Trouble so far: it cannot be published any more.
  [[nodiscard]] virtual std::optional<base::Error> trouble() const = 0;
  // Everything in `envelope` but id, since, size and checksum is the caller's to say.
  // on_published or on_publish_failed follows, once.
  virtual void publish(spool::Envelope envelope) = 0;
};

class SpoolDesk {
 public:
  // Why a mail of this size (0: not known) cannot be taken now; cheap, from what was known last.
  // Fault::busy: the spool is full (452 4.3.1).
  [[nodiscard]] virtual std::optional<base::Error> why_full(std::uint64_t size) const = 0;
  [[nodiscard]] virtual std::unique_ptr<KeptMail> keep(KeptMailEvents& events) = 0;
  // A connection to this smarthost section could be opened: what waits for it is tried at once.
  virtual void smarthost_reached(const std::string& section) = 0;

 protected:
  ~SpoolDesk() = default;
};

}  // namespace app
