// A smarthost without a socket: what it is told, what it says to it, and what it finds wrong.
//
// Plain on purpose, and no code is shared with the program: it reads lines, keeps the state RFC
// 5321 asks a server to keep, and queues its replies so that a test can let them go one by one.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace relay {

struct SmarthostScript {
  std::string ehlo =
      "250-u.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE\r\n";
  // Replies by verb ("MAIL", "RCPT", "DATA", "BDAT" for a chunk that is not the last, "RSET",
  // "AUTH", "." for the end of data and for the last chunk), used up in
  // order; "" stands for the usual one, which is what comes when they are used up.
  std::map<std::string, std::deque<std::string>> replies;
  // Said once mail data begins to come, instead of a reply to its end.
  std::string early_verdict;
};

class FakeSmarthost {
 public:
  struct Mail {
    std::string sender;
    std::vector<std::string> recipients;
    std::string content;  // unstuffed
  };

  explicit FakeSmarthost(SmarthostScript script);

  void receive(std::string_view bytes);

  // Replies not let go yet.
  [[nodiscard]] bool has_reply() const { return !replies_.empty(); }
  [[nodiscard]] std::string take_reply();

  [[nodiscard]] const std::vector<Mail>& accepted() const { return accepted_; }
  // What smtpseal did that it must not do.
  [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }
  [[nodiscard]] bool is_transaction_open() const { return is_mail_open_; }
  [[nodiscard]] bool is_authenticated() const { return is_authenticated_; }
  // Nothing is owed either way: every command answered, no mail data under way, no half a line.
  [[nodiscard]] bool is_at_rest() const {
    return replies_.empty() && state_ == State::commands && input_.empty();
  }
  [[nodiscard]] const std::vector<std::string>& commands() const { return commands_; }

 private:
  enum class State { commands, mail_data, swallowing, chunk, auth };

  bool take_line();
  bool take_mail_data();
  bool take_chunk();
  void on_bdat(const std::string& argument);
  void on_command(const std::string& line);
  void on_mail(const std::string& argument);
  void on_rcpt(const std::string& argument);
  void on_data();
  void on_auth_line();
  // The scripted reply, or `usual`; returns whether its code is 2yz or 3yz.
  bool say(const std::string& verb, const std::string& usual);
  void queue(const std::string& verb, const std::string& reply);
  void fault(const std::string& what);

  SmarthostScript script_;
  State state_ = State::commands;
  std::string input_;
  std::deque<std::string> replies_;
  std::string last_verb_;  // of the youngest reply that waits
  std::vector<std::string> commands_;
  std::vector<std::string> faults_;
  bool is_mail_open_ = false;
  bool is_reset_refused_ = false;
  bool is_authenticated_ = false;
  std::size_t chunk_left_ = 0;
  bool is_last_chunk_ = false;
  bool has_chunks_ = false;        // since MAIL
  bool is_chunk_refused_ = false;  // since MAIL
  bool is_refusal_heard_ = false;
  Mail mail_;
  std::vector<Mail> accepted_;
};

}  // namespace relay
