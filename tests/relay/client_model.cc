#include "relay/client_model.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace relay {

namespace {

constexpr int kMostErrors = 20;
constexpr int kMostJunk = 100;
constexpr std::size_t kLongestLine = 2048;

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::string trim(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Every line end becomes CRLF and no NUL is left; with `is_stuffed`, a dot behind a CRLF (or at the
// beginning) goes, unless it is all of a line that ends in half a CRLF, and of two dots behind half
// a CRLF one goes.
std::string normalised(const std::string& raw, bool is_stuffed) {
  std::string out;
  bool is_fresh = true;
  bool is_half_fresh = false;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    const char next = i + 1 < raw.size() ? raw[i + 1] : '\0';
    const bool is_first_of_two = is_half_fresh && c == '.' && next == '.';
    is_half_fresh = false;
    if (is_stuffed && is_first_of_two) continue;
    if (is_stuffed && is_fresh && c == '.' && next != '\r' && next != '\n') {
      is_fresh = false;
      continue;
    }
    is_fresh = false;
    if (c == '\r' && next == '\n') {
      out.append("\r\n");
      is_fresh = true;
      ++i;
    } else if (c == '\r' || c == '\n') {
      out.append("\r\n");
      is_half_fresh = true;
    } else {
      out.push_back(c);
    }
  }
  return out;
}

bool is_header(const std::string& line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos || colon == 0) return false;
  if (colon + 1 < line.size() && line[colon + 1] != ' ') return false;
  return std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  });
}

// The path of "FROM:<a@b>" or "TO: a@b", with brackets; empty when there is none.
std::string path_of(const std::string& argument, const std::string& keyword) {
  if (upper(argument.substr(0, keyword.size())) != keyword) return {};
  std::string path = trim(argument.substr(keyword.size()));
  if (!path.starts_with(':')) return {};
  path = trim(path.substr(1));
  if (!path.starts_with('<')) path = "<" + path + ">";
  const bool is_plain =
      path.size() > 2 && path.ends_with('>') && path.find_first_of("<> \"", 1) == path.size() - 1;
  return is_plain ? path : std::string();
}

}  // namespace

void ClientModel::receive(std::string_view bytes) {
  input_.append(bytes);
  while (take()) {
  }
}

bool ClientModel::take() {
  switch (state_) {
    case State::commands: return take_line();
    case State::mail_data: return take_mail_data();
    case State::chunk: return take_chunk();
    case State::over: break;
  }
  return false;
}

bool ClientModel::take_line() {
  const std::size_t end = input_.find('\n');
  if (end == std::string::npos) return false;
  std::string line = input_.substr(0, end);
  input_.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  on_line(line);
  return true;
}

void ClientModel::on_line(const std::string& line) {
  if (errors_ >= kMostErrors) return end(421);
  const std::string verb = upper(line.substr(0, line.find(' ')));
  const std::string argument =
      line.find(' ') == std::string::npos ? "" : trim(line.substr(line.find(' ')));
  int fault = 0;
  if (line.find('\r') != std::string::npos) fault = 501;
  if (line.find('\0') != std::string::npos) fault = 500;
  if (line.size() + 2 > kLongestLine) fault = 500;
  const bool is_bdat = verb == "BDAT" && !is_header(line);
  if ((!is_bdat || fault != 0) && upper(line.substr(0, 8)).find("BDAT") != std::string::npos) {
    return end(501);
  }
  if (fault != 0) return refuse(fault);
  if (is_header(line)) return end(554);
  if (verb == "EHLO" || verb == "HELO") {
    clear();
    junk(250);
  } else if (verb == "MAIL") {
    on_mail(argument);
  } else if (verb == "RCPT") {
    on_rcpt(argument);
  } else if (verb == "DATA") {
    on_data();
  } else if (verb == "BDAT") {
    on_bdat(argument);
  } else if (verb == "RSET") {
    clear();
    junk(250);
  } else if (verb == "NOOP") {
    junk(250);
  } else if (verb == "VRFY") {
    junk(252);
  } else if (verb == "QUIT") {
    end(221);
  } else if (verb == "EXPN" || verb == "XCLIENT" || verb == "STARTTLS" || verb == "AUTH") {
    refuse(502);
  } else {
    refuse(500);
  }
}

