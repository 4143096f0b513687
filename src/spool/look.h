// A spool as another process sees it, whether or not a daemon works on it: for `smtpseal queue`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "spool/disk.h"
#include "spool/envelope.h"
#include "spool/store.h"

namespace spool {

struct Seen {
  Envelope envelope;
  bool is_failed = false;
  bool is_sending = false;
  std::string damage;  // why it cannot be read or delivered; then envelope.id alone may be known
};

// Oldest first; with an id that one alone, if it is there. None where there is no spool yet.
[[nodiscard]] base::Result<std::vector<Seen>> look_at(Disk& disk, const std::string& folder,
                                                      const std::string& id = "");
// The first octets of its mail, at most `most`.
[[nodiscard]] base::Result<std::string> look_at_mail(Disk& disk, const std::string& folder,
                                                     const Seen& seen, std::size_t most);

// Asks the daemon that has the spool. Done once the file is gone again.
[[nodiscard]] base::Result<void> ask(Disk& disk, const std::string& folder, const Request& request);
[[nodiscard]] base::Result<bool> is_answered(Disk& disk, const std::string& folder,
                                             const Request& request);

}  // namespace spool
