// See strict_judge.h.
//
// Two readings: of the raw octets (what was in the clear, whether all the rest is TLS records), and
// of the conversation, command by command with the replies the smarthost gave to them.
#include "support/strict_judge.h"

#include <algorithm>
#include <cctype>
#include <deque>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace support {

namespace {

// RFC 5321 4.5.3.1.4, and what extensions add to it.
constexpr std::size_t kCommandLine = 512;
constexpr std::size_t kMailExtra = 26 + 17 + 10 + 500;  // RFC 1870, 6152, 6531, 3461 and 4954
constexpr std::size_t kRcptExtra = 500;                 // RFC 3461
constexpr std::size_t kAuthLine = 12288;                // RFC 4954 4

constexpr std::size_t kEnoughFindings = 10;
constexpr std::size_t kLongestTlsRecord = 16384 + 2048;  // RFC 5246 6.2.3

std::string shown(std::string_view bytes) {
  std::string out = "\"";
  for (const char c : bytes.substr(0, 120)) {
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c >= ' ' && c <= '~' ? c : '?';
    }
  }
  return out + "\"";
}

using Findings = std::vector<std::string>;

// O3: an eavesdropper sees our own EHLO and STARTTLS and then nothing but TLS records.
void judge_wire(const ConnectionRecord& record, const JudgeOptions& options, Findings& out) {
  const std::string ehlo = "EHLO " + options.ehlo_name + "\r\n";
  const std::string helo = "HELO " + options.ehlo_name + "\r\n";
  const std::string clear = record.clear();
  static const std::string kStartTls = "STARTTLS\r\n";
  static const std::string kQuit = "QUIT\r\n";
  const std::set<std::string> allowed = record.is_implicit_tls
                                            ? std::set<std::string>{""}
                                            : std::set<std::string>{"",
                                                                    ehlo,
                                                                    ehlo + kQuit,
                                                                    kQuit,
                                                                    ehlo + kStartTls,
                                                                    ehlo + kStartTls + kQuit,
                                                                    ehlo + helo,
                                                                    ehlo + helo + kQuit};
  if (!allowed.contains(clear)) {
    out.push_back("in the clear: " + shown(clear));
  }
  const std::string_view sealed = std::string_view(record.raw).substr(record.clear_size);
  for (std::size_t at = 0; at + 5 <= sealed.size();) {
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(sealed[at + i]); };
    const std::size_t length = octet(3) * 256u + octet(4);
    if (octet(0) < 20 || octet(0) > 23 || octet(1) != 3 || length > kLongestTlsRecord) {
      out.push_back("octets that are no TLS record at " + std::to_string(at) + ": " +
                    shown(sealed.substr(at)));
      return;
    }
    at += 5 + length;
  }
}

class Conversation {
 public:
  Conversation(const JudgeOptions& options, Findings& out) : options_(options), out_(out) {}

  // A new start: the greeting, or TLS (RFC 3207 4.2: everything is forgotten).
  void restart(bool is_greeted) {
    input_.clear();
    at_ = 0;
    replies_.clear();
    awaited_.clear();
    if (!is_greeted) awaited_.push_back("greeting");
    state_ = State::commands;
    is_pipelining_ = is_chunking_ = has_hello_ = false;
    has_mail_ = has_rcpt_ = has_early_verdict_ = false;
  }

  void received(std::string_view bytes) {
    input_.erase(0, at_);
    at_ = 0;
    input_ += bytes;
    while (out_.size() < kEnoughFindings && read_one()) {
    }
  }

  void sent(std::string_view bytes) {
    replies_ += bytes;
    for (std::size_t end; (end = replies_.find('\n')) != std::string::npos;) {
      std::string line = replies_.substr(0, end);
      replies_.erase(0, end + 1);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      note_extension(line);
      if (line.size() < 4 || line[3] != '-') on_reply(line);
    }
  }

 private:
  enum class State { commands, data_asked, data, chunk, auth };

  void find(const std::string& what) { out_.push_back(what); }

  // The next line with its end, taken off the input; nothing when there is no whole one.
  std::optional<std::string_view> take_line() {
    const std::size_t end = input_.find('\n', at_);
    if (end == std::string::npos) return std::nullopt;
    const std::string_view line = std::string_view(input_).substr(at_, end + 1 - at_);
    at_ = end + 1;
    return line;
  }
  [[nodiscard]] std::string_view rest() const { return std::string_view(input_).substr(at_); }

  bool read_one() {
    if (state_ == State::data) return read_data();
    if (state_ == State::chunk) return read_chunk();
    if (state_ == State::data_asked && !rest().empty()) {
      find("octets after DATA, before its reply: " + shown(rest()));
      at_ = input_.size();
      return false;
    }
    if (const auto line = take_line()) {
      judge_line(std::string(*line));
      return true;
    }
    if (rest().size() > kAuthLine) find("an endless line: " + shown(rest()));
    return false;
  }

