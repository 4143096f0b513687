// What `smtpseal queue` shows: mails of the spool in words and as JSON.
#pragma once

#include <string>
#include <vector>

#include "base/instant.h"
#include "spool/look.h"

namespace app {

// Octets of a mail that `queue show` looks through for its header.
inline constexpr std::size_t kMaxShownHeader = 65536;

// "waiting", "held", "sending" (its end of data may have gone out), "failed", "damaged".
[[nodiscard]] std::string_view state_of(const spool::Seen& mail);

// A table, and a line that sums it up.
[[nodiscard]] std::string format_queue(const std::vector<spool::Seen>& mails, base::WallTime now);
// Everything that is known of one. `beginning`: of the mail, kMaxShownHeader octets at most.
[[nodiscard]] std::string format_mail(const spool::Seen& mail, const std::string& folder,
                                      std::string_view beginning, base::WallTime now);

// contrib/schema/queue.schema.json describes them: an array of mails; one mail with its header;
// an outcome.
[[nodiscard]] std::string format_queue_json(const std::vector<spool::Seen>& mails);
[[nodiscard]] std::string format_mail_json(const spool::Seen& mail, std::string_view beginning);
// What became of what was asked; `id` is empty for all.
[[nodiscard]] std::string format_outcome_json(const std::string& id, const std::string& outcome);

}  // namespace app
