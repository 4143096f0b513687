#include "relay/sim_client.h"

#include <cstdlib>

namespace relay {

SimClient::SimClient(Pair& pair, ClientPlan plan) : pair_(pair), plan_(plan) {}

std::string SimClient::recipient(int index) const {
  return "<r" + std::to_string(mail_) + "." + std::to_string(index) + "@u>";
}

void SimClient::say(const std::string& bytes, int replies) {
  replies_due_ += replies;
  pair_.client_says(bytes);
}

void SimClient::listen() {
  heard_.append(pair_.client_hears());
  std::size_t begin = 0;
  std::string lines;
  while (true) {
    const std::size_t end = heard_.find("\r\n", begin);
    if (end == std::string::npos) break;
    const std::string line = heard_.substr(begin, end - begin);
    begin = end + 2;
    if (line.size() > 3 && line[3] == '-') continue;
    on_reply(line);
  }
  heard_.erase(0, begin);
  if (pair_.server().is_finished()) stage_ = Stage::done;
}

bool SimClient::act() {
  listen();
  if (stage_ == Stage::done || replies_due_ > 0) return false;
  switch (stage_) {
    case Stage::greeting:
      stage_ = Stage::hello;
      say("EHLO c.test\r\n", 1);
      break;
    case Stage::hello: begin_mail(); break;
    case Stage::mail:
    case Stage::rcpt:
    case Stage::data: next_command(); break;
    case Stage::body:
      if (plan_.says_bdat) {
        next_bdat();
      } else {
        next_chunk();
      }
      break;
    case Stage::cleanup: end_mail(); break;
    case Stage::quit:
    case Stage::done: stage_ = Stage::done; return false;
  }
  return true;
}

void SimClient::begin_mail() {
  if (mail_ == plan_.mails) {
    stage_ = Stage::quit;
    say("QUIT\r\n", 1);
    return;
  }
  rcpt_ = rcpt_heard_ = chunk_ = data_code_ = 0;
  is_mail_refused_ = false;
  Result result;
  result.sender = "<s" + std::to_string(mail_) + "@c>";
  result.content = "Subject: mail " + std::to_string(mail_) + "\r\n\r\n.line\r\n..line\r\nend\r\n";
  std::string commands = "MAIL FROM:" + result.sender + "\r\n";
  results_.push_back(std::move(result));
  stage_ = Stage::mail;
  if (!plan_.is_pipelined) {
    say(commands, 1);
    return;
  }
  for (int i = 0; i < plan_.recipients; ++i) commands.append("RCPT TO:" + recipient(i) + "\r\n");
  rcpt_ = plan_.recipients;
  if (plan_.says_bdat) {
    say(commands, plan_.recipients + 1);
  } else {
    say(commands + "DATA\r\n", plan_.recipients + 2);
  }
}

// After the replies to MAIL, one RCPT or DATA (or to all of them).
void SimClient::next_command() {
  if (data_code_ != 0) {
    after_data(data_code_);
  } else if (is_mail_refused_) {
    end_mail();
  } else if (rcpt_ < plan_.recipients) {
    stage_ = Stage::rcpt;
    const std::string command = "RCPT TO:" + recipient(rcpt_++) + "\r\n";
    say(command, 1);
  } else if (results_.back().accepted_recipients.empty()) {
    after_data(554);
  } else if (plan_.says_bdat) {
    stage_ = Stage::body;
    data_code_ = 354;
    next_bdat();
  } else {
    stage_ = Stage::data;
    say("DATA\r\n", 1);
  }
}

void SimClient::after_data(int code) {
  if (code == 354) {
    stage_ = Stage::body;
    next_chunk();
    return;
  }
  stage_ = Stage::cleanup;
  say(plan_.says_ehlo_between ? "EHLO c.test\r\n" : "RSET\r\n", 1);
}

void SimClient::next_chunk() {
  std::string stuffed;
  std::string_view rest = results_.back().content;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n") + 2;
    if (rest.front() == '.') stuffed.push_back('.');
    stuffed.append(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  stuffed.append(".\r\n");
  const std::size_t size = stuffed.size() / static_cast<std::size_t>(plan_.chunks) + 1;
  const std::size_t at = size * static_cast<std::size_t>(chunk_++);
  const bool is_last = at + size >= stuffed.size();
  if (is_last) stage_ = Stage::cleanup;
  say(stuffed.substr(at, size), is_last ? 1 : 0);
}

void SimClient::next_bdat() {
  const std::string& content = results_.back().content;
  const std::size_t size = content.size() / static_cast<std::size_t>(plan_.chunks) + 1;
  const std::size_t at = size * static_cast<std::size_t>(chunk_++);
  const std::string piece = content.substr(at, size);
  const bool is_last = at + size >= content.size();
  if (is_last) stage_ = Stage::cleanup;
  say("BDAT " + std::to_string(piece.size()) + (is_last ? " LAST\r\n" : "\r\n") + piece, 1);
}

void SimClient::end_mail() {
  ++mail_;
  begin_mail();
}

void SimClient::on_reply(const std::string& text) {
  const int code = std::atoi(text.substr(0, 3).c_str());
  codes_.push_back(code);
  if (code == 421) {
    stage_ = Stage::done;
    replies_due_ = 0;
    return;
  }
  if (stage_ == Stage::done || replies_due_ == 0) {
    faults_.push_back("a reply to nothing: " + text);
    return;
  }
  --replies_due_;
  if (stage_ == Stage::cleanup && data_code_ == 354) {
    results_.back().final_code = code;
  } else if (stage_ == Stage::body) {
    // A chunk was refused: that was this mail.
    if (code >= 400) {
      results_.back().final_code = code;
      stage_ = Stage::cleanup;
      data_code_ = 0;
    }
  } else if (stage_ == Stage::mail || stage_ == Stage::rcpt || stage_ == Stage::data) {
    const bool is_to_mail =
        stage_ == Stage::mail &&
        (!plan_.is_pipelined || replies_due_ == plan_.recipients + (plan_.says_bdat ? 0 : 1));
    const bool is_to_data =
        stage_ == Stage::data || (plan_.is_pipelined && !plan_.says_bdat && replies_due_ == 0);
    if (is_to_mail) {
      is_mail_refused_ = code >= 400;
    } else if (is_to_data) {
      data_code_ = code;
    } else {
      const std::string expected = recipient(rcpt_heard_++);
      if (text.find("<r") != std::string::npos && text.find(expected) == std::string::npos) {
        faults_.push_back("the reply to another recipient than " + expected + ": " + text);
      }
      if (code < 300) results_.back().accepted_recipients.push_back(expected);
    }
  }
}

}  // namespace relay
