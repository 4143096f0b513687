// What the disk's thread and the loops tell each other about mails of the spool: values only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "relay/spool_policy.h"
#include "spool/envelope.h"

namespace app {

// The number that a mail's id is, and back.
using SpoolId = relay::SpoolSchedule::Id;
[[nodiscard]] SpoolId number_of(const std::string& id);
[[nodiscard]] std::string id_of(SpoolId number);

// Octets of a mail that are read at once and wait in memory.
inline constexpr std::size_t kSpoolPiece = 128 * 1024;

// A mail for a loop to deliver, once.
struct SpoolJob {
  spool::Envelope envelope;
  std::string beginning;   // its first octets, at most kSpoolPiece
  bool is_marked = false;  // Store::begin_sending was called for it
};

// What came of that.
struct SpoolAttempt {
  struct Answer {  // about a recipient; no reply: nothing was said
    spool::Outcome outcome = spool::Outcome::pending;
    std::string reply;
  };

  std::string id;
  std::vector<Answer> answers;  // one for each recipient of the envelope
  // For those that are still to be tried.
  relay::SpoolSchedule::Ending ending = relay::SpoolSchedule::Ending::not_tried;
  bool is_answered = false;  // the smarthost said what it had to say about this mail
  bool is_in_doubt = false;  // it may have taken it although it did not say so
  std::string trouble;       // why it was not delivered, in one line
  std::string host;          // of the smarthost, that was spoken to
  std::string connection;    // "c00001"
  long long milliseconds = 0;
};

// A loop as the disk's thread sees it. Every call is a message, which returns at once and arrives
// on the loop's thread on a later turn, after those before it.
class SpoolSeat {
 public:
  virtual void deliver(SpoolJob job) = 0;
  // The next octets of a mail under way; none at its end. An error: it cannot be read, or is not
  // what was accepted.
  virtual void give(std::string id, base::Result<std::string> octets) = 0;
  // begin_sending() was called, or could not be.
  virtual void marked(std::string id, base::Result<void> result) = 0;
  // Of a mail that is being received: so many octets are in its file, or it cannot be kept.
  virtual void kept(std::uint64_t key, base::Result<std::size_t> octets) = 0;
  // It is durable, under this id, or gone.
  virtual void published(std::uint64_t key, base::Result<std::string> id) = 0;
  // Nothing more will come.
  virtual void left() = 0;

 protected:
  ~SpoolSeat() = default;
};

}  // namespace app
