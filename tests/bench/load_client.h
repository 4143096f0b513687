// One connection of an application that sends mail: commands one by one, each reply waited for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/channel.h"

namespace bench {

// What all clients do.
struct Plan {
  std::uint16_t port = 0;
  unsigned host = 1;  // clients come from 127.0.0.this
  long messages = 1;
  long per_connection = 1;
  std::size_t size = 4096;  // of a message; rounded down to whole lines
  std::uint64_t first_id = 0;
  std::size_t pause_after = 0;  // bytes of a message: wait there to be told to go on; 0: never
  bool is_pipelining = false;
  bool is_idle = false;    // say EHLO and stay
  SSL_CTX* tls = nullptr;  // STARTTLS and verification, if there is one
  std::string name;        // to verify
  // Sessions to resume, those of TLS 1.3 once each (RFC 8446 C.4), by those who do.
  std::vector<Ticket>* tickets = nullptr;
};

// Who sends which message, and what became of them.
class Book {
 public:
  Book(const Plan& plan, Instant last_start)
      : plan_(plan), last_start_(last_start), is_holding_(plan.is_idle || plan.pause_after > 0) {}

  // The id of the next message to send, unless all were taken or the time is over.
  [[nodiscard]] std::optional<std::uint64_t> take();
  void accept(Clock::duration took) { milliseconds_.push_back(to_ms(took)); }
  void fail(std::string_view why);
  [[nodiscard]] long accepted() const { return static_cast<long>(milliseconds_.size()); }
  [[nodiscard]] long failed() const { return failed_; }
  // Whether clients stay where the plan lets them wait. It ends once, for all of them.
  [[nodiscard]] bool is_holding() const { return is_holding_; }
  void end_hold() { is_holding_ = false; }
  [[nodiscard]] const std::string& first_failure() const { return first_failure_; }
  // The time that `share` of the accepted messages did not exceed.
  [[nodiscard]] double quantile(double share);

 private:
  static double to_ms(Clock::duration took) {
    return std::chrono::duration<double, std::milli>(took).count();
  }

  const Plan& plan_;
  Instant last_start_;
  bool is_holding_;
  long taken_ = 0;
  long failed_ = 0;
  std::string first_failure_;
  std::vector<double> milliseconds_;
};

class Client {
 public:
  // `began`: to connect.
  Client(int fd, Instant began, const Plan& plan, Book& book, std::uint64_t id);

  // connecting: no greeting yet; held: idle, or paused in its message.
  enum class Status { connecting, going, held, over };
  // As the last advance() left it.
  [[nodiscard]] Status status() const { return status_; }
  // Does what can be done now; call it when the socket is ready, and when the hold has ended.
  void advance();
  [[nodiscard]] int fd() const { return channel_.fd(); }
  [[nodiscard]] bool wants_to_write() const { return channel_.is_blocked(); }
  // Gives up the message under way.
  void abandon(std::string_view why);

 private:
  // What the next reply answers.
  enum class State {
    greeting,
    ehlo,
    starttls,
    handshake,
    mail,
    rcpt,
    data,
    body,
    quit,
    idle,
    over
  };

  void read();
  void on_reply(std::string_view line);
  void start_tls();
  void after_ehlo();
  void say(std::string_view command, State next);
  void leave();
  void begin_transaction();
  void begin_body();
  void send_body();
  [[nodiscard]] bool is_paused() const;
  [[nodiscard]] Status find_status() const;
  void send_lines();
  void end_transaction();

  Channel channel_;
  const Plan& plan_;
  Book& book_;
  Status status_ = Status::connecting;
  State state_ = State::greeting;
  std::optional<std::uint64_t> id_;  // of the message under way
  Instant began_;                    // to send it
  long sent_ = 0;                    // messages over this connection
  std::string unsent_;               // headers of a message whose lines follow
  std::size_t lines_left_ = 0;
  std::size_t lines_held_ = 0;  // of these, as long as the hold lasts
  std::string replies_;         // an incomplete line of them
};

}  // namespace bench
