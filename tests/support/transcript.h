// Conversations in files, to be replayed against sessions without any I/O.
//
// A transcript is text, a line a step:
//
//   # a comment
//   @ syntax = strict           a setting of what is played
//   C: MAIL FROM:<a@b>          bytes on channel C, CRLF is added
//   C~ MAIL FR\x00              bytes on channel C as they stand, nothing is added
//   E: mail <a@b>               a line on channel E
//
// Text may hold \r \n \t \\ \xHH, and {N*c} for N times the character c. Which channels there are,
// and which of them are fed, done or looked at, is the Stage's affair. Lines that are looked at
// come in groups; a group says everything that came out since the group before it, so nothing a
// session says or does can stay unseen. The order between two channels of one group is not told.
//
// A replay feeds neighbouring lines of one channel as one block, or in pieces of some octets: what
// comes out must be the same.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace support {

struct TranscriptLine {
  std::size_t number = 0;  // in the file, from 1
  std::string channel;
  std::string text;  // escapes resolved; with CRLF where the line ended in ':' and was fed bytes
  bool is_whole = true;  // written with ':', not '~'
};

struct Transcript {
  std::string name;
  std::map<std::string, std::string> settings;
  std::vector<TranscriptLine> lines;
  std::vector<std::string> faults;  // of the file itself

  [[nodiscard]] std::string setting(const std::string& key, const std::string& otherwise) const;
};

[[nodiscard]] Transcript parse_transcript(std::string name, std::string_view text);
[[nodiscard]] Transcript load_transcript(const std::filesystem::path& path);
// Every *.smtp of a folder, sorted by name.
[[nodiscard]] std::vector<std::filesystem::path> transcripts_in(
    const std::filesystem::path& folder);

// What a transcript is played on.
class Stage {
 public:
  enum class Use {
    unknown,
    feed,  // bytes arrive
    act,   // something is done, once a line
    look,  // bytes came out: compared as one string
    list,  // lines came out: compared one by one
  };

  virtual ~Stage() = default;
  [[nodiscard]] virtual Use use_of(const std::string& channel) const = 0;
  [[nodiscard]] virtual std::vector<std::string> outputs() const = 0;
  virtual void feed(const std::string& channel, std::string_view bytes) = 0;
  // Returns what is wrong with the line; empty when nothing is.
  virtual std::string act(const std::string& channel, const std::string& text) = 0;
  // What came out on an output channel since the last call.
  virtual std::vector<std::string> take(const std::string& channel) = 0;
};

// Plays it, feeding `step` octets at a time (0: whole blocks). Returns what was not as written, as
// `NAME:LINE: message`.
[[nodiscard]] std::vector<std::string> replay(const Transcript& transcript, Stage& stage,
                                              std::size_t step);

// Bytes as they stand in a transcript.
[[nodiscard]] std::string escaped(std::string_view bytes);

}  // namespace support
