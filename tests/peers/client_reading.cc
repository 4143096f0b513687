// See client_reading.h.
#include "peers/client_reading.h"

#include <optional>

namespace support {

namespace {

constexpr std::string_view kCrLf = "\r\n";

class Reading {
 public:
  Reading(std::string_view bytes, bool is_chunking_offered)
      : rest_(bytes), is_chunking_offered_(is_chunking_offered) {}

  Meaning run() {
    while (!meaning_.is_closed) {
      const std::size_t end = rest_.find('\n');
      if (end == std::string_view::npos) break;
      std::string_view line = rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      command(line);
    }
    return std::move(meaning_);
  }

 private:
  struct Transaction {
    ClientMail mail;
    std::string chunks;
    bool is_chunked = false;
  };

  void say(char digit) { meaning_.replies += digit; }
  void close() { meaning_.is_closed = true; }

  void command(std::string_view line) {
    if (line.find_first_of(std::string_view("\r\0", 2)) != std::string_view::npos) return say('5');
    if (line.starts_with("MAIL FROM:<")) return on_mail(address_in(line));
    if (line.starts_with("RCPT TO:<")) return on_rcpt(address_in(line));
    if (line == "DATA") return on_data();
    if (line.starts_with("BDAT ")) return on_chunk(line.substr(5));
    if (line == "RSET" || line == "EHLO client.test") {
      open_.reset();
      has_failed_chunk_ = false;
      return say('2');
    }
    if (line == "NOOP") return say('2');
    if (line == "QUIT" || is_header_field(line)) close();
    say(line == "QUIT" ? '2' : '5');
  }

  // Of a client that takes itself to be inside its mail data.
  static bool is_header_field(std::string_view line) {
    const std::size_t name =
        line.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-");
    return name != 0 && name != std::string_view::npos && line[name] == ':';
  }

  std::string address_in(std::string_view line) {
    const std::size_t begin = line.find('<') + 1;
    return meaning_.addresses.emplace_back(line.substr(begin, line.find('>') - begin));
  }

  void on_mail(std::string sender) {
    if (open_) return say('5');
    has_failed_chunk_ = false;
    open_.emplace().mail.sender = std::move(sender);
    say('2');
  }

  void on_rcpt(std::string recipient) {
    if (!open_ || open_->is_chunked) return say('5');
    open_->mail.recipients.push_back(std::move(recipient));
    say('2');
  }

  void on_data() {
    if (!open_ || open_->mail.recipients.empty() || open_->is_chunked) {
      // What stands behind it may be mail data, and is nothing else ever.
      say('5');
      if (!rest_.empty()) close();
      return;
    }
    say('3');
    // The dot may stand on the first line.
    const bool is_empty = rest_.starts_with(".\r\n");
    const std::size_t end = is_empty ? 0 : rest_.find("\r\n.\r\n");
    if (end == std::string_view::npos) return close();
    const std::string_view data = is_empty ? "" : rest_.substr(0, end + 2);
    rest_.remove_prefix(is_empty ? 3 : end + 5);
    finish(data, meaning_of_data(data));
  }

  void on_chunk(std::string_view argument) {
    const std::size_t digits = argument.find_first_not_of("0123456789");
    const std::string_view marker = digits == std::string_view::npos ? "" : argument.substr(digits);
    if (!is_chunking_offered_ || digits == 0 || (!marker.empty() && marker != " LAST")) {
      say('5');
      return close();
    }
    const std::size_t size = std::stoul(std::string(argument.substr(0, digits)));
    if (size > rest_.size()) return close();
    const std::string_view chunk = rest_.substr(0, size);
    rest_.remove_prefix(size);
    const bool is_open = open_ && !open_->mail.recipients.empty() && !has_failed_chunk_;
    if (!is_open || chunk.find('\0') != std::string_view::npos) {
      open_.reset();
      has_failed_chunk_ = true;
      return say('5');
    }
    open_->is_chunked = true;
    open_->chunks += chunk;
    if (marker.empty()) return say('2');
    const std::string all = std::move(open_->chunks);
    finish(all, with_lf_ends(all));
  }

  void finish(std::string_view data, std::string text) {
    if (data.find('\0') != std::string_view::npos) {
      say('5');
    } else {
      open_->mail.text = std::move(text);
      meaning_.mails.push_back(std::move(open_->mail));
      say('2');
    }
    open_.reset();
  }

  std::string_view rest_;
  bool is_chunking_offered_;
  std::optional<Transaction> open_;
  bool has_failed_chunk_ = false;
  Meaning meaning_;
};

}  // namespace

std::string with_lf_ends(std::string_view data) {
  std::string out;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i] == '\r') {
      out += '\n';
      if (data.substr(i).starts_with(kCrLf)) ++i;
    } else {
      out += data[i];
    }
  }
  return out;
}

std::string meaning_of_data(std::string_view data) {
  std::string unstuffed;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const bool is_line_start = i == 0 || data.substr(0, i).ends_with(kCrLf);
    // A dot that is all of its line, whatever ends it, is no stuffing.
    const bool is_alone = i + 1 < data.size() && (data[i + 1] == '\r' || data[i + 1] == '\n');
    if (data[i] == '.' && is_line_start && !is_alone) continue;
    // Behind half a line end one of two dots is.
    const bool is_half_start =
        i > 0 && !is_line_start && (data[i - 1] == '\r' || data[i - 1] == '\n');
    if (is_half_start && data.substr(i).starts_with("..")) continue;
    unstuffed += data[i];
  }
  return with_lf_ends(unstuffed);
}

Meaning read_client(std::string_view bytes, bool is_chunking_offered) {
  return Reading(bytes, is_chunking_offered).run();
}

}  // namespace support
