#include "relay/fake_smarthost.h"

#include <algorithm>
#include <utility>

namespace relay {

namespace {

// The path of "FROM:<a@b> SIZE=1".
std::string path_of(const std::string& argument) {
  const std::size_t begin = argument.find('<');
  const std::size_t end = argument.find('>');
  if (begin == std::string::npos || end == std::string::npos) return {};
  return argument.substr(begin, end - begin + 1);
}

std::string unstuffed(std::string_view data) {
  std::string out;
  while (!data.empty()) {
    const std::size_t end = data.find("\r\n");
    std::string_view line = data.substr(0, end);
    data.remove_prefix(end == std::string_view::npos ? data.size() : end + 2);
    if (line.starts_with('.')) line.remove_prefix(1);
    out.append(line).append("\r\n");
  }
  return out;
}

}  // namespace

FakeSmarthost::FakeSmarthost(SmarthostScript script) : script_(std::move(script)) {
  queue("", "220 u.test ESMTP\r\n");
}

void FakeSmarthost::queue(const std::string& verb, const std::string& reply) {
  replies_.push_back(reply);
  last_verb_ = verb;
}

void FakeSmarthost::fault(const std::string& what) { faults_.push_back(what); }

std::string FakeSmarthost::take_reply() {
  std::string reply = std::move(replies_.front());
  replies_.pop_front();
  if (is_chunk_refused_ && replies_.empty()) is_refusal_heard_ = true;
  return reply;
}

void FakeSmarthost::receive(std::string_view bytes) {
  // RFC 2920 3.1: nothing may follow these before they are answered.
  const bool is_alone =
      last_verb_ == "DATA" || last_verb_ == "AUTH" || last_verb_ == "EHLO" || last_verb_ == ".";
  if (has_reply() && is_alone) fault("more came before the reply to " + last_verb_);
  input_.append(bytes);
  bool is_taken = true;
  while (is_taken && !input_.empty()) {
    switch (state_) {
      case State::commands:
      case State::auth: is_taken = take_line(); break;
      case State::mail_data:
      case State::swallowing: is_taken = take_mail_data(); break;
      case State::chunk: is_taken = take_chunk(); break;
    }
  }
}

bool FakeSmarthost::take_line() {
  const std::size_t end = input_.find("\r\n");
  if (end == std::string::npos) return false;
  const std::string line = input_.substr(0, end);
  input_.erase(0, end + 2);
  if (line.find_first_of(std::string("\r\n\0", 3)) != std::string::npos) fault("a stray control");
  if (state_ == State::auth) {
    on_auth_line();
  } else {
    const bool is_pipelining = script_.ehlo.find("PIPELINING") != std::string::npos;
    if (has_reply() && !is_pipelining) fault("pipelined although it is not offered: " + line);
    on_command(line);
  }
  return true;
}

bool FakeSmarthost::take_mail_data() {
  const bool is_swallowed = state_ == State::swallowing;
  if (!script_.early_verdict.empty() && !is_swallowed) {
    queue("", script_.early_verdict + "\r\n");
    state_ = State::swallowing;
    return true;
  }
  const std::string framed = "\r\n" + input_;
  const std::size_t end = framed.find("\r\n.\r\n");
  if (end == std::string::npos) return false;
  mail_.content = unstuffed(framed.substr(2, end));
  input_ = framed.substr(end + 5);
  state_ = State::commands;
  is_mail_open_ = false;
  // Who has the verdict already gets no other.
  if (!is_swallowed && say(".", "250 2.0.0 queued")) accepted_.push_back(mail_);
  mail_ = {};
  return true;
}

void FakeSmarthost::on_bdat(const std::string& argument) {
  if (script_.ehlo.find("CHUNKING") == std::string::npos) fault("BDAT although it is not offered");
  if (is_refusal_heard_) fault("a chunk behind one that was refused");
  if (mail_.recipients.empty()) fault("BDAT without a recipient");
  chunk_left_ = std::stoul(argument);
  is_last_chunk_ = argument == std::to_string(chunk_left_) + " LAST";
  if (!is_last_chunk_ && argument != std::to_string(chunk_left_)) fault("BDAT " + argument);
  has_chunks_ = true;
  state_ = State::chunk;
  if (chunk_left_ == 0) take_chunk();
}

bool FakeSmarthost::take_chunk() {
  const std::size_t count = std::min(chunk_left_, input_.size());
  mail_.content.append(input_, 0, count);
  input_.erase(0, count);
  chunk_left_ -= count;
  if (chunk_left_ > 0) return false;
  state_ = State::commands;
  if (is_chunk_refused_) {
    queue("BDAT", "503 5.5.1 discarded\r\n");
  } else if (!is_last_chunk_) {
    is_chunk_refused_ = !say("BDAT", "250 2.0.0 taken");
  } else if (say(".", "250 2.0.0 queued")) {
    accepted_.push_back(mail_);
    is_mail_open_ = false;
    mail_ = {};
  } else {
    is_chunk_refused_ = true;
  }
  return true;
}

void FakeSmarthost::on_command(const std::string& line) {
  commands_.push_back(line);
  const std::size_t space = line.find(' ');
  const std::string verb = line.substr(0, space);
  const std::string argument = space == std::string::npos ? "" : line.substr(space + 1);
  if (verb == "EHLO") {
    queue(verb, script_.ehlo);
  } else if (verb == "MAIL") {
    on_mail(argument);
  } else if (verb == "RCPT") {
    on_rcpt(argument);
  } else if (verb == "DATA") {
    on_data();
  } else if (verb == "BDAT") {
    on_bdat(argument);
  } else if (verb == "RSET") {
    if (say(verb, "250 2.0.0 reset")) {
      is_mail_open_ = false;
      is_chunk_refused_ = is_refusal_heard_ = has_chunks_ = false;
      mail_ = {};
    } else {
      is_reset_refused_ = true;
    }
  } else if (verb == "AUTH") {
    if (argument == "LOGIN") {
      if (say(verb, "334 VXNlcm5hbWU6")) state_ = State::auth;
    } else if (say(verb, "235 2.7.0 welcome")) {
      is_authenticated_ = true;
    }
  } else if (verb == "QUIT") {
    say(verb, "221 2.0.0 bye");
  } else {
    fault("unknown command: " + line);
    queue("", "500 what\r\n");
  }
}

void FakeSmarthost::on_mail(const std::string& argument) {
  if (is_mail_open_) {
    // In one write with a RSET that is refused it is nobody's fault.
    if (!is_reset_refused_) fault("MAIL inside a transaction");
    queue("MAIL", "503 5.5.1 nested MAIL\r\n");
    return;
  }
  mail_ = {};
  is_chunk_refused_ = is_refusal_heard_ = has_chunks_ = false;
  if (!say("MAIL", "250 2.1.0 fine")) return;
  is_mail_open_ = true;
  mail_.sender = path_of(argument);
}

void FakeSmarthost::on_rcpt(const std::string& argument) {
  const std::string path = path_of(argument);
  if (!is_mail_open_) {
    queue("RCPT", "503 5.5.1 " + path + " without MAIL\r\n");
    return;
  }
  if (say("RCPT", "250 2.1.5 " + path + " fine")) mail_.recipients.push_back(path);
}

void FakeSmarthost::on_data() {
  if (has_chunks_) fault("DATA behind BDAT");
  if (mail_.recipients.empty()) {
    fault("DATA without a recipient");
    queue("DATA", "503 5.5.1 no recipient\r\n");
    return;
  }
  if (say("DATA", "354 go ahead")) state_ = State::mail_data;
}

void FakeSmarthost::on_auth_line() {
  state_ = State::commands;
  is_authenticated_ = say("AUTH", "235 2.7.0 welcome");
}

bool FakeSmarthost::say(const std::string& verb, const std::string& usual) {
  std::string reply = usual;
  auto& scripted = script_.replies[verb];
  if (!scripted.empty()) {
    if (!scripted.front().empty()) reply = scripted.front();
    scripted.pop_front();
  }
  queue(verb, reply + "\r\n");
  return reply.front() == '2' || reply.front() == '3';
}

}  // namespace relay
