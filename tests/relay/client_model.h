// A second opinion on what the bytes of a client mean, written for plainness and sharing no code
// with the program: which mails they are, and the code of every reply, given a smarthost that says
// yes to everything.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay {

class ClientModel {
 public:
  struct Mail {
    std::string sender;
    std::vector<std::string> recipients;
    std::string content;

    friend bool operator==(const Mail&, const Mail&) = default;
  };

  explicit ClientModel(bool is_chunking_offered) : is_chunking_(is_chunking_offered) {}

  void receive(std::string_view bytes);

  [[nodiscard]] const std::vector<Mail>& mails() const { return mails_; }
  [[nodiscard]] const std::vector<int>& codes() const { return codes_; }
  // "MAIL FROM:<s@c>" and "RCPT TO:<r@u>" that may reach a smarthost.
  [[nodiscard]] const std::vector<std::string>& envelope_lines() const { return envelope_lines_; }
  [[nodiscard]] bool is_over() const { return state_ == State::over; }

 private:
  enum class State { commands, mail_data, chunk, over };

  bool take();
  bool take_line();
  bool take_mail_data();
  bool take_chunk();
  void on_line(const std::string& line);
  void on_mail(const std::string& argument);
  void on_rcpt(const std::string& argument);
  void on_data();
  void on_bdat(const std::string& argument);
  void say(int code) { codes_.push_back(code); }
  void refuse(int code);
  void junk(int code);
  void end(int code);
  void clear();

  bool is_chunking_;
  State state_ = State::commands;
  std::string input_;
  std::optional<Mail> mail_;
  bool may_begin_anew_ = false;
  bool has_chunks_ = false;
  int chunk_failure_ = 0;  // what chunks of a mail that failed are answered with
  std::size_t chunk_size_ = 0;
  bool is_last_chunk_ = false;
  int chunk_refusal_ = 0;  // of the chunk that is being read
  std::string raw_;        // of the chunks so far
  int errors_ = 0;
  int junk_ = 0;
  std::vector<Mail> mails_;
  std::vector<int> codes_;
  std::vector<std::string> envelope_lines_;
};

}  // namespace relay
