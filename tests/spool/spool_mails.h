// Mails and envelopes for tests of the spool.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spool/envelope.h"

namespace spool {

inline Envelope make_envelope(const std::string& id,
                              const std::vector<std::string>& forward_paths = {
                                  "<admin@example.edu>"}) {
  Envelope envelope;
  envelope.id = id;
  envelope.since = base::WallTime(std::chrono::seconds(1'795'735'200));
  envelope.mail.reverse_path = "<ups@example.edu>";
  for (const std::string& path : forward_paths) {
    Recipient recipient;
    recipient.command.forward_path = path;
    envelope.recipients.push_back(recipient);
  }
  return envelope;
}

// The text of an envelope with the first line of that name replaced, as an editor would.
inline std::string with_line(std::string text, std::string_view name, std::string_view value) {
  const std::string mark = "\n" + std::string(name) + ":";
  const std::size_t at = text.starts_with(mark.substr(1)) ? 0 : text.find(mark) + 1;
  const std::size_t end = text.find('\n', at);
  return text.replace(at, end - at,
                      std::string(name) + ":" + (value.empty() ? "" : " ") + std::string(value));
}

}  // namespace spool
