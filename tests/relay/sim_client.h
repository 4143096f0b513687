// A client that sends some mails and remembers what it was told: one command at a time, or as much
// at once as RFC 2920 allows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "relay/pair.h"

namespace relay {

struct ClientPlan {
  int mails = 2;
  int recipients = 2;
  bool is_pipelined = false;
  bool says_ehlo_between = false;  // EHLO instead of RSET after a failure
  int chunks = 2;                  // pieces its mail data comes in
  bool says_bdat = false;          // each piece is a chunk (RFC 3030)
};

class SimClient {
 public:
  struct Result {
    std::string sender;
    std::vector<std::string> accepted_recipients;
    std::string content;
    int final_code = 0;  // of the reply to the end of data; 0: it never came to that
  };

  SimClient(Pair& pair, ClientPlan plan);

  // Hears what was said, and says what is next when all replies have come. False when there is
  // nothing to say.
  bool act();
  void listen();
  [[nodiscard]] bool is_done() const { return stage_ == Stage::done; }
  [[nodiscard]] bool is_waiting() const { return replies_due_ > 0; }
  [[nodiscard]] const std::vector<Result>& results() const { return results_; }
  [[nodiscard]] const std::vector<int>& codes() const { return codes_; }
  [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }

 private:
  enum class Stage { greeting, hello, mail, rcpt, data, body, cleanup, quit, done };

  void say(const std::string& bytes, int replies);
  void on_reply(const std::string& text);
  void begin_mail();
  void next_command();
  void next_chunk();
  void next_bdat();
  void after_data(int code);
  void end_mail();
  [[nodiscard]] std::string recipient(int index) const;

  Pair& pair_;
  ClientPlan plan_;
  Stage stage_ = Stage::greeting;
  int replies_due_ = 1;
  int mail_ = 0;
  int rcpt_ = 0;        // the next to be sent
  int rcpt_heard_ = 0;  // the next to be answered
  int chunk_ = 0;
  int data_code_ = 0;
  bool is_mail_refused_ = false;
  std::string heard_;
  std::vector<Result> results_;
  std::vector<int> codes_;
  std::vector<std::string> faults_;
};

}  // namespace relay
