// See sink_session.h.
#include "bench/sink_session.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include <strings.h>

namespace bench {
namespace {

constexpr std::size_t kMaxLine = 4096;
constexpr std::size_t kMaxHead = 4096;     // Received lines stand before the id
constexpr std::size_t kEndOfDataTail = 4;  // of CRLF.CRLF, all that may be kept back
constexpr std::string_view kIdHeader = "\r\nMessage-ID: <";

bool begins_with(std::string_view line, std::string_view word) {
  return line.size() >= word.size() && strncasecmp(line.data(), word.data(), word.size()) == 0;
}

std::uint64_t number_in(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

SinkSession::SinkSession(Counters& counters) : counters_(counters) {
  replies_ = "220 sink.test ESMTP\r\n";
}

std::size_t SinkSession::receive(std::string_view bytes) {
  std::size_t taken = 0;
  while (next_ == Next::more && taken < bytes.size()) {
    const std::string_view rest = bytes.substr(taken);
    std::size_t step = 0;
    switch (mode_) {
      case Mode::command: step = take_command(rest); break;
      case Mode::data: step = take_data(rest); break;
      case Mode::chunk: step = take_chunk(rest); break;
    }
    if (step == 0) break;
    taken += step;
  }
  return taken;
}

void SinkSession::begin_sealed() {
  reset();
  is_sealed_ = true;
  next_ = Next::more;
}

std::string SinkSession::take_replies() { return std::exchange(replies_, {}); }

std::size_t SinkSession::take_command(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos) {
    if (bytes.size() > kMaxLine) next_ = Next::close;
    return 0;
  }
  std::string_view line = bytes.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  on_command(line);
  return end + 1;
}

void SinkSession::on_command(std::string_view line) {
  if (begins_with(line, "EHLO")) {
    reset();
    replies_ += "250-sink.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n";
    if (!is_sealed_) replies_ += "250-STARTTLS\r\n";
    replies_ += "250-ENHANCEDSTATUSCODES\r\n250 CHUNKING\r\n";
  } else if (begins_with(line, "MAIL FROM:")) {
    has_sender_ = true;
    replies_ += "250 2.1.0 Ok\r\n";
  } else if (begins_with(line, "RCPT TO:") && has_sender_) {
    ++recipients_;
    replies_ += "250 2.1.5 Ok\r\n";
  } else if (begins_with(line, "DATA")) {
    begin_data();
  } else if (begins_with(line, "BDAT ")) {
    begin_chunk(line.substr(5));
  } else if (begins_with(line, "STARTTLS") && !is_sealed_) {
    replies_ += "220 2.0.0 Go ahead\r\n";
    next_ = Next::start_tls;
  } else if (begins_with(line, "QUIT")) {
    replies_ += "221 2.0.0 Bye\r\n";
    next_ = Next::close;
  } else if (begins_with(line, "RSET") || begins_with(line, "HELO")) {
    reset();
    replies_ += "250 2.0.0 Ok\r\n";
  } else if (begins_with(line, "NOOP")) {
    replies_ += "250 2.0.0 Ok\r\n";
  } else {
    replies_ += "503 5.5.1 Not now\r\n";
  }
}

void SinkSession::begin_data() {
  if (recipients_ == 0) {
    replies_ += "503 5.5.1 No recipients\r\n";
    return;
  }
  replies_ += "354 Go ahead\r\n";
  mode_ = Mode::data;
  is_line_start_ = true;
}

// RFC 3030 2: the octets follow the command whether it is welcome or not.
void SinkSession::begin_chunk(std::string_view argument) {
  chunk_left_ = number_in(argument);
  is_last_chunk_ = argument.find("LAST") != std::string_view::npos ||
                   argument.find("last") != std::string_view::npos;
  mode_ = Mode::chunk;
  if (chunk_left_ == 0) (void)take_chunk({});
}

std::size_t SinkSession::take_chunk(std::string_view bytes) {
  const std::size_t size = std::min<std::uint64_t>(bytes.size(), chunk_left_);
  keep(bytes.substr(0, size));
  chunk_left_ -= size;
  if (chunk_left_ > 0) return size;
  mode_ = Mode::command;
  if (recipients_ == 0) {
    replies_ += "503 5.5.1 No recipients\r\n";
  } else if (is_last_chunk_) {
    end_message();
  } else {
    replies_ += "250 2.0.0 Chunk taken\r\n";
  }
  return size;
}

// RFC 5321 4.1.1.4: a dot alone on its line ends mail data.
std::size_t SinkSession::take_data(std::string_view bytes) {
  for (std::size_t dot = bytes.find('.'); dot != std::string_view::npos;
       dot = bytes.find('.', dot + 1)) {
    const bool begins_line =
        dot == 0 ? is_line_start_ : dot >= 2 && bytes.substr(dot - 2, 2) == "\r\n";
    if (!begins_line || bytes.substr(dot + 1, 2) != "\r\n") continue;
    keep(bytes.substr(0, dot));
    mode_ = Mode::command;
    end_message();
    return dot + 3;
  }
  if (bytes.size() <= kEndOfDataTail) return 0;
  const std::size_t sure = bytes.size() - kEndOfDataTail;
  keep(bytes.substr(0, sure));
  is_line_start_ = false;
  return sure;
}

void SinkSession::keep(std::string_view mail_data) {
  counters_.bytes += mail_data.size();
  if (head_.size() < kMaxHead) head_ += mail_data.substr(0, kMaxHead - head_.size());
}

void SinkSession::end_message() {
  ++counters_.messages;
  if (!is_sealed_) ++counters_.plaintext_messages;
  const std::size_t header = head_.find(kIdHeader);
  if (header != std::string::npos) {
    const std::uint64_t id = number_in(std::string_view(head_).substr(header + kIdHeader.size()));
    if (!counters_.ids.insert(id).second) ++counters_.duplicates;
  }
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  counters_.last_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  replies_ += "250 2.0.0 Ok: message " + std::to_string(counters_.messages) + "\r\n";
  reset();
}

void SinkSession::reset() {
  has_sender_ = false;
  recipients_ = 0;
  head_.clear();
}

}  // namespace bench