  bool read_chunk() {
    const std::size_t count = std::min(chunk_left_, rest().size());
    at_ += count;
    chunk_left_ -= count;
    if (chunk_left_ > 0) return false;
    state_ = State::commands;
    return true;
  }

  void judge_chunk(const std::string& text) {
    if (!is_chunking_) find("BDAT although it is not offered");
    if (!has_mail_ || !has_rcpt_) find("BDAT without an accepted recipient");
    const std::string argument = text.substr(text.find(' ') + 1);
    const std::string digits = argument.substr(0, argument.find(' '));
    const bool is_number =
        !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos;
    if (!is_number || (argument != digits && argument != digits + " LAST")) {
      find("not a BDAT command: " + shown(text));
      return;
    }
    chunk_left_ = std::stoul(digits);
    state_ = State::chunk;
    if (argument != digits) awaited_.back() = "LAST";
  }

  void judge_line(const std::string& line) {
    if (line.size() < 2 || line[line.size() - 2] != '\r') {
      find("a command that ends in a bare LF: " + shown(line));
      return;
    }
    const std::string text = line.substr(0, line.size() - 2);
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < ' ' || c == 127) {
        find("a control character in a command: " + shown(line));
        return;
      }
    }
    if (state_ == State::auth) {
      if (line.size() > kAuthLine) find("an AUTH line that is too long");
      awaited_.push_back("AUTH");
      state_ = State::commands;
      return;
    }
    judge_command(text, line.size());
  }

  void judge_command(const std::string& text, std::size_t size) {
    const std::string verb = text.substr(0, text.find(' '));
    std::size_t limit = kCommandLine;
    if (verb == "MAIL") limit += kMailExtra;
    if (verb == "RCPT") limit += kRcptExtra;
    if (verb == "AUTH") limit = kAuthLine;
    if (size > limit) find("a command line of " + std::to_string(size) + " octets: " + shown(text));
    judge_grouping(verb);
    awaited_.push_back(verb);
    if (verb == "EHLO" || verb == "HELO") {
      if (!is_name_allowed(text.substr(verb.size()))) find("another name of ours: " + shown(text));
      has_hello_ = true;
      is_pipelining_ = is_chunking_ = false;
      has_mail_ = has_rcpt_ = false;
    } else if (verb == "MAIL") {
      if (!has_hello_) find("MAIL before EHLO");
      if (has_mail_) find("MAIL inside a transaction: " + shown(text));
      if (!text.starts_with("MAIL FROM:<")) find("not a MAIL command: " + shown(text));
      has_mail_ = true;
    } else if (verb == "RCPT") {
      if (!has_mail_) find("RCPT without MAIL");
      if (!text.starts_with("RCPT TO:<")) find("not a RCPT command: " + shown(text));
    } else if (verb == "DATA") {
      if (!has_mail_ || !has_rcpt_) find("DATA without an accepted recipient");
      if (text != "DATA") find("DATA with an argument");
      state_ = State::data_asked;
    } else if (verb == "BDAT") {
      judge_chunk(text);
    } else if (verb == "RSET" || verb == "QUIT" || verb == "NOOP" || verb == "STARTTLS") {
      if (text != verb) find(verb + " with an argument");
      if (verb == "RSET") has_mail_ = has_rcpt_ = false;
    } else if (verb != "AUTH") {
      find("not one of our commands: " + shown(text));
    }
  }

  // What stands in the clear, judge_wire() sees.
  [[nodiscard]] bool is_name_allowed(const std::string& argument) const {
    if (argument == " " + options_.ehlo_name) return true;
    const std::vector<std::string>& others = options_.client_names;
    return std::any_of(others.begin(), others.end(),
                       [&](const std::string& name) { return argument == " " + name; });
  }

  // RFC 2920 3.1: what may follow a command that is not answered yet.
  void judge_grouping(const std::string& verb) {
    if (awaited_.empty()) return;
    if (!is_pipelining_ && verb != "QUIT") {
      find(verb + " before the reply to " + awaited_.back() + ", without PIPELINING");
    }
    for (const std::string& each : awaited_) {
      // RFC 3030 4.2: behind BDAT only BDAT.
      const bool is_chunk = each == "BDAT" && verb == "BDAT";
      if (each != "MAIL" && each != "RCPT" && each != "RSET" && !is_chunk) {
        find(verb + " before the reply to " + each);
        return;
      }
    }
  }

  // RFC 5321 4.1.1.4, 4.5.2: lines ended by CRLF, a leading dot doubled, a lone dot the end.
  bool read_data() {
    const auto taken = take_line();
    if (!taken) return read_partial_line();
    const std::string_view line = *taken;
    judge_data(line);
    if (line.size() < 2 || line[line.size() - 2] != '\r') {
      find("a bare LF in mail data: " + shown(line));
    }
    if (!is_line_begun_ && line == ".\r\n") {
      state_ = State::commands;
      if (std::exchange(has_early_verdict_, false)) {
        has_mail_ = has_rcpt_ = false;
      } else {
        awaited_.push_back("end of data");
      }
    } else if (!is_line_begun_ && line.front() == '.' && !line.starts_with("..")) {
      find("a leading dot that was not doubled: " + shown(line));
    }
    is_line_begun_ = false;
    return true;
  }

  // A line that goes on for long is not kept until its end. What may matter for the end stays: a
  // CR, and the first octets of a line.
  bool read_partial_line() {
    constexpr std::size_t kKept = 3;
    if (rest().size() > kKept) {
      if (!is_line_begun_ && rest().front() == '.' && !rest().starts_with("..")) {
        find("a leading dot that was not doubled: " + shown(rest()));
      }
      judge_data(rest());
      at_ = input_.size() - (input_.back() == '\r' ? 1 : 0);
      is_line_begun_ = true;
    }
    return false;
  }

  void judge_data(std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] == '\0') return find("a NUL in mail data");
      if (bytes[i] == '\r' && i + 1 < bytes.size() && bytes[i + 1] != '\n') {
        return find("a bare CR in mail data: " + shown(bytes.substr(i)));
      }
    }
  }

  void note_extension(const std::string& line) {
    if (awaited_.empty() || awaited_.front() != "EHLO" || line.size() < 4) return;
    std::string keyword = line.substr(4);
    for (char& c : keyword) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (keyword == "PIPELINING") is_pipelining_ = true;
    if (keyword == "CHUNKING") is_chunking_ = true;
  }

  void on_reply(const std::string& line) {
    if (awaited_.empty()) {
      // The smarthost misbehaves; that is the test's business. Whether its verdict came before the
      // end of the mail data or crossed it on the way cannot be seen from the other side.
      has_early_verdict_ = state_ == State::data;
      return;
    }
    const std::string what = awaited_.front();
    awaited_.pop_front();
    const char kind = line.empty() ? '?' : line[0];
    if (what == "RCPT") {
      has_rcpt_ = has_rcpt_ || kind == '2';
    } else if (what == "MAIL") {
      if (kind != '2') is_mail_refused_ = true;
      // A refused MAIL opens no transaction, but RCPTs in the same group are on their way.
      if (kind != '2' && awaited_.empty()) has_mail_ = false;
    } else if (what == "DATA") {
      state_ = line.starts_with("354") ? State::data : State::commands;
      is_line_begun_ = false;
    } else if (what == "end of data" || (what == "LAST" && kind == '2')) {
      has_mail_ = has_rcpt_ = false;  // what a refused BDAT leaves behind needs RSET
    } else if (what == "AUTH" && line.starts_with("334")) {
      state_ = State::auth;
    }
    if (is_mail_refused_ && awaited_.empty()) {
      is_mail_refused_ = false;
      if (!has_rcpt_) has_mail_ = false;
    }
  }

  const JudgeOptions& options_;
  Findings& out_;
  State state_ = State::commands;
  std::string input_;
  std::size_t at_ = 0;  // what of it was read
  std::string replies_;
  std::deque<std::string> awaited_;
  bool is_pipelining_ = false;
  bool is_chunking_ = false;
  std::size_t chunk_left_ = 0;
  bool has_hello_ = false;
  bool has_mail_ = false;
  bool has_rcpt_ = false;
  bool is_mail_refused_ = false;
  bool has_early_verdict_ = false;
  bool is_line_begun_ = false;  // part of the current line of mail data was consumed already
};

}  // namespace

std::vector<std::string> judge(const ConnectionRecord& record, const JudgeOptions& options) {
  Findings out;
  if (!options.is_clear_allowed) judge_wire(record, options, out);
  Conversation conversation(options, out);
  conversation.restart(false);
  bool is_sealed = false;
  for (const Exchange& each : record.exchanges) {
    if (each.is_sealed && !is_sealed) conversation.restart(!record.is_implicit_tls);
    is_sealed = each.is_sealed;
    if (each.is_received) {
      conversation.received(each.bytes);
    } else {
      conversation.sent(each.bytes);
    }
  }
  for (std::string& each : out) {
    each = "connection " + std::to_string(record.number) + ": " + each;
  }
  return out;
}

}  // namespace support
