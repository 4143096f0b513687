// What the sink says to one connection: an ESMTP server that accepts everything, and counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

namespace bench {

// Of all connections since the sink was started.
struct Counters {
  std::uint64_t connections = 0;
  std::uint64_t full_handshakes = 0;
  std::uint64_t resumed_handshakes = 0;
  std::uint64_t failed_handshakes = 0;
  std::uint64_t messages = 0;
  std::uint64_t plaintext_messages = 0;
  std::uint64_t duplicates = 0;  // a message id that had been seen
  std::uint64_t bytes = 0;       // of mail data
  std::int64_t last_ns = 0;      // when the last message was complete, on the steady clock
  std::unordered_set<std::uint64_t> ids;
};

class SinkSession {
 public:
  enum class Next { more, start_tls, close };

  explicit SinkSession(Counters& counters);

  // Takes what it can of `bytes` and returns how much that was; the rest comes again with more
  // behind it. After start_tls or close nothing is taken.
  [[nodiscard]] std::size_t receive(std::string_view bytes);
  [[nodiscard]] Next next() const { return next_; }
  // TLS is established: the conversation begins anew (RFC 3207 4.2).
  void begin_sealed();
  [[nodiscard]] std::string take_replies();

 private:
  enum class Mode { command, data, chunk };

  [[nodiscard]] std::size_t take_command(std::string_view bytes);
  [[nodiscard]] std::size_t take_data(std::string_view bytes);
  [[nodiscard]] std::size_t take_chunk(std::string_view bytes);
  void on_command(std::string_view line);
  void begin_data();
  void begin_chunk(std::string_view argument);
  void keep(std::string_view mail_data);
  void end_message();
  void reset();

  Counters& counters_;
  Mode mode_ = Mode::command;
  Next next_ = Next::more;
  bool is_sealed_ = false;
  std::string replies_;
  bool has_sender_ = false;
  int recipients_ = 0;
  bool is_line_start_ = false;    // nothing of the mail data was taken yet
  std::uint64_t chunk_left_ = 0;  // bytes of this BDAT still to come
  bool is_last_chunk_ = false;
  std::string head_;  // the beginning of the message, for its id
};

}  // namespace bench
