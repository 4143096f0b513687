// See connection_record.h.
#include "support/connection_record.h"

#include "support/patience.h"

namespace support {

namespace {

// Where the first header field ends, folded lines included.
std::size_t end_of_first_field(const std::string& data) {
  if (!data.starts_with("Received: ")) throw Failure("the mail has no trace line: " + data);
  std::size_t at = 0;
  do {
    const std::size_t end = data.find("\r\n", at);
    if (end == std::string::npos) throw Failure("the trace line does not end: " + data);
    at = end + 2;
  } while (at < data.size() && (data[at] == ' ' || data[at] == '\t'));
  return at;
}

}  // namespace

std::string StoredMail::without_trace() const { return data.substr(end_of_first_field(data)); }

std::string StoredMail::trace() const {
  std::string line;
  const std::string field = data.substr(0, end_of_first_field(data));
  for (const char c : field) {
    if (c != '\r' && c != '\n') line += c == '\t' ? ' ' : c;
  }
  return line;
}

}  // namespace support
