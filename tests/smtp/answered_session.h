// A session whose every wish is granted, as by a smarthost that says yes to everything.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "smtp/server_session.h"
#include "smtp/tolerance.h"
#include "support/describe_session.h"

namespace smtp {

class AnsweredSession {
 public:
  explicit AnsweredSession(Syntax syntax = Syntax::tolerant) {
    offered_.pipelining = offered_.size = offered_.dsn = offered_.eight_bit_mime = true;
    offered_.starttls = offered_.chunking = offered_.binarymime = offered_.smtputf8 = true;
    offered_.auth_mechanisms = {"PLAIN", "LOGIN"};
    ServerOptions options;
    options.hostname = "seal.test";
    options.syntax = syntax;
    session_.emplace(std::move(options), now_);
  }

  void greet() {
    session_->greet(offered_, now_);
    drain();
  }
  void say(std::string_view bytes) {
    session_->receive(bytes, now_);
    drain();
  }
  // As a client that waits for each reply.
  void say_in_turn(std::string_view lines) {
    while (!lines.empty()) {
      const std::size_t end = lines.find('\n') + 1;
      say(lines.substr(0, end));
      lines.remove_prefix(end);
    }
  }
  void wait(base::Duration duration) {
    now_ += duration;
    session_->on_time(now_);
    drain();
  }
  // What AUTH is answered with, before it succeeds.
  void prompt(std::string text) { prompts_.push_back(std::move(text)); }

  [[nodiscard]] const std::vector<std::string>& events() const { return events_; }
  std::vector<std::string> take_events() { return std::exchange(events_, {}); }
  [[nodiscard]] bool is_finished() const { return session_->is_finished(); }
  std::string heard() {
    std::string output(session_->output());
    session_->consume_output(output.size());
    return output;
  }
  std::vector<std::string> tolerated() {
    std::vector<std::string> all;
    for (const Tolerance one : session_->take_tolerated().list()) {
      all.emplace_back(to_string(one));
    }
    return all;
  }

 private:
  void drain() {
    for (int i = 0; i < 1000; ++i) {
      const ServerEvent event = session_->next_event();
      if (std::holds_alternative<NeedMore>(event)) return;
      events_.push_back(describe(event));
      answer(event);
    }
    ADD_FAILURE() << "events without end";
  }

  void answer(const ServerEvent& event) {
    if (std::holds_alternative<from_client::Hello>(event)) {
      session_->answer_hello(offered_, now_);
    } else if (std::holds_alternative<from_client::Data>(event)) {
      session_->reply(Reply::make(354, "", "go"), now_);
    } else if (std::holds_alternative<from_client::StartTls>(event)) {
      session_->reply(Reply::make(220, "2.0.0", "go"), now_);
    } else if (is_auth(event) && prompt_ < prompts_.size()) {
      session_->reply(Reply::make(334, "", prompts_[prompt_++]), now_);
    } else if (is_auth(event)) {
      session_->reply(Reply::make(235, "2.7.0", "welcome"), now_);
    } else if (session_->is_reply_owed()) {
      session_->reply(Reply::make(250, "2.0.0", "ok"), now_);
    }
  }

  static bool is_auth(const ServerEvent& event) {
    return std::holds_alternative<from_client::Auth>(event) ||
           std::holds_alternative<from_client::AuthResponse>(event);
  }

  base::Instant now_{std::chrono::hours(1)};
  Extensions offered_;
  std::optional<ServerSession> session_;
  std::vector<std::string> prompts_;
  std::size_t prompt_ = 0;
  std::vector<std::string> events_;
};

}  // namespace smtp