void ClientModel::on_mail(const std::string& argument) {
  if (mail_ && !may_begin_anew_) return refuse(503);
  clear();
  const std::string path = path_of(argument, "FROM");
  if (path.empty()) return refuse(501);
  mail_.emplace();
  mail_->sender = path;
  envelope_lines_.push_back("MAIL FROM:" + path);
  say(250);
}

void ClientModel::on_rcpt(const std::string& argument) {
  if (!mail_ || has_chunks_) return refuse(503);
  const std::string path = path_of(argument, "TO");
  if (path.empty()) return say(501);
  mail_->recipients.push_back(path);
  envelope_lines_.push_back("RCPT TO:" + path);
  say(250);
}

void ClientModel::on_data() {
  const bool is_open = mail_ && !mail_->recipients.empty() && !has_chunks_;
  if (is_open) {
    state_ = State::mail_data;
    return say(354);
  }
  // Mail data stands behind it already: none of that is a command.
  if (!input_.empty()) return end(503);
  may_begin_anew_ = mail_ && mail_->recipients.empty();
  refuse(503);
}

bool ClientModel::take_mail_data() {
  const std::string framed = "\r\n" + input_;
  const std::size_t end = framed.find("\r\n.\r\n");
  if (end == std::string::npos) return false;
  const std::string raw = framed.substr(2, end);
  input_ = framed.substr(end + 5);
  state_ = State::commands;
  junk_ = 0;
  if (raw.find('\0') != std::string::npos) {
    say(554);
  } else {
    errors_ = 0;
    mail_->content = normalised(raw, true);
    mails_.push_back(*std::move(mail_));
    say(250);
  }
  clear();
  return true;
}

void ClientModel::on_bdat(const std::string& argument) {
  if (!is_chunking_) return end(502);
  std::size_t digits = 0;
  while (digits < argument.size() && argument[digits] >= '0' && argument[digits] <= '9') ++digits;
  const std::string marker = upper(trim(argument.substr(digits)));
  const bool is_apart = digits == argument.size() || argument[digits] == ' ';
  const bool is_good =
      digits > 0 && digits < 19 && is_apart && (marker.empty() || marker == "LAST");
  if (!is_good) return end(501);
  chunk_size_ = std::stoull(argument.substr(0, digits));
  is_last_chunk_ = marker == "LAST";
  chunk_refusal_ = chunk_failure_;
  if (chunk_refusal_ == 0 && (!mail_ || mail_->recipients.empty())) chunk_refusal_ = 503;
  if (chunk_refusal_ != 0) {
    clear();
    chunk_failure_ = chunk_refusal_;
  } else {
    has_chunks_ = true;
  }
  state_ = State::chunk;
}

bool ClientModel::take_chunk() {
  if (input_.size() < chunk_size_) return false;
  const std::string chunk = input_.substr(0, chunk_size_);
  input_.erase(0, chunk_size_);
  state_ = State::commands;
  if (chunk_refusal_ != 0) {
    refuse(chunk_refusal_);
    return true;
  }
  raw_.append(chunk);
  if (chunk_size_ == 0 && !is_last_chunk_ && ++junk_ > kMostJunk) ++errors_;
  const bool is_refused = raw_.find('\0') != std::string::npos;
  if (is_last_chunk_) {
    junk_ = 0;
    if (!is_refused) {
      errors_ = 0;
      mail_->content = normalised(raw_, false);
      mails_.push_back(*std::move(mail_));
    }
    clear();
  } else if (is_refused) {
    clear();
    chunk_failure_ = 554;
  }
  say(is_refused ? 554 : 250);
  return true;
}

void ClientModel::refuse(int code) {
  ++errors_;
  say(code);
}

void ClientModel::junk(int code) {
  if (++junk_ > kMostJunk) ++errors_;
  say(code);
}

void ClientModel::end(int code) {
  say(code);
  state_ = State::over;
}

void ClientModel::clear() {
  mail_.reset();
  may_begin_anew_ = false;
  has_chunks_ = false;
  chunk_failure_ = 0;
  raw_.clear();
}

}  // namespace relay
