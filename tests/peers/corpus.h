// The mails that every client sends (tests/peers/corpus), and what may become of one on its way.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace support {

// With LF line ends, as it lies in a file and in a maildir.
struct CorpusMail {
  std::string name;  // also in its Message-ID: <NAME@corpus.client.test>
  std::string path;
  std::string text;
  std::vector<std::string> recipients;  // those of its To field
};
// All of them, by name.
[[nodiscard]] const std::vector<CorpusMail>& corpus();
// Those in which no line begins with a dot.
[[nodiscard]] std::vector<CorpusMail> corpus_without_dots();

[[nodiscard]] std::string with_crlf(std::string_view text);
[[nodiscard]] std::string with_lf(std::string_view text);

// What relays put before a mail, and nothing else may be put there.
[[nodiscard]] const std::set<std::string>& trace_fields();

// Empty when `after` is `before`, octet for octet, with nothing but trace fields put before it;
// otherwise what is different, for people. Both with LF line ends.
[[nodiscard]] std::string difference(const std::string& before, const std::string& after);

// As difference(), for programs that write header fields anew on purpose: bodies are compared octet
// for octet, fields in their order with folding taken out, names in any case.
[[nodiscard]] std::string difference_unfolded(const std::string& before, const std::string& after);

}  // namespace support
