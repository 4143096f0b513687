// A mail of the spool as `smtpseal queue` sees it.
#pragma once

#include <chrono>
#include <string>

#include "spool/look.h"

namespace app {

inline const base::WallTime kQueueSince{std::chrono::seconds(1'795'735'200)};
inline const base::WallTime kQueueNow = kQueueSince + std::chrono::hours(3);

// Three recipients, one of each outcome.
inline spool::Seen seen_mail(const std::string& id) {
  const auto recipient = [](const char* path, spool::Outcome outcome, const char* reply) {
    spool::Recipient one;
    one.command.forward_path = path;
    one.outcome = outcome;
    one.reply = reply;
    return one;
  };
  spool::Seen seen;
  spool::Envelope& envelope = seen.envelope;
  envelope.id = id;
  envelope.since = kQueueSince;
  envelope.client = "127.0.0.1 8f3a";
  envelope.mail.reverse_path = "<ups@example.edu>";
  envelope.recipients = {recipient("<a@example.edu>", spool::Outcome::delivered, "250 2.1.5 taken"),
                         recipient("<b@example.edu>", spool::Outcome::failed, "550 5.1.1 unknown"),
                         recipient("<c@example.edu>", spool::Outcome::pending, "450 4.2.1 busy")};
  envelope.size = 1204;
  envelope.attempts = 4;
  envelope.last_error = "450 4.2.1 busy";
  return seen;
}

}  // namespace app
