// What an onlooker hears of an SMTP conversation, cut into exchanges: one mail transaction each,
// with what led to it.
//
// Fed with the bytes of both directions, in plaintext, by whoever stands in the middle (the demo's
// wiretap) or at the end (its smarthost). It never influences what it hears, keeps a bounded part
// of it, and never a password. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/lines.h"
#include "smtp/reply.h"

namespace app {

enum class Speaker {
  client,
  server,
  tls,   // from here on the conversation is encrypted: version and cipher
  note,  // a remark of ours
};

struct SpokenLine {
  Speaker speaker = Speaker::client;
  std::string text;         // as it came, without CRLF; the lines of one reply joined by ", "
  std::uint64_t order = 0;  // comparable over all recorders that share a counter
  bool is_mail_data = false;
  bool is_encrypted = false;
};

struct Exchange {
  std::vector<SpokenLine> lines;
  std::string reverse_path;             // "<a@b>"; empty when no MAIL was heard
  std::vector<std::string> recipients;  // accepted ones
  std::vector<std::string> refusals;    // the replies to the other ones
  std::string verdict;                  // the reply to the end of data; empty when it never came
  unsigned round_trips = 0;             // how often the client waited for the server
  bool has_handshake = false;           // TLS began here

  [[nodiscard]] bool is_accepted() const { return verdict.starts_with('2'); }
  // Whether all that was said of the mail (envelope, data, verdict) was said inside TLS.
  [[nodiscard]] bool is_sealed() const;
};

class Recorder {
 public:
  // `counter`: shared by recorders whose lines are to be put in order. `waits_before`: round trips
  // the client made before the first byte (one for the connection).
  Recorder(std::uint64_t& counter, unsigned waits_before);

  // Bytes of one read, before what they bring about is heard.
  void on_client(std::string_view bytes);
  void on_server(std::string_view bytes);
  // `waits`: round trips of the handshake.
  void on_tls(std::string_view text, unsigned waits);
  void on_note(std::string_view text);
  // Nothing more will come: what there is, is an exchange.
  void on_close();

  [[nodiscard]] std::optional<Exchange> take_finished();
  // One that has begun; what comes later of it is another.
  [[nodiscard]] const Exchange& current() const { return current_; }
  [[nodiscard]] Exchange take_current();

 private:
  enum class Asked { hello, mail, rcpt, data, end_of_data, other };

  void on_client_line(const smtp::Line& line);
  void on_command(std::string_view line);
  void on_data_line(const smtp::Line& line);
  void on_reply(const smtp::Reply& reply);
  void settle(Asked asked, const std::string& text, int code);
  void add(Speaker speaker, std::string_view text, bool is_mail_data = false);
  void close_data();
  void finish();

  std::uint64_t& counter_;
  smtp::LineReader client_lines_;
  smtp::ReplyParser replies_;
  std::deque<Asked> asked_;                // commands without a reply yet
  std::deque<std::string> forward_paths_;  // of the RCPTs among them
  Exchange current_;
  std::deque<Exchange> finished_;
  std::size_t data_lines_ = 0;
  std::string latest_data_line_;  // of those that are not kept
  bool is_receiving_data_ = false;
  bool is_auth_response_due_ = false;
  bool was_bare_ = false;  // the last line of mail data ended in a bare LF
  bool is_encrypted_ = false;
  bool is_client_waiting_ = true;  // for the greeting, then for replies
  bool was_client_heard_ = false;
  bool is_client_unreadable_ = false;  // it speaks TLS where plaintext is expected
};

}  // namespace app
